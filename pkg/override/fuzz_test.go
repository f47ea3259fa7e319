// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// overrides of the samples and of the documentation, and the corners of a merge.
var overrides = []string{
	`{"vmstorage":{"storage":{"volumeClaimTemplate":{"spec":{"resources":{"requests":{"storage":"20Gi"}}}}}}}`,
	`{"vmstorage":{"replicaCount":0,"maintenanceInsertNodeIDs":null,"image":{"tag":"v2"}},"vmselect":{}}`,
	`{"a":[1,{"b":null},null],"c":{"d":null,"e":{}},"f":1.0}`,
	`{"a":{"b":{"c":null}},"f":null,"":-0.0}`,
	`{"a":12345678901234567890,"f":1e400}`,
	`{}`,
}

// addPairs adds every override as a base and as a patch of every other one.
func addPairs(add func(base, patch string)) {
	for _, base := range overrides {
		for _, patch := range overrides {
			add(base, patch)
		}
	}
}

// object decodes text, and says whether it is a JSON object.
func object(text string) (map[string]any, bool) {
	var doc map[string]any
	err := utiljson.Unmarshal([]byte(text), &doc)
	return doc, err == nil && doc != nil
}

// FuzzApply holds Apply against the library with which an API server carries out
// merge patches, and so against what becomes of the patches that are sent to it.
// That one drops nulls of maps inside of lists, which count as absent.
func FuzzApply(f *testing.F) {
	addPairs(func(base, patch string) { f.Add(base, patch) })
	f.Fuzz(func(t *testing.T, base, patch string) {
		b, ok := object(base)
		p, okPatch := object(patch)
		if ok && okPatch {
			checkApply(t, b, p)
		}
	})
}

func checkApply(t *testing.T, base, patch map[string]any) {
	t.Helper()
	raw, err := jsonpatch.MergePatch([]byte(render(t, base)), []byte(render(t, patch)))
	if err != nil {
		t.Fatalf("base %s\npatch %s\nthe library refuses: %v", render(t, base), render(t, patch), err)
	}
	theirs, ok := object(string(raw))
	if ours := Apply(base, patch); !ok || !Equal(ours, theirs) {
		t.Errorf("base %s\npatch %s\n ours %s\ntheirs %s", render(t, base), render(t, patch), render(t, ours), raw)
	}
	// The patch travels as text, and so does the record of it.
	if again, ok := object(render(t, patch)); !ok || !Equal(again, patch) || len(Paths(again)) != len(Paths(patch)) {
		t.Errorf("%s reads back as %s", render(t, patch), render(t, again))
	}
}

func FuzzLaws(f *testing.F) {
	addPairs(func(base, patch string) { f.Add(base, patch, base) })
	f.Add(`{"a":1}`, `{"a":{"b":null}}`, `{"a":{"c":[]}}`)
	f.Add(`{"vmstorage":{"replicaCount":2}}`, `{"vmstorage":{"replicaCount":0},"vmselect":{}}`, `{"vmselect":{"x":null}}`)
	f.Add(`{"m":{"a":1.0}}`, `{"m":null}`, `{"m":{"a":1}}`)
	f.Fuzz(func(t *testing.T, base, patch, live string) {
		b, ok := object(base)
		p, okPatch := object(patch)
		l, okLive := object(live)
		if ok && okPatch && okLive {
			checkLaws(t, withoutNulls(b), p, l)
		}
	})
}

func FuzzRebase(f *testing.F) {
	addPairs(func(base, patch string) { f.Add(base, patch, base) })
	f.Add(`{"v":{"a":1,"s":2}}`, `{"v":{"a":1}}`, `{"v":5}`)
	f.Add(`{"m":{}}`, `{"m":{"a":null}}`, `{"m":null}`)
	f.Fuzz(func(t *testing.T, live, applied, inverse string) {
		l, ok := object(live)
		a, okApplied := object(applied)
		i, okInverse := object(inverse)
		if ok && okApplied && okInverse {
			checkRebase(t, l, a, i)
		}
	})
}

func FuzzDiff(f *testing.F) {
	addPairs(func(base, patch string) { f.Add(base, patch) })
	f.Add(`{"a":{"b":1}}`, `{"a":{}}`)
	f.Add(`{"a":1}`, `{"a":1.0,"b":[null,{"c":null}]}`)
	f.Fuzz(func(t *testing.T, from, to string) {
		a, ok := object(from)
		b, okTo := object(to)
		if ok && okTo {
			checkDiff(t, withoutNulls(a), withoutNulls(b))
		}
	})
}
