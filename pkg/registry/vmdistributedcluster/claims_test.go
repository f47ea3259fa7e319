// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"errors"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// claimsBeside returns claims where other objects are stored already, and counts
// how often these are listed.
func claimsBeside(listed *int, others ...*vmdistributed.VMDistributedCluster) claims {
	return claims{
		resource: v1alpha1.Resource(vmdistributed.Resource),
		list: func(context.Context, storage.SelectionPredicate, *metainternalversion.ListOptions) (runtime.Object, error) {
			*listed++
			list := &vmdistributed.VMDistributedClusterList{}
			for _, other := range others {
				list.Items = append(list.Items, *other)
			}
			return list, nil
		},
	}
}

func TestClaims(t *testing.T) {
	other := cluster(inline("a", `{}`), referred("b", ""))
	other.Name = "other"
	stored := cluster(inline("a", `{}`), inline("c", `{}`)) // an old conflict: both have a
	for _, test := range []struct {
		name  string
		zones []vmdistributed.Zone
		// fields with an error, for a new object and for one that replaces stored
		create, update []string
	}{
		{"nothing of the other's", []vmdistributed.Zone{inline("c", `{}`), referred("d", "")}, nil, nil},
		{"inline what is inline there", []vmdistributed.Zone{inline("a", `{}`)}, []string{"spec.zones.vmclusters[0].name"}, nil},
		{"refer to what is inline there", []vmdistributed.Zone{referred("a", "")}, []string{"spec.zones.vmclusters[0].ref.name"}, nil},
		{"inline what is referred to there", []vmdistributed.Zone{inline("c", `{}`), inline("b", `{}`)}, []string{"spec.zones.vmclusters[1].name"}, []string{"spec.zones.vmclusters[1].name"}},
		{"both", []vmdistributed.Zone{referred("b", ""), referred("a", "")},
			[]string{"spec.zones.vmclusters[0].ref.name", "spec.zones.vmclusters[1].ref.name"}, []string{"spec.zones.vmclusters[0].ref.name"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var listed int
			c := claimsBeside(&listed, stored, other)
			object := cluster(test.zones...)
			wantFields(t, "create", c.onCreate(nil)(context.Background(), object), test.create)
			wantFields(t, "update", c.onUpdate(nil)(context.Background(), object, stored), test.update)
		})
	}
}

func wantFields(t *testing.T, how string, err error, want []string) {
	t.Helper()
	var got []string
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		for _, cause := range status.Status().Details.Causes {
			got = append(got, cause.Field)
		}
		slices.Sort(got)
	}
	if (err == nil) != (want == nil) || !slices.Equal(got, want) {
		t.Errorf("%s: error %v, want one for %v", how, err, want)
	}
}

// TestClaimsAreHeldWithoutALook at others, however often the object is written.
func TestClaimsAreHeldWithoutALook(t *testing.T) {
	var listed int
	c := claimsBeside(&listed)
	object := cluster(inline("a", `{}`), referred("b", ""))
	fewer := cluster(referred("b", ""))
	for _, next := range []*vmdistributed.VMDistributedCluster{object, fewer} {
		if err := c.onUpdate(nil)(context.Background(), next, object); err != nil {
			t.Error(err)
		}
	}
	if listed != 0 {
		t.Errorf("%d lists for updates that claim nothing new", listed)
	}
}

// TestOtherValidationComesFirst, and its error goes out as it is.
func TestOtherValidationComesFirst(t *testing.T) {
	var listed int
	c, refusal := claimsBeside(&listed), errors.New("no")
	if err := c.onCreate(func(context.Context, runtime.Object) error { return refusal })(context.Background(), cluster(inline("a", `{}`))); !errors.Is(err, refusal) {
		t.Errorf("create: %v", err)
	}
	if err := c.onUpdate(func(context.Context, runtime.Object, runtime.Object) error { return refusal })(context.Background(), cluster(inline("a", `{}`)), cluster()); !errors.Is(err, refusal) {
		t.Errorf("update: %v", err)
	}
	if listed != 0 {
		t.Errorf("%d lists after the refusal", listed)
	}
}

// TestWhoClaimsWhatIsLookedUpOnceAhead, and is told to whoever asks then.
func TestWhoClaimsWhatIsLookedUpOnceAhead(t *testing.T) {
	asked, listed := make(chan struct{}, 2), &vmdistributed.VMDistributedClusterList{}
	early := claims{list: func(context.Context, storage.SelectionPredicate, *metainternalversion.ListOptions) (runtime.Object, error) {
		asked <- struct{}{}
		return listed, nil
	}}.ahead(t.Context())
	early.ended()
	for range 2 {
		if found, err := early.list(t.Context(), storage.Everything, nil); err != nil || found != runtime.Object(listed) {
			t.Errorf("told %v: %v", found, err)
		}
	}
	if len(asked) != 1 {
		t.Errorf("asked %d times, want once", len(asked))
	}
}
