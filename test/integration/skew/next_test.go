// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package skew

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// field is what the next version of the server knows and this one does not. It is at the
// beginning of the structs below.
const field = "later"

// extendedSpec and extendedStatus are those structs, of operator/v1alpha1 and of the hub.
var (
	extendedSpec   = []string{"VMDistributedClusterSpec", "Zone"}
	extendedStatus = []string{"VMDistributedClusterStatus", "ZoneStatus"}
)

// buildNext builds a server of the next version: this one, with one more field in some
// types, and another form of the record of several drained zones. The sources differ in memory alone, so that nothing is kept twice.
func buildNext(ctx context.Context, root, dir string) (program string, err error) {
	program = filepath.Join(dir, "vmdistributed-apiserver-next")
	replaced := map[string]string{}
	for _, file := range []struct {
		path string
		edit func(source, of string) (string, error)
		of   []string
	}{
		{"apis/operator/v1alpha1/types.go", addToType, extendedSpec},
		{"apis/operator/v1alpha1/types_status.go", addToType, extendedStatus},
		{"apis/vmdistributed/types.go", addToType, slices.Concat(extendedSpec, extendedStatus)},
		{"generated/openapi/zz_generated.openapi.go", addToSchema, slices.Concat(extendedSpec, extendedStatus)},
		{"pkg/victoriametrics/drainrecord.go", renameInRecord, []string{`json:"zones,omitempty"`, `"array", "drain", "zones"`}},
	} {
		raw, err := os.ReadFile(filepath.Join(root, file.path))
		if err != nil {
			return "", err
		}
		source := string(raw)
		for _, of := range file.of {
			if source, err = file.edit(source, of); err != nil {
				return "", fmt.Errorf("adding a field in %s: %w", file.path, err)
			}
		}
		written := filepath.Join(dir, strings.ReplaceAll(file.path, "/", "-"))
		if err := os.WriteFile(written, []byte(source), 0o600); err != nil {
			return "", err
		}
		replaced[filepath.Join(root, file.path)] = written
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "build", "-overlay", list, "-o", program, "./cmd/vmdistributed-apiserver")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the next version: %w: %s", err, out)
	}
	return program, nil
}

func addToType(source, of string) (string, error) {
	return insert(source, "\ntype "+of+" struct {\n", "Later string `json:\"later,omitempty\"`\n")
}

func addToSchema(source, of string) (string, error) {
	begin := "_operator_v1alpha1_" + of + "(ref common.ReferenceCallback) common.OpenAPIDefinition {"
	before, rest, found := strings.Cut(source, begin)
	if !found {
		return "", fmt.Errorf("there is no schema of %s", of)
	}
	rest, err := insert(rest, "Properties: map[string]spec.Schema{\n",
		`"later": {SchemaProps: spec.SchemaProps{Type: []string{"string"}, Format: ""}},`+"\n")
	return before + begin + rest, err
}

func renameInRecord(source, of string) (string, error) {
	before, after, found := strings.Cut(source, of)
	if !found {
		return "", fmt.Errorf("there is no %q", of)
	}
	return before + strings.Replace(of, "zones", field, 1) + after, nil
}

// insert puts text behind the first place where some other text is.
func insert(source, behind, text string) (string, error) {
	before, rest, found := strings.Cut(source, behind)
	if !found {
		return "", fmt.Errorf("there is no %q", behind)
	}
	return before + behind + text + rest, nil
}
