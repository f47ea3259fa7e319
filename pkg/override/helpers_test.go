// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// parse decodes a document the way the API machinery does.
func parse(t testing.TB, text string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := utiljson.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("parsing %s: %v", text, err)
	}
	return doc
}

func render(t testing.TB, doc any) string {
	t.Helper()
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatalf("rendering %v: %v", doc, err)
	}
	return string(text)
}

// expect compares documents by their text, so that int64 and float64, an absent
// member and a null one, are told apart.
func expect(t testing.TB, what string, got any, want string) {
	t.Helper()
	if text := render(t, got); text != want {
		t.Errorf("%s\n got %s\nwant %s", what, text, want)
	}
}

// seeded returns a source of randomness whose seed is printed on failure.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// randomMap draws from few keys and few values, so that two documents often
// meet at the same path.
func randomMap(r *rand.Rand, depth int, nulls bool) map[string]any {
	doc := map[string]any{}
	for range r.IntN(4) {
		if value := randomValue(r, depth, nulls); value != nil || nulls {
			doc[string(rune('a'+r.IntN(4)))] = value
		}
	}
	return doc
}

func randomValue(r *rand.Rand, depth int, nulls bool) any {
	if depth > 0 && r.IntN(2) == 0 {
		return randomMap(r, depth-1, nulls)
	}
	switch r.IntN(7) {
	case 0:
		return nil
	case 1:
		return int64(r.IntN(2))
	case 2:
		return float64(r.IntN(2)) / 2
	case 3:
		return r.IntN(2) == 0
	case 4:
		return string(rune('x' + r.IntN(2)))
	case 5:
		return []any{int64(r.IntN(2)), nil, map[string]any{"a": nil}}
	default:
		return []any{}
	}
}

// mutate changes a few members of a copy of doc, as another writer would.
func mutate(r *rand.Rand, doc map[string]any) map[string]any {
	return Apply(doc, randomMap(r, 3, true))
}

// withoutNulls makes a document obey the rule that maps hold no null.
func withoutNulls(doc map[string]any) map[string]any {
	return merge(map[string]any{}, doc)
}
