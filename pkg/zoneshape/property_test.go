// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// checkLaws holds for every body, well formed or not.
func checkLaws(t testing.TB, mediaType string, body []byte) {
	t.Helper()
	before := bytes.Clone(body)
	got, err := Normalise(mediaType, body)
	if !bytes.Equal(body, before) {
		t.Fatalf("%s %q\nthe body was written to", mediaType, before)
	}
	if got.Changed == bytes.Equal(got.Body, body) {
		t.Fatalf("%s %q\nchanged: %v, but got %q", mediaType, body, got.Changed, got.Body)
	}
	if !got.Changed {
		return
	}
	if err != nil || !json.Valid(got.Body) {
		t.Fatalf("%s %q\nbecame %q, error %v", mediaType, body, got.Body, err)
	}
	again, err := Normalise(got.MediaType, got.Body)
	if err != nil || again.Changed || again.MediaType != got.MediaType {
		t.Fatalf("%s %q\nbecame %q, and the second time %q, error %v", mediaType, body, got.Body, again.Body, err)
	}
}

// checkMeaning compares the canonical body with what a plain walk over the
// decoded document makes of it. The body has no duplicate keys.
func checkMeaning(t testing.TB, body []byte) {
	t.Helper()
	var want, have any
	if utiljson.Unmarshal(body, &want) != nil {
		return
	}
	got, err := Normalise(jsonType, body)
	want, ok := expected(want)
	if ok != (err == nil) {
		t.Fatalf("%s\nambiguous: %v, but the error is %v", body, !ok, err)
	}
	if !ok {
		return
	}
	if err := utiljson.Unmarshal(got.Body, &have); err != nil {
		t.Fatalf("%s\nbecame %s: %v", body, got.Body, err)
	}
	if !reflect.DeepEqual(have, want) {
		t.Fatalf("%s\nbecame %s\nwant %v", body, got.Body, want)
	}
}

// expected says what a decoded body becomes, and whether it can be told.
func expected(doc any) (any, bool) {
	object, _ := doc.(map[string]any)
	spec, _ := object[keySpec].(map[string]any)
	list, isList := spec[keyZones].([]any)
	if !isList {
		return doc, true
	}
	found := []any{}
	for _, item := range list {
		entries, ok := expectedEntries(item)
		if !ok {
			return nil, false
		}
		found = append(found, entries...)
	}
	spec[keyZones] = map[string]any{keyVMClusters: found}
	return doc, true
}

func expectedEntries(item any) ([]any, bool) {
	object, _ := item.(map[string]any)
	inner, isWrapped := object[keyVMClusters]
	if !isWrapped {
		return []any{item}, true
	}
	entries, isList := inner.([]any)
	if !isList {
		entries = []any{inner}
	}
	for _, entry := range entries {
		if object, ok := entry.(map[string]any); ok && object[keyVMClusters] != nil {
			return nil, false
		} else if _, again := object[keyVMClusters]; again {
			return nil, false
		}
	}
	for key, value := range object {
		if key == keyVMClusters {
			continue
		}
		entry, isObject := inner.(map[string]any)
		if _, taken := entry[key]; taken || !isObject || isEntryField(key) {
			return nil, false
		}
		entry[key] = value
	}
	return entries, true
}

// randomBody returns a document that has zones in some shape, or almost.
func randomBody(r *rand.Rand) any {
	return map[string]any{"kind": "x", keySpec: map[string]any{"paused": true, keyZones: randomZones(r)}}
}

func randomZones(r *rand.Rand) any {
	items := []any{}
	for range r.IntN(4) {
		items = append(items, randomItem(r, 2))
	}
	if r.IntN(8) == 0 {
		return map[string]any{keyVMClusters: items}
	}
	return items
}

func randomItem(r *rand.Rand, depth int) any {
	switch r.IntN(8) {
	case 0:
		return []any{nil, "a", 7.5, true, []any{}}[r.IntN(5)]
	case 1, 2, 3:
		if depth == 0 {
			break
		}
		item := map[string]any{keyVMClusters: randomItem(r, depth-1)}
		if r.IntN(3) == 0 {
			item[keyVMClusters] = []any{randomItem(r, depth-1), randomItem(r, depth-1)}
		}
		if r.IntN(3) == 0 {
			item[[]string{"x", "y", "name"}[r.IntN(3)]] = r.IntN(9)
		}
		return item
	}
	return map[string]any{"name": "a", "x": map[string]any{keyVMClusters: []any{}}}
}

func TestLawsHoldForRandomBodies(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 5000 {
		body, err := json.Marshal(randomBody(r))
		if err != nil {
			t.Fatal(err)
		}
		for _, mediaType := range []string{jsonType, yamlType, applyType} {
			checkLaws(t, mediaType, body)
		}
		checkMeaning(t, body)
	}
}

func TestLawsHoldForRandomPatches(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 5000 {
		operations := []any{
			map[string]any{"op": "add", "path": "", "value": randomBody(r)},
			map[string]any{"op": "replace", "path": "/spec/zones", "value": randomZones(r)},
			map[string]any{"op": "test", "path": "/spec/zones/vmclusters", "value": randomZones(r)},
			map[string]any{"op": "add", "path": "/spec/zones/vmclusters/-", "value": randomItem(r, 2)},
		}
		body, err := json.Marshal(operations[r.IntN(len(operations)):])
		if err != nil {
			t.Fatal(err)
		}
		checkLaws(t, patchType, body)
	}
}
