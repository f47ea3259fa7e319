// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clusterschema

import (
	_ "embed"
	"encoding/json"
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// builtInJSON is made by hack/update-codegen.sh from the operator's Go types,
// without descriptions.
//
//go:embed zz_generated.vmcluster.json
var builtInJSON []byte

// BuiltIn is what the Go types of the operator say that this program was built
// with.
func BuiltIn() (*Schema, error) {
	var definition struct {
		Version string                           `json:"operatorVersion"`
		Schema  *apiextensionsv1.JSONSchemaProps `json:"schema"`
	}
	if err := json.Unmarshal(builtInJSON, &definition); err != nil {
		return nil, fmt.Errorf("reading the built-in schema of VMCluster: %w", err)
	}
	schema, err := compile(definition.Schema)
	if err != nil {
		return nil, fmt.Errorf("reading the built-in schema of VMCluster: %w", err)
	}
	schema.origin = "the Go types of the VictoriaMetrics operator " + definition.Version
	return schema, nil
}
