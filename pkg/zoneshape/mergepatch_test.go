// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

// TestMergePatchKeepsNull is about nulls in the list of zones, which the server's
// library for JSON merge patches would drop.
func TestMergePatchKeepsNull(t *testing.T) {
	const merge, strategic = string(types.MergePatchType), string(types.StrategicMergePatchType)
	const list = `[{"ref":{"name":"a"},"overrideSpec":{"x":[{"y":null}]}}]`
	for _, test := range []struct {
		name, mediaType, body string
		want                  string // media type; empty for a refusal
	}{
		{"canonical", merge, `{"spec":{"zones":{"vmclusters":` + list + `}}}`, strategic},
		{"list", merge, `{"spec":{"zones":` + list + `}}`, strategic},
		{"beside labels", merge, `{"metadata":{"labels":{"a":null}},"spec":{"zones":` + list + `}}`, strategic},
		{"directive inside of the list", merge, `{"spec":{"zones":[{"name":"a","spec":{"$patch":"delete","x":null}}]}}`, strategic},
		{"no null", merge, `{"spec":{"zones":[{"name":"a","spec":{}}]}}`, merge},
		{"null as an item", merge, `{"spec":{"zones":[{"name":"a","spec":{"x":[null]}}]}}`, merge},
		{"null elsewhere", merge, `{"metadata":{"finalizers":null},"spec":{"paused":null,"zones":null}}`, merge},
		{"other kinds", merge, `{"spec":[null]}`, merge},
		{"strategic already", strategic, `{"spec":{"zones":` + list + `}}`, strategic},
		{"beside finalizers", merge, `{"metadata":{"finalizers":["a"]},"spec":{"zones":` + list + `}}`, ""},
		{"beside ownerReferences", merge, `{"metadata":{"ownerReferences":[]},"spec":{"zones":` + list + `}}`, ""},
		{"beside status", merge, `{"status":{},"spec":{"zones":` + list + `}}`, ""},
		{"beside a directive", merge, `{"spec":{"vmusers":[{"$patch":"delete"}],"zones":` + list + `}}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Normalise(test.mediaType, []byte(test.body))
			if test.want == "" {
				if err == nil || !strings.Contains(err.Error(), "spec.zones.vmclusters") {
					t.Fatalf("error %v, want one that names spec.zones.vmclusters", err)
				}
				return
			}
			if err != nil || got.MediaType != test.want {
				t.Errorf("media type %s, error %v, want %s", got.MediaType, err, test.want)
			}
			if strings.Count(string(got.Body), "null") != strings.Count(test.body, "null") {
				t.Errorf("body %s, was %s", got.Body, test.body)
			}
		})
	}
}
