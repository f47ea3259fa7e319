// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

func TestReloadIsProvenByTimesOfWholeSeconds(t *testing.T) {
	at := func(seconds float64) time.Time {
		return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
	}
	for _, c := range []struct {
		name                            string
		changed, written, reloaded, now float64
		failed, proven                  bool
	}{
		{"loaded in a later second than the operator's word", 0.5, 1, 2, 2.5, false, true},
		{"in the same second, which may have been before it", 0.5, 1, 1, 1.9, false, false},
		{"in the same second, and nothing since", 0.5, 1, 1, 4.1, false, true},
		{"before the word, which may have been half of the change", 0.5, 2, 1, 2.5, false, false},
		{"before the word, and nothing since", 0.5, 2, 1, 5.1, false, true},
		{"before the change", 10.5, 11, 5, 12, false, false},
		{"a wrong configuration", 0.5, 1, 2, 2.5, true, false},
	} {
		reading := victoriametrics.ReloadReading{Successful: !c.failed, At: at(c.reloaded)}
		lacks := unloaded(reading, at(c.changed), at(c.written), at(c.now))
		if (lacks == "") != c.proven {
			t.Errorf("%s: lacks %q", c.name, lacks)
		}
	}
}

func TestVMUserThatItsVMAuthHasNotTakenUpYetIsNotLoaded(t *testing.T) {
	object := func(kind string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"kind": kind, "metadata": map[string]any{"name": "x", "namespace": "n"}, "spec": spec,
		}}
	}
	users := []*unstructured.Unstructured{object("VMUser", map[string]any{})}
	for name, c := range map[string]struct {
		spec map[string]any
		met  bool
	}{
		"selected":     {map[string]any{"userSelector": map[string]any{}}, false},
		"not selected": {map[string]any{}, true},
	} {
		auths := []*unstructured.Unstructured{object("VMAuth", c.spec)}
		if got := (&Gatherer{}).Loaded(t.Context(), users, auths, time.Unix(1000, 0)); got.Met != c.met {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
