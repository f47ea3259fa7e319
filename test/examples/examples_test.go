// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package examples

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

func TestExamplesNameTwoZonesEach(t *testing.T) {
	for name, load := range map[string]func() (Example, error){"inline": Inline, "references": References} {
		example, err := load()
		if err != nil {
			t.Fatal(err)
		}
		if example.Name == "" || len(example.Zones) != 2 || slices.Contains(example.Zones, "") {
			t.Errorf("example %s: %+v", name, example)
		}
	}
}

func TestSamplesCanStandIn(t *testing.T) {
	root, err := controlplane.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	for sample, leftOut := range map[string][]string{
		"vmdistributedcluster-inline.yaml":     nil,
		"vmdistributedcluster-references.yaml": {"vmagent", "vmusers"},
	} {
		body, err := asExample(filepath.Join(root, "artifacts", "samples", sample), leftOut...)
		if err != nil {
			t.Fatal(err)
		}
		example, err := parse(body)
		if err != nil || len(example.Zones) != 2 {
			t.Errorf("sample %s: %+v, %v", sample, example, err)
		}
		if without := leftOut != nil; without != (example.Agent == "" && len(example.Users) == 0) {
			t.Errorf("sample %s names VMAgent %q and VMUsers %v", sample, example.Agent, example.Users)
		}
	}
}
