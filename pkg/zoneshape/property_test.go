// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
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
	if err != nil {
		checkError(t, err)
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

// checkError holds for every refusal: it is short, and one of a field says which.
func checkError(t testing.TB, err error) {
	t.Helper()
	if len(err.Error()) > 4*maxQuoted {
		t.Fatalf("the error is %d bytes long: %.200s", len(err.Error()), err)
	}
	var invalid *field.Error
	if !errors.As(err, &invalid) {
		return
	}
	if top, _, _ := strings.Cut(invalid.Field, "."); top != "spec" && !strings.HasPrefix(top, "patch[") {
		t.Fatalf("the error is about the field %q: %v", invalid.Field, err)
	}
}

// checkMeaning compares a canonical body of JSON with what a plain walk over the
// decoded document makes of it. The body has no duplicate keys.
func checkMeaning(t testing.TB, mediaType string, body []byte, walk func(doc any) (want any, ok bool)) {
	t.Helper()
	var doc, have any
	if utiljson.Unmarshal(body, &doc) != nil {
		return
	}
	got, err := Normalise(mediaType, body)
	want, ok := walk(doc)
	if ok != (err == nil) {
		t.Fatalf("%s %s\nambiguous: %v, but the error is %v", mediaType, body, !ok, err)
	}
	if !ok {
		return
	}
	if err := utiljson.Unmarshal(got.Body, &have); err != nil {
		t.Fatalf("%s %s\nbecame %s: %v", mediaType, body, got.Body, err)
	}
	if !reflect.DeepEqual(have, want) {
		t.Fatalf("%s %s\nbecame %s\nwant %v", mediaType, body, got.Body, want)
	}
}

// checkYAMLMeaning does so for a body of YAML, by way of the JSON that it stands
// for.
func checkYAMLMeaning(t testing.TB, body []byte) {
	t.Helper()
	converted, err := yaml.YAMLToJSONStrict(body)
	if err != nil {
		return
	}
	got, err := Normalise(yamlType, body)
	var refused *field.Error
	if err != nil && !errors.As(err, &refused) {
		return // aliases
	}
	plain, plainErr := Normalise(jsonType, converted)
	if (err == nil) != (plainErr == nil) || got.Changed != plain.Changed {
		t.Fatalf("%s\nchanged: %v, error %v; as JSON, changed: %v, error %v", body, got.Changed, err, plain.Changed, plainErr)
	}
	if got.Changed {
		sameJSON(t, body, got.Body, plain.Body)
	}
	checkMeaning(t, jsonType, converted, expected)
}

// checkStillYAML is about bodies of apply, which go on as YAML: what they were
// rewritten to means the same to the server's parser of YAML as it does as JSON.
func checkStillYAML(t testing.TB, body []byte) {
	t.Helper()
	got, err := Normalise(applyType, body)
	if err != nil || !got.Changed || json.Valid(body) {
		return
	}
	have, err := yaml.YAMLToJSON(got.Body)
	if err != nil && strings.Contains(err.Error(), "did not find expected") {
		return // a key of more than 1024 bytes
	}
	if err != nil {
		t.Fatalf("%q\nbecame %q, which is no YAML: %v", body, got.Body, err)
	}
	sameJSON(t, body, have, got.Body)
}

// sameJSON compares numbers by value.
func sameJSON(t testing.TB, body, have, want []byte) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(have, &a); err != nil {
		t.Fatalf("%q\nbecame %q: %v", body, have, err)
	}
	if err := json.Unmarshal(want, &b); err != nil || !reflect.DeepEqual(a, b) {
		t.Fatalf("%q\nbecame %q\nwant %q, %v", body, have, want, err)
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

// expectedPatch says what a decoded JSON patch becomes, and whether it can be
// told.
func expectedPatch(doc any) (any, bool) {
	operations, _ := doc.([]any)
	for _, item := range operations {
		op, _ := item.(map[string]any)
		if !expectedOperation(op) {
			return nil, false
		}
	}
	return doc, true
}

func expectedOperation(op map[string]any) bool {
	name, _ := op["op"].(string)
	path, _ := op["path"].(string)
	from, _ := op["from"].(string)
	if takesZonesForList(path) || (name == "move" || name == "copy") && takesZonesForList(from) {
		return false
	}
	value, there := op["value"]
	if !there || name != "add" && name != "replace" && name != "test" {
		return true
	}
	changed, ok := expectedValue(path, value)
	op["value"] = changed
	return ok
}

// below returns what follows a place in a pointer, whose first token may have
// anything before its slash.
func below(pointer, place string) (rest string, found bool) {
	_, pointer, _ = strings.Cut(pointer, "/")
	return strings.CutPrefix(pointer, place+"/")
}

func takesZonesForList(pointer string) bool {
	rest, found := below(pointer, "spec/zones")
	first, _, _ := strings.Cut(rest, "/")
	return found && isPlace(first)
}

func isPlace(token string) bool {
	_, err := strconv.Atoi(token)
	return err == nil || token == "-"
}

// expectedValue puts a value where it goes, in a document of its own, and takes
// it out again.
func expectedValue(pointer string, value any) (any, bool) {
	if pointer == "" {
		return expected(value)
	}
	switch _, path, _ := strings.Cut(pointer, "/"); path {
	case "spec":
		return inside(value, keySpec)
	case "spec/zones":
		return inside(value, keySpec, keyZones)
	case "spec/zones/vmclusters":
		if _, isList := value.([]any); !isList {
			return value, true
		}
		zones, ok := inside(value, keySpec, keyZones)
		if !ok {
			return nil, false
		}
		return zones.(map[string]any)[keyVMClusters], true
	}
	if token, found := below(pointer, "spec/zones/vmclusters"); !found || !isPlace(token) {
		return value, true
	}
	wrapped, _ := value.(map[string]any)
	if _, several := wrapped[keyVMClusters].([]any); several {
		return nil, false
	}
	entries, ok := expectedEntries(value)
	if !ok {
		return nil, false
	}
	return entries[0], true
}

// inside says what the value of a member becomes.
func inside(value any, keys ...string) (any, bool) {
	doc := value
	for _, key := range slices.Backward(keys) {
		doc = map[string]any{key: doc}
	}
	doc, ok := expected(doc)
	if !ok {
		return nil, false
	}
	for _, key := range keys {
		doc = doc.(map[string]any)[key]
	}
	return doc, true
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
		checkMeaning(t, jsonType, body, expected)
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
		checkMeaning(t, patchType, body, expectedPatch)
	}
}
