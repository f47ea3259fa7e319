// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// pokes are how often something happens to the zones of a failure that lasts, for each of
// which the controller looks at it anew.
const pokes = 40

// failures bring the object demo into something that lasts.
func failures() map[string]func(*room) {
	change := func(r *room) { r.apply(threeZones("v2")) }
	return map[string]func(*room){
		"a zone is contended": func(r *room) {
			for range maxOverwritten + 1 {
				theirs := r.edit("zone-a", fields{"spec": fields{"clusterVersion": "theirs"}})
				if r.cluster("zone-a").GetGeneration() > theirs.GetGeneration() {
					continue
				}
				r.until("demo", "overwriting, or leaving it", func(object *own) string {
					if zoneOf(object, "zone-a").Reason == "Contended" || r.cluster("zone-a").GetGeneration() > theirs.GetGeneration() {
						return ""
					}
					return zoneOf(object, "zone-a").Reason
				})
			}
			r.untilZone("demo", "zone-a", "Refused", "Contended")
			r.untilTold("ZoneRefused", "zone-a")
		},
		"a guard refuses": func(r *room) {
			r.apply(with(threeZones("v2"), "spec.strategy.minAvailableZones", 3))
			r.untilZone("demo", "zone-a", "Pending", "MinAvailableZones")
			r.untilTold("RolloutStalled")
		},
		"another zone is ill": func(r *room) {
			r.misbehaveNow("zone-c", standin.Unready)
			r.untilZone("demo", "zone-c", "Unhealthy", "NotHealthy")
			r.apply(manifest("demo", inline("zone-a", small("v2")), inline("zone-b", small("v2")), inline("zone-c", small("v1"))))
			r.untilZone("demo", "zone-a", "Pending", "Blocked")
			r.untilTold("ZoneUnhealthy", "zone-c")
		},
		"an update fails": func(r *room) {
			r.misbehave("zone-a", standin.Fail)
			change(r)
			r.untilTold("ZoneFailed", "zone-a")
		},
		"a definition is refused": func(r *room) {
			zones := []any{inline("zone-a", withStorage(small("v2"), "10Gi")), inline("zone-b", small("v1")), inline("zone-c", small("v1"))}
			r.apply(manifest("demo", zones...))
			r.untilReady("demo")
			zones[0] = inline("zone-a", withStorage(small("v2"), "5Gi"))
			r.apply(manifest("demo", zones...))
			r.untilZone("demo", "zone-a", "Refused", "StorageWouldShrink")
			r.untilTold("ZoneRefused", "zone-a")
		},
		"the VMAgent is silent": func(r *room) {
			r.agent(fields{})
			object := threeZones("v2")
			r.apply(with(object, "spec.vmagent", fields{"name": "agent"}))
			r.untilZone("demo", "zone-a", "Pending", "QueuesUnknown")
		},
		"a VMUser is missing": func(r *room) {
			r.apply(with(threeZones("v2"), "spec.vmusers", list{fields{"name": "absent"}}))
			r.untilZone("demo", "zone-a", "Pending", "ReadsUnknown")
		},
		"a webhook of VMClusters is down": func(r *room) {
			r.unanswered("vmclusters", "zone-a")
			change(r)
			r.untilZone("demo", "zone-a", "Pending", "DryRunFailed")
		},
		"a webhook refuses what can't be tried out": func(r *room) {
			r.reader("zone-a", "zone-b", "zone-c")
			r.unanswered("vmusers", "reader")
			r.apply(readBy(threeZones("v2")))
			r.untilTold("StepFailed", "DrainReads of zone zone-a", "webhook")
		},
	}
}

// maxOverwritten is how often a zone is overwritten before it is left to the user.
const maxOverwritten = 3

func TestNoFailureThatLastsMakesAStormOfEvents(t *testing.T) {
	t.Parallel()
	for name, fail := range failures() {
		t.Run(name, func(t *testing.T) {
			r := readyZones(t)
			fail(r)
			r.settle("demo")
			r.expectNoStorm("zone-b", "zone-c") // of zone-a, a change may be what fails
		})
	}
}

// TestAHaltMakesNoStormOfEvents, though every object is looked at all the while.
func TestAHaltMakesNoStormOfEvents(t *testing.T) {
	t.Parallel()
	r, _, namespace := ownRoom(t, "haltstorm")
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	haltAll(t, namespace, "an incident")
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Pending", "Halted")
	r.untilTold("RolloutHalted")
	r.settle("demo")
	r.expectNoStorm("zone-a", "zone-b", "zone-c")
}

// expectNoStorm has a lot happen to zones, none of which is news. Of what was told
// before, one may still be on its way.
func (r *room) expectNoStorm(zones ...string) {
	r.t.Helper()
	before := r.countEvents()
	for i := range pokes {
		for _, zone := range zones {
			r.annotate(zone, fields{"example.com/poke": fmt.Sprint(i)})
		}
	}
	r.settle("demo")
	for reason, count := range r.countEvents() {
		if more := count - before[reason]; more > 1 {
			r.t.Errorf("%s was told %d times more in the course of %d changes that are no news", reason, more, pokes*len(zones))
		}
	}
}

// TestATerminatingNamespaceMakesNoStormOfEvents: nobody can make one in it, and the
// server's log has a line for each that it tries to make.
func TestATerminatingNamespaceMakesNoStormOfEvents(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("existing", small("v1"))
	r.apply(manifest("demo", inline("zone-a", small("v1")), ref("existing", nil)))
	r.untilReady("demo")
	must(t, shared.kubernetes.CoreV1().Namespaces().Delete(t.Context(), r.namespace, metav1.DeleteOptions{}))
	poll(t, "the namespace to be gone", func(ctx context.Context) string {
		_, err := shared.kubernetes.CoreV1().Namespaces().Get(ctx, r.namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return ""
		}
		return fmt.Sprintf("it is there: %v", err)
	})
	log, err := os.ReadFile(shared.server.Log)
	must(t, err)
	tried := 0
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "rejected event") && strings.Contains(line, r.namespace) {
			tried++
		}
	}
	if most := 4; tried > most {
		t.Errorf("%d events were tried in a namespace that terminates, want %d at most", tried, most)
	}
}
