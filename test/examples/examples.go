// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package examples gives tests the two examples of the document that the project
// began with, exactly as they stand, where the folder shared/seed lies beside the
// checkout; and elsewhere the samples of the same shapes in artifacts/samples.
package examples

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// Example is a manifest of one VMDistributedCluster.
type Example struct {
	// Name of the object.
	Name string
	// Zones are the names of its VMClusters, in order.
	Zones []string
	// Agent is the name of its VMAgent, Users are those of its VMUsers.
	Agent string
	Users []string
	// Body is the manifest. It names no namespace.
	Body []byte
}

// Inline has two zones that it defines itself.
func Inline() (Example, error) {
	return load("example-inline.yaml", "vmdistributedcluster-inline.yaml")
}

// References refers to two zones: the first gets a volume of 20Gi, the second
// gets a second vmstorage.
func References() (Example, error) {
	return load("example-refs.yaml", "vmdistributedcluster-references.yaml", "vmagent", "vmusers", "strategy")
}

// load reads an example, or else a sample in its place, without those fields of
// its spec that the example has not.
func load(seed, sample string, leftOut ...string) (Example, error) {
	root, err := controlplane.FindRoot()
	if err != nil {
		return Example{}, err
	}
	body, err := os.ReadFile(filepath.Join(root, "..", "shared", "seed", seed))
	if errors.Is(err, fs.ErrNotExist) {
		body, err = asExample(filepath.Join(root, "artifacts", "samples", sample), leftOut...)
	}
	if err != nil {
		return Example{}, fmt.Errorf("reading the example %s: %w", seed, err)
	}
	return parse(body)
}

// asExample returns a sample without a namespace and some fields of its spec.
func asExample(path string, leftOut ...string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var object map[string]any
	if err := yaml.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	if metadata, ok := object["metadata"].(map[string]any); ok {
		delete(metadata, "namespace")
	}
	if spec, ok := object["spec"].(map[string]any); ok {
		for _, field := range leftOut {
			delete(spec, field)
		}
	}
	return yaml.Marshal(object)
}

func parse(body []byte) (Example, error) {
	var object struct {
		Metadata struct{ Name string }
		Spec     struct {
			VMAgent struct{ Name string }
			VMUsers []struct{ Name string }
			Zones   any
		}
	}
	if err := yaml.Unmarshal(body, &object); err != nil {
		return Example{}, err
	}
	found := Example{Name: object.Metadata.Name, Agent: object.Spec.VMAgent.Name, Body: body}
	for _, user := range object.Spec.VMUsers {
		found.Users = append(found.Users, user.Name)
	}
	found.addZones(object.Spec.Zones)
	if len(found.Zones) == 0 {
		return Example{}, fmt.Errorf("%s names no zone", found.Name)
	}
	return found, nil
}

// addZones reads an entry, a list of them, or an object that holds either.
func (e *Example) addZones(value any) {
	switch value := value.(type) {
	case []any:
		for _, entry := range value {
			e.addZones(entry)
		}
	case map[string]any:
		ref, _ := value["ref"].(map[string]any)
		switch {
		case value["vmclusters"] != nil:
			e.addZones(value["vmclusters"])
		case ref != nil:
			e.Zones = append(e.Zones, fmt.Sprint(ref["name"]))
		default:
			e.Zones = append(e.Zones, fmt.Sprint(value["name"]))
		}
	}
}
