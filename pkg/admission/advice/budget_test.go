// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// numbered are so many zones, and VMClusters of all of them.
func numbered(count int) (zones []vmdistributed.Zone, clusters string) {
	var documents []string
	for i := range count {
		name := fmt.Sprintf("zone-%d", i)
		zones = append(zones, referred(name, ""))
		documents = append(documents, strings.ReplaceAll(clusterB, "zone-b", name))
	}
	return zones, strings.Join(documents, "\n---")
}

// TestAdviceLooksAtSoMuchOnly: what is found tells how much was looked at, since
// each look finds something.
func TestAdviceLooksAtSoMuchOnly(t *testing.T) {
	t.Run("VMAuths for requests without a VMUser", func(t *testing.T) {
		const count = 40
		list, clusters := numbered(count)
		targets := make([]string, count)
		for i := range targets {
			targets[i] = selects(list[i].Ref.Name)
		}
		documents := []string{wellKept, clusters}
		for i := range count {
			documents = append(documents, fmt.Sprintf("kind: VMAuth\nmetadata: {name: open-%d, namespace: monitoring}\nspec: {unauthorizedUserAccessSpec: {targetRefs: [%s]}}",
				i, strings.Join(targets, ", ")))
		}
		// One VMUser has been looked at before, for each zone.
		wantAdvice(t, fmt.Sprintf("(and %d more like this)", maxPairs-count-1), advised(t, written(zones(list...)), nil, without(around(t, documents...), "auth")))
	})
	t.Run("ways of writing", func(t *testing.T) {
		const count, entries = 100, 100
		list, clusters := numbered(count)
		writes := strings.Repeat("{url: http://balancer:8480/insert}, ", entries)
		others := []string{wellKept, clusters, agentWith(stateful + ", remoteWrite: [" + writes + "]")}
		// All there are and will be, two of which are no zones.
		looked := maxHosts / (entries * (2 + 2*count))
		wantAdvice(t, fmt.Sprintf(`"zone-1" and %d more can't be told`, looked-2), advised(t, written(zones(list...)), nil, around(t, others...)))
	})
}

func wantAdvice(t *testing.T, want string, got []string) {
	t.Helper()
	if !slices.ContainsFunc(got, func(text string) bool { return strings.Contains(text, want) }) {
		t.Errorf("advised %q, want %q among it", got, want)
	}
}
