// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

const (
	// watchLag is how long a config-reloader may take to see and to write what it
	// is to have loaded, beside the delay that it is set to.
	watchLag = 7 * time.Second
	// unmoved is how long after the operator's word a replica that has loaded
	// nothing is taken to have nothing to load, where reads are given back: what
	// was changed has been changed back before it looked. The next drain wants a
	// reload of it. The same goes where we have changed nothing.
	unmoved = 100 * time.Second
	// idleFor is for how long no read may have come in.
	idleFor = 2 * time.Second
)

// Change is a change of VMUsers that VMAuths have to load.
type Change struct {
	// Users are the VMUsers as they are, Auths all VMAuths there are.
	Users, Auths []*unstructured.Unstructured
	// Since is when they were last changed by us; zero where that is not known to have
	// been so, and somebody else may have done it.
	Since time.Time
	// Restores is true where reads are given back.
	Restores bool
}

// Loaded tells whether every replica of every VMAuth that serves the VMUsers has
// loaded them as they are.
//
// The operator says that a VMUser is part of a VMAuth's configuration once it has
// written that, and with spec.waitForConfigReload once the replicas have loaded
// it. Without, a replica proves it by a reload after the operator's word: the
// config-reloader beside it waits for some seconds before it makes it load
// anything. One between the change and that word may have been of an older
// configuration, and counts only when nothing was loaded after it for longer than
// the config-reloader takes. The time of a reload
// is of whole seconds, by a clock that is set once per second: up to two seconds
// early, and less so than the config-reloader is late. One of the same second as
// the operator's word is no later one. A reload that found nothing new counts too.
func (l *Look) Loaded(ctx context.Context, change Change) rollout.Evidence {
	written := make([]time.Time, len(change.Auths))
	for _, user := range change.Users {
		lacks := l.takenUp(ctx, change, user, written)
		if lacks != "" {
			return rollout.Evidence{Text: lacks}
		}
	}
	serving := 0
	for i, auth := range change.Auths {
		if written[i].IsZero() {
			continue
		}
		serving++
		if victoriametrics.WaitsForReload(auth) {
			continue
		}
		if lacks := l.reloaded(ctx, auth, change, written[i]); lacks != "" {
			return rollout.Evidence{Text: lacks}
		}
	}
	if serving == 0 {
		return rollout.Evidence{Met: true, Text: "no VMAuth serves the VMUsers"}
	}
	return rollout.Evidence{Met: true, Text: "every replica of every VMAuth has loaded the VMUsers"}
}

// takenUp says which VMAuth has not taken up a VMUser as it is, and notes when the
// others said that they have.
func (l *Look) takenUp(ctx context.Context, change Change, user *unstructured.Unstructured, written []time.Time) string {
	words := victoriametrics.Applied(user)
	for i, auth := range change.Auths {
		j := slices.IndexFunc(words, func(said victoriametrics.AppliedBy) bool {
			return said.VMAuth.Name == auth.GetName() && said.VMAuth.Namespace == auth.GetNamespace()
		})
		if j < 0 {
			if auth.GetDeletionTimestamp() != nil {
				continue
			}
			if lacks := l.unheard(ctx, auth, user); lacks != "" {
				return lacks
			}
			continue
		}
		switch said := words[j]; {
		case !said.Current:
			return fmt.Sprintf("VMAuth %s to take up generation %d of VMUser %s; it has %d", said.VMAuth, user.GetGeneration(), user.GetName(), said.ObservedGeneration)
		case !said.Applied:
			return fmt.Sprintf("VMAuth %s to accept VMUser %s: %s", said.VMAuth, user.GetName(), said.Message)
		case said.LastUpdateTime.After(written[i]):
			written[i] = said.LastUpdateTime
		case written[i].IsZero():
			// It does not say when.
			if written[i] = change.Since; change.Since.IsZero() {
				written[i] = time.Unix(0, 0)
			}
		}
	}
	return ""
}

