// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command clusterschema writes what a CustomResourceDefinition of VMCluster, read
// from a file, says of the version that we write, as pkg/clusterschema embeds it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

func main() {
	crd := flag.String("crd", "", "file with the CustomResourceDefinition")
	operator := flag.String("operator", "", "version of the operator that it is of")
	generator := flag.String("generator", "", "version of the generator that made it")
	output := flag.String("output", "", "file to write")
	flag.Parse()
	if err := run(*crd, *operator, *generator, *output); err != nil {
		fmt.Fprintln(os.Stderr, "clusterschema:", err)
		os.Exit(1)
	}
}

func run(from, operator, generator, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		return fmt.Errorf("reading %s: %w", from, err)
	}
	for _, version := range crd.Spec.Versions {
		if version.Name != victoriametrics.VMClusterKind.Version {
			continue
		}
		encoded, err := json.Marshal(map[string]any{
			"operatorVersion":  operator,
			"generatorVersion": generator,
			"schema":           version.Schema.OpenAPIV3Schema,
		})
		if err != nil {
			return err
		}
		return os.WriteFile(to, append(encoded, '\n'), 0o644)
	}
	return fmt.Errorf("%s has no version %s", from, victoriametrics.VMClusterKind.Version)
}
