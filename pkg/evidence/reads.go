// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

const (
	// clockLag is by how much the time of a reload may lie before the reload: it
	// is of whole seconds, by a clock that is set once per second.
	clockLag = 2 * time.Second
	// settling is how long nothing else may be loaded after a VMAuth has said that
	// it has written its configuration, where a replica has loaded one shortly
	// before that: it may have been an older one.
	settling = 3 * time.Second
	// unmoved is how long after that word a replica that has loaded nothing is
	// taken to have nothing to load: what was changed has been changed back before
	// it looked. A configuration comes to it in less, be it by the kubelet, which
	// looks every 60 to 90 seconds.
	unmoved = 100 * time.Second
)

// Loaded tells whether every replica of every VMAuth that serves the VMUsers has
// loaded them as they are. since is when they were last changed.
//
// The operator says that a VMUser is part of a VMAuth's configuration once it has
// written that, and with spec.waitForConfigReload once the replicas have loaded
// it. Without, a replica proves it by a reload after the operator's word. One
// between the change and that word, which takes the operator a moment, counts
// when the word is old enough for anything later to have been loaded.
func (g *Gatherer) Loaded(ctx context.Context, users, auths []*unstructured.Unstructured, since time.Time) rollout.Evidence {
	serving := 0
	for _, user := range users {
		words := victoriametrics.Applied(user)
		if auth := silent(auths, user, words); auth != nil {
			return missing("VMAuth %s to take up VMUser %s", auth.GetName(), user.GetName())
		}
		for _, said := range words {
			auth := named(auths, said.VMAuth)
			if auth == nil {
				continue // gone, and its word with it
			}
			serving++
			switch {
			case !said.Current:
				return missing("VMAuth %s to take up generation %d of VMUser %s; it has %d", said.VMAuth, user.GetGeneration(), user.GetName(), said.ObservedGeneration)
			case !said.Applied:
				return missing("VMAuth %s to accept VMUser %s: %s", said.VMAuth, user.GetName(), said.Message)
			case victoriametrics.WaitsForReload(auth):
				continue
			}
			if lacks := g.reloaded(ctx, auth, since, said.LastUpdateTime); lacks != "" {
				return missing("%s", lacks)
			}
		}
	}
	if serving == 0 {
		return rollout.Evidence{Met: true, Text: "no VMAuth serves the VMUsers"}
	}
	return rollout.Evidence{Met: true, Text: "every replica of every VMAuth has loaded the VMUsers"}
}

// silent returns a VMAuth that selects a VMUser and has not said anything of it
// yet. It may have it in its configuration all the same, as it was a moment ago:
// the word comes after that.
func silent(auths []*unstructured.Unstructured, user *unstructured.Unstructured, words []victoriametrics.AppliedBy) *unstructured.Unstructured {
	for _, auth := range auths {
		name := types.NamespacedName{Namespace: auth.GetNamespace(), Name: auth.GetName()}
		said := slices.ContainsFunc(words, func(word victoriametrics.AppliedBy) bool { return word.VMAuth == name })
		if !said && auth.GetDeletionTimestamp() == nil && victoriametrics.Selects(auth, user) {
			return auth
		}
	}
	return nil
}

func missing(format string, args ...any) rollout.Evidence {
	return rollout.Evidence{Text: fmt.Sprintf(format, args...)}
}

func named(objects []*unstructured.Unstructured, name types.NamespacedName) *unstructured.Unstructured {
	i := slices.IndexFunc(objects, func(object *unstructured.Unstructured) bool {
		return object.GetKind() == victoriametrics.VMAuthKind.Kind && object.GetNamespace() == name.Namespace && object.GetName() == name.Name
	})
	if i < 0 {
		return nil
	}
	return objects[i]
}

// reloaded says which replica of a VMAuth has not loaded its configuration since
// it was written.
func (g *Gatherer) reloaded(ctx context.Context, auth *unstructured.Unstructured, changed, written time.Time) string {
	pages, missing := g.replicas(ctx, victoriametrics.AuthMetrics(auth))
	if missing != "" {
		return missing
	}
	for _, replica := range pages {
		reading, lacks := victoriametrics.ReloadOf(replica.page)
		if lacks != "" {
			return fmt.Sprintf("pod %s of VMAuth %s shows %s", replica.pod, auth.GetName(), lacks)
		}
		if lacks := unloaded(reading, changed, written, g.clock.Now()); lacks != "" {
			return fmt.Sprintf("pod %s of VMAuth %s %s", replica.pod, auth.GetName(), lacks)
		}
	}
	return ""
}

// unloaded says what a replica has to do, "" where it has loaded what was changed
// and then written. Both times that are compared are of whole seconds, cut off: a
// reload of the same second as the word may be of what was written before, as
// where the change is of several VMUsers.
func unloaded(reading victoriametrics.ReloadReading, changed, written, now time.Time) string {
	switch {
	case !reading.Successful:
		return "can't load its configuration"
	case reading.At.Before(changed.Add(-clockLag).Truncate(time.Second)) && now.Sub(written) < unmoved:
		return "to load its configuration, which it last did at " + reading.At.UTC().Format(time.TimeOnly)
	case !reading.At.After(written) && now.Sub(written) < settling:
		return fmt.Sprintf("to load nothing else for %s", settling)
	}
	return ""
}

// Idle tells whether no read is in flight in a zone.
func (g *Gatherer) Idle(ctx context.Context, cluster victoriametrics.Cluster) rollout.Evidence {
	endpoint, exists := victoriametrics.SelectMetrics(cluster)
	if !exists {
		return rollout.Evidence{Met: true, Text: "the zone has no vmselect"}
	}
	pages, lacks := g.replicas(ctx, endpoint)
	if lacks != "" {
		return missing("%s", lacks)
	}
	for _, replica := range pages {
		reading, lacks := victoriametrics.ReadsOf(replica.page)
		switch {
		case lacks != "":
			return missing("pod %s shows %s", replica.pod, lacks)
		case reading.InFlight > 0:
			return missing("pod %s answers reads", replica.pod)
		}
	}
	return rollout.Evidence{Met: true, Text: "no vmselect answers a read"}
}

func sortByPod(pages []page) {
	slices.SortFunc(pages, func(a, b page) int { return cmp.Compare(a.pod, b.pod) })
}
