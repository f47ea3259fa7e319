// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

func TestOnlyWhatTheUserHasSaidIsTheirWord(t *testing.T) {
	for name, c := range map[string]struct {
		said string
		zone rollout.Zone
		want bool
	}{
		"nothing":                    {"", rollout.Zone{Name: "a", Revision: "r1"}, false},
		"nothing, of no revision":    {"", rollout.Zone{Name: "a"}, false},
		"this zone and revision":     {"a:r1", rollout.Zone{Name: "a", Revision: "r1"}, true},
		"another zone":               {"b:r1", rollout.Zone{Name: "a", Revision: "r1"}, false},
		"another revision":           {"a:r0", rollout.Zone{Name: "a", Revision: "r1"}, false},
		"a revision that is unknown": {"a:unknown", rollout.Zone{Name: "a", Revision: rollout.UnknownRevision}, true},
	} {
		t.Run(name, func(t *testing.T) {
			object := &vmdistributed.VMDistributedCluster{}
			if zone, revision, said := strings.Cut(c.said, ":"); said {
				object.Status.Say(vmdistributed.Word{Verb: vmdistributed.WordPromote, Zone: zone, Revision: revision})
			}
			view := &observation{}
			view.Zones, view.Strays = []rollout.Zone{c.zone}, []rollout.Stray{{Zone: c.zone}}
			heedWords(object, view)
			if view.Zones[0].Approved != c.want || view.Strays[0].Approved != c.want {
				t.Errorf("heard %t for a zone of the list, %t for another; want %t", view.Zones[0].Approved, view.Strays[0].Approved, c.want)
			}
		})
	}
}