// unheard says that a VMAuth selects a VMUser and has said nothing about it.
func (l *Look) unheard(ctx context.Context, auth, user *unstructured.Unstructured) string {
	namespace, err := l.kubernetes.CoreV1().Namespaces().Get(ctx, user.GetNamespace(), metav1.GetOptions{})
	if err != nil {
		return fmt.Sprintf("reading namespace %q: %v", user.GetNamespace(), err)
	}
	selects, err := victoriametrics.Selects(auth, user, namespace.Labels)
	switch {
	case err != nil:
		return err.Error()
	case selects:
		return fmt.Sprintf("VMAuth %s/%s to take up VMUser %s, which it selects", auth.GetNamespace(), auth.GetName(), user.GetName())
	}
	return ""
}

// reloaded says which replica of a VMAuth has not loaded its configuration since
// it was written.
func (l *Look) reloaded(ctx context.Context, auth *unstructured.Unstructured, change Change, written time.Time) string {
	pages, missing := l.replicas(ctx, victoriametrics.AuthMetrics(auth), func(string) time.Time { return change.Since })
	if missing != "" {
		return missing
	}
	settling := victoriametrics.ReloadDelay(auth) + watchLag
	since := l.clock.Since(written)
	for _, replica := range pages {
		reading, lacks := victoriametrics.ReloadOf(replica.page)
		key := auth.GetNamespace() + "/" + replica.pod
		switch {
		case lacks != "":
			return fmt.Sprintf("pod %s of VMAuth %s shows %s", replica.pod, auth.GetName(), lacks)
		case !reading.Successful:
			return fmt.Sprintf("pod %s of VMAuth %s can't load its configuration", replica.pod, auth.GetName())
		case reading.At.After(written), l.attempts.grown(key, written, l.clock.Now(), reading):
			continue
		case !change.Since.IsZero() && !reading.At.Before(change.Since):
			if since < settling {
				l.dueAt(written.Add(settling))
				return fmt.Sprintf("pod %s of VMAuth %s to load its configuration, or nothing else for %s", replica.pod, auth.GetName(), settling)
			}
		case !change.Since.IsZero() && !change.Restores || since < unmoved:
			return fmt.Sprintf("pod %s of VMAuth %s to load its configuration, which it last did at %s", replica.pod, auth.GetName(), reading.At.UTC().Format(time.TimeOnly))
		}
	}
	return ""
}

// Idle tells whether no read is in flight in a zone, and none has come in for a
// moment: one that VMAuth had accepted before may only now be on its way.
func (l *Look) Idle(ctx context.Context, cluster victoriametrics.Cluster) rollout.Evidence {
	endpoint, exists := victoriametrics.SelectMetrics(cluster)
	if !exists {
		return rollout.Evidence{Met: true, Text: "the zone has no vmselect"}
	}
	key := func(pod string) string { return cluster.Namespace + "/" + pod }
	pages, lacks := l.replicas(ctx, endpoint, func(pod string) time.Time { return l.requests.due(key(pod), l.clock.Now()) })
	if lacks != "" {
		return rollout.Evidence{Text: lacks}
	}
	quiet := true
	for _, replica := range pages {
		reading, lacks := victoriametrics.ReadsOf(replica.page)
		switch {
		case lacks != "":
			return rollout.Evidence{Text: fmt.Sprintf("pod %s shows %s", replica.pod, lacks)}
		case reading.InFlight > 0:
			return rollout.Evidence{Text: fmt.Sprintf("pod %s answers reads", replica.pod)}
		}
		if !l.requests.unchanged(key(replica.pod), reading.Requests, replica.page.At()) {
			l.dueAt(l.requests.since(key(replica.pod)).Add(idleFor))
			quiet = false
		}
	}
	if !quiet {
		return rollout.Evidence{Text: fmt.Sprintf("no read to come in for %s", idleFor)}
	}
	return rollout.Evidence{Met: true, Text: "no vmselect answers a read"}
}
