// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"testing"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// object decodes text, and says whether it is a JSON object.
func object(text string) (map[string]any, bool) {
	var doc map[string]any
	err := utiljson.Unmarshal([]byte(text), &doc)
	return doc, err == nil && doc != nil
}

func FuzzLaws(f *testing.F) {
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
