// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package revision

import (
	"strings"
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

func object(zones ...vmdistributed.Zone) *vmdistributed.VMDistributedCluster {
	return &vmdistributed.VMDistributedCluster{Spec: vmdistributed.VMDistributedClusterSpec{Zones: vmdistributed.Zones{VMClusters: zones}}}
}

func inline(name, spec string) vmdistributed.Zone {
	return vmdistributed.Zone{Name: name, Spec: &rawjson.Object{Raw: []byte(spec)}}
}

func ref(name, override string) vmdistributed.Zone {
	zone := vmdistributed.Zone{Ref: &vmdistributed.ObjectReference{Name: name}}
	if override != "" {
		zone.OverrideSpec = &rawjson.Object{Raw: []byte(override)}
	}
	return zone
}

func of(t *testing.T, zones ...vmdistributed.Zone) string {
	t.Helper()
	revisions, err := Of(object(zones...))
	if err != nil {
		t.Fatal(err)
	}
	return OfZones(revisions)
}

func TestWhatIsWantedTheSameHasOneRevision(t *testing.T) {
	a, b := inline("a", `{"x":1,"y":[2]}`), ref("b", "")
	for name, other := range map[string]string{
		"another order of zones": of(t, b, a),
		"another order of keys":  of(t, inline("a", `{ "y":[2],"x":1.0 }`), b),
		"an empty override":      of(t, a, ref("b", `{}`)),
	} {
		if want := of(t, a, b); other != want {
			t.Errorf("%s: %s, want %s", name, other, want)
		}
	}
}

func TestWhatIsWantedOtherwiseHasAnother(t *testing.T) {
	a, b := inline("a", `{"x":1}`), ref("b", `{"x":1}`)
	seen := map[string]string{}
	for name, revision := range map[string]string{
		"as it is": of(t, a, b), "another value": of(t, inline("a", `{"x":2}`), b), "another name": of(t, inline("c", `{"x":1}`), b),
		"one less": of(t, a), "referred to": of(t, ref("a", `{"x":1}`), b), "null": of(t, a, ref("b", `{"x":null}`)),
	} {
		if other, known := seen[revision]; known {
			t.Errorf("%s and %s are both %s", name, other, revision)
		}
		seen[revision] = name
	}
}

func TestAZoneThatCanNotBeReadIsNamed(t *testing.T) {
	if _, err := Of(object(inline("a", `[]`))); err == nil || !strings.Contains(err.Error(), "reading zone a: ") {
		t.Errorf("got %v", err)
	}
}
