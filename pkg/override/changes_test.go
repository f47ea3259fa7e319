// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"fmt"
	"testing"
)

func TestChangesNameEveryPlaceWithWhatIsAndWhatWouldBe(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"nothing":                     {`{"a":1,"b":{"c":[1]}}`, `{"a":1.0,"b":{"c":[1],"d":null}}`, `[]`},
		"nothing at all":              {`null`, `null`, `[]`},
		"a member each way":           {`{"a":1,"b":2}`, `{"b":3,"c":4}`, `[a:1->null b:2->3 c:null->4]`},
		"inside a map":                {`{"a":{"b":1,"c":2}}`, `{"a":{"b":1,"c":3}}`, `[a.c:2->3]`},
		"a map that comes":            {`{}`, `{"a":{"b":1,"c":{"d":2}}}`, `[a.b:null->1 a.c.d:null->2]`},
		"a map that goes":             {`{"a":{"b":1}}`, `{}`, `[a.b:1->null]`},
		"an empty map that comes":     {`{}`, `{"a":{}}`, `[a:null->{}]`},
		"an empty map that goes":      {`{"a":{}}`, `{}`, `[a:{}->null]`},
		"a map of nulls that comes":   {`{}`, `{"a":{"b":null}}`, `[a:null->{"b":null}]`},
		"a list, whole":               {`{"a":[1,2]}`, `{"a":[1]}`, `[a:[1,2]->[1]]`},
		"a scalar into a map":         {`{"a":1}`, `{"a":{"b":1}}`, `[a:1->{"b":1}]`},
		"a map into a list":           {`{"a":{"b":1}}`, `{"a":[1]}`, `[a:{"b":1}->[1]]`},
		"a key that looks like a way": {`{"a":{"b.c":1}}`, `{"a":{"b.c":2}}`, `[a[b.c]:1->2]`},
		"the whole document":          {`null`, `{"a":0}`, `[a:null->0]`},
	} {
		t.Run(name, func(t *testing.T) {
			got := []string{}
			for _, change := range Changes(parse(t, c.from), parse(t, c.to)) {
				got = append(got, fmt.Sprintf("%s:%s->%s", change.Path, render(t, change.From), render(t, change.To)))
			}
			if text := fmt.Sprint(got); text != c.want {
				t.Errorf("changes %s, want %s", text, c.want)
			}
		})
	}
}

// TestThereAreChangesWhereDocumentsDiffer, and nowhere else.
func TestThereAreChangesWhereDocumentsDiffer(t *testing.T) {
	r := seeded(t)
	for range 20_000 {
		from := randomMap(r, 3, true)
		to := mutate(r, from)
		if changes := Changes(from, to); (len(changes) == 0) != Equal(from, to) {
			t.Fatalf("changes from %s to %s: %v", render(t, from), render(t, to), changes)
		}
	}
}
