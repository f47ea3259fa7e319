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
	for _, sample := range []string{"vmdistributedcluster-inline.yaml", "vmdistributedcluster-references.yaml"} {
		body, err := asExample(filepath.Join(root, "artifacts", "samples", sample))
		if err != nil {
			t.Fatal(err)
		}
		if example, err := parse(body); err != nil || len(example.Zones) != 2 {
			t.Errorf("sample %s: %+v, %v", sample, example, err)
		}
	}
}
