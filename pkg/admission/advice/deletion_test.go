// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"slices"
	"strings"
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

func TestADeletionTellsWhatGoesAndWhatHoldsItUp(t *testing.T) {
	retained := func(o *object) { o.Spec.DeletionPolicy = vmdistributed.DeletionPolicyRetain }
	observed := func(o *object) { o.Spec.ManagementPolicy = vmdistributed.ManagementPolicyObserve }
	inlines := zones(inline("zone-a", storage), inline("zone-b", storage), inline("zone-c", storage))
	made := []string{applied(t, "zone-a"), applied(t, "zone-b")}
	const open = "kind: VMAuth\nmetadata: {name: open, namespace: other}\nspec: {unauthorizedUserAccessSpec: {targetRefs: [{crd: {kind: VMCluster/vminsert, name: zone-b, namespace: monitoring}}]}}"
	for _, test := range []struct {
		name   string
		object *object
		around surroundings
		want   []string
	}{
		{"nothing is there", written(inlines), surroundings{}, nil},
		{"references", written(), around(t, wellKept), nil},
		{"nobody's VMCluster", written(inlines), around(t, wellKept), nil},
		{"two VMClusters", written(inlines), around(t, made...), []string{
			`spec.deletionPolicy: is Delete, so that 2 VMClusters are deleted too: "zone-a" and "zone-b"`}},
		{"one VMCluster", written(inlines), around(t, made[0]), []string{
			`spec.deletionPolicy: is Delete, so that 1 VMCluster is deleted too: "zone-a"`}},
		{"retained", written(inlines, retained), around(t, append(made, wellKept)...), nil},
		{"only observed", written(inlines, observed), around(t, append(made, wellKept)...), nil},
		{"one VMUser leads there", written(inlines), around(t, made[0], user("reader", selects("zone-a"))), []string{
			`spec.deletionPolicy: is Delete, so that 1 VMCluster is deleted too: "zone-a"`,
			`spec.zones.vmclusters: VMUser "reader" refers to VMClusters that are to be deleted, which waits until it does no more`}},
		{"others lead there", written(inlines), around(t, append(made, user("reader", selects("zone-a")), user("other/reader", selects("zone-b")), user("z", selects("zone-z")), open)...), []string{
			`spec.deletionPolicy: is Delete, so that 2 VMClusters are deleted too: "zone-a" and "zone-b"`,
			`spec.zones.vmclusters: VMUsers "reader" and "other/reader" and VMAuth "other/open" refer to VMClusters that are to be deleted, which waits until they do no more`}},
		{"what can't be read", written(inlines), around(t, made[0], strings.Replace(user("reader", ""), "targetRefs: []", "targetRefs: nonsense", 1)), []string{
			`spec.deletionPolicy: is Delete, so that 1 VMCluster is deleted too: "zone-a"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := onDeletion(test.object, test.around); !slices.Equal(got, test.want) {
				t.Errorf("advice is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}
