// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

const (
	// contenders is how many requests race for one VMCluster.
	contenders = 6
	// races is how often they do at most, until the door has let two of them in.
	races = 30
)

// TestOfObjectsThatRaceForAClusterOneGetsIt: the others hear whose it is, be it from
// the door or, where several came through at the same time, by status. They write
// nothing.
func TestOfObjectsThatRaceForAClusterOneGetsIt(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]struct {
		zone    func(name, version string) fields
		exists  bool
		updates int // of the VMCluster, by whoever gets it
	}{
		"defined by each":     {zone: func(name, version string) fields { return inline(name, small(version)) }},
		"referred to by each": {zone: func(name, version string) fields { return ref(name, fields{"clusterVersion": version}) }, exists: true, updates: 1},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			for race := range races {
				prize := fmt.Sprintf("prize-%d", race)
				if c.exists {
					r.existing(prize, small("v0"))
				}
				entered := r.race(race, func(name string) fields {
					return manifest(name, inline("own-"+name, small("v1")), c.zone(prize, name))
				})
				winner := r.untilWon(prize, entered)
				cluster := r.untilCluster(prize, "the winner's", generation(int64(1+c.updates)))
				expect(t, "clusterVersion of "+prize, at(cluster, "spec.clusterVersion"), any(winner.Name))
				expect(t, "uid of the owner", cluster.GetAnnotations()[victoriametrics.OwnerUIDAnnotation], string(winner.UID))
				if len(entered) > 1 {
					t.Logf("%d came through the door in race %d", len(entered), race)
					return
				}
			}
			t.Errorf("in %d races the door never let in two", races)
		})
	}
}

// race creates objects at the same time, and returns the names of those that are
// let in. All others must have heard of one of them.
func (r *room) race(number int, manifest func(name string) fields) (entered []string) {
	r.t.Helper()
	errs := make([]error, contenders)
	name := func(i int) string { return fmt.Sprintf("demo-%d-%d", number, i) }
	var group sync.WaitGroup
	for i := range contenders {
		body, err := json.Marshal(manifest(name(i)))
		must(r.t, err)
		group.Go(func() { _, errs[i] = r.tryApply(name(i), body, metav1.FieldValidationStrict) })
	}
	group.Wait()
	for i, err := range errs {
		switch {
		case err == nil:
			entered = append(entered, name(i))
		case !apierrors.IsInvalid(err) && !apierrors.IsConflict(err):
			r.t.Errorf("%s was refused with %v, want 409 or 422", name(i), err)
		}
	}
	for i, err := range errs {
		if err != nil && !containsOneOf(err.Error(), entered) {
			r.t.Errorf("%s was refused with %v, which names none of %v", name(i), err, entered)
		}
	}
	return entered
}

func containsOneOf(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// untilWon returns the one object that has a VMCluster, once it is Ready and the
// others say that they lost it to that one, and do so still when looked at again.
func (r *room) untilWon(prize string, entered []string) *own {
	r.t.Helper()
	var owner string
	poll(r.t, prize+" to have an owner", func(ctx context.Context) string {
		cluster, err := shared.objects.Resource(clusterResource).Namespace(r.namespace).Get(ctx, prize, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		owner = strings.TrimPrefix(cluster.GetAnnotations()[ownerMark], r.namespace+"/")
		if owner == "" {
			return "it has none"
		}
		return ""
	})
	winner := r.untilReady(owner)
	for _, name := range entered {
		if name == owner {
			continue
		}
		r.untilZone(name, prize, "Refused", "ClaimedByOther", r.namespace+"/"+owner)
		r.settle(name)
		r.untilZone(name, prize, "Refused", "ClaimedByOther", r.namespace+"/"+owner)
	}
	return winner
}
