// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/responders"
)

// steps are the phases of a zone in work.
var steps = []string{"Draining", "Updating", "Flushing", "Restoring"}

// readers are VMUsers that lead to zones in every way that can be drained.
func (s *stage) readers(zones []string) map[string][]any {
	var targets, objects, urls list
	for _, zone := range zones {
		target := s.selectOf(zone)
		target["paths"] = list{"/select/.*", "/admin/.*"}
		target["headers"] = list{"X-Scope: " + zone}
		targets = append(targets, target)
		objects = append(objects, fields{"name": zone, "namespace": s.namespace})
		urls = append(urls, fmt.Sprintf("http://vmselect-%s.%s.svc:8481/select/0", zone, s.namespace))
	}
	return map[string][]any{
		"by-name":    targets,
		"by-both":    {fields{"crd": fields{"kind": "VMCluster/vmselect", "name": zones[0], "namespace": s.namespace, "objects": objects[1:]}}},
		"by-objects": {fields{"crd": fields{"kind": "VMCluster/vmselect", "name": "", "namespace": "", "objects": objects}, "load_balancing_policy": "first_available"}},
		"by-url":     {fields{"static": fields{"urls": urls}, "retry_status_codes": list{int64(502), int64(503)}}},
		"last":       {s.selectOf(zones[len(zones)-1])},
	}
}

func TestRolloutTakesReadsAwayAndGivesThemBack(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	zones := []string{"east", "north", "west"}
	w := s.newWorld(zones, nil, s.readers(zones))
	before := w.userObjects()

	versions := w.follow()
	w.changeRetention(worldName)
	w.expectSteps(versions())
	w.expectUpdates("east@2", "north@2", "west@2")
	for _, zone := range zones {
		expect(t, "retention of "+zone, at(s.cluster(zone), "spec.retentionPeriod"), any(newRetention))
		w.untilRouted(zone, true)
	}
	for name, after := range w.userObjects() {
		if !equality.Semantic.DeepEqual(after.Object["spec"], before[name].Object["spec"]) {
			t.Errorf("spec of VMUser %s is %v, want what it was: %v", name, after.Object["spec"], before[name].Object["spec"])
		}
		if !equality.Semantic.DeepEqual(after.GetAnnotations(), before[name].GetAnnotations()) {
			t.Errorf("annotations of VMUser %s are %v, want what they were: %v", name, after.GetAnnotations(), before[name].GetAnnotations())
		}
	}
}

func (w *world) userObjects() map[string]*unstructured.Unstructured {
	w.t.Helper()
	found := map[string]*unstructured.Unstructured{}
	for _, name := range w.users {
		found[name] = w.untilObject(userResource, name, "there", func(*unstructured.Unstructured) string { return "" })
	}
	return found
}

// follow returns what gives all versions of the object from now on, up to the one
// in which the next change of its spec is done.
func (w *world) follow() func() []*own {
	w.t.Helper()
	from, err := w.own.Get(w.t.Context(), worldName, metav1.GetOptions{})
	must(w.t, err)
	watcher, err := w.own.Watch(w.t.Context(), metav1.ListOptions{
		FieldSelector: "metadata.name=" + worldName, ResourceVersion: from.ResourceVersion,
	})
	must(w.t, err)
	return func() (versions []*own) {
		w.t.Helper()
		defer watcher.Stop()
		for event := range watcher.ResultChan() {
			object, ok := event.Object.(*own)
			if !ok {
				w.t.Fatalf("watching %s: %v", worldName, event.Object)
			}
			versions = append(versions, object)
			if object.Generation > from.Generation && object.Status.ObservedGeneration == object.Generation &&
				meta.IsStatusConditionTrue(object.Status.Conditions, "Ready") {
				return versions
			}
		}
		w.t.Fatalf("the watch on %s ended before it was ready again", worldName)
		return nil
	}
}

// expectSteps wants every zone to have gone through all steps in order, one zone
// after the other.
func (w *world) expectSteps(versions []*own) {
	w.t.Helper()
	var got, want []string
	for _, version := range versions {
		for _, zone := range version.Status.Zones {
			step := fmt.Sprintf("%s %s", zone.Name, zone.Phase)
			if slices.Contains(steps, string(zone.Phase)) && (len(got) == 0 || got[len(got)-1] != step) {
				got = append(got, step)
			}
		}
	}
	for _, zone := range w.zones {
		for _, step := range steps {
			want = append(want, zone+" "+step)
		}
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("zones went through %q, want %q", got, want)
	}
}

// untilWaits waits for the first zone to wait in a phase for a reason, and for
// something that is told in certain words.
func (w *world) untilWaits(phase, reason, words string) {
	w.t.Helper()
	w.untilFirst(fmt.Sprintf("%s/%s for %s", phase, reason, words), func(has v1alpha1.ZoneStatus) bool {
		return string(has.Phase) == phase && has.Reason == reason && strings.Contains(has.WaitingFor, words)
	})
}

// untilFirst waits for the first zone to be as is wanted.
func (w *world) untilFirst(what string, is func(v1alpha1.ZoneStatus) bool) {
	w.t.Helper()
	w.until(worldName, w.zones[0]+" "+what, func(object *own) string {
		for _, has := range object.Status.Zones {
			if has.Name == w.zones[0] && is(has) {
				return ""
			}
		}
		return fmt.Sprintf("%+v", object.Status.Zones)
	})
}

func TestVMAgentReplicaHoldsTheFlush(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	zones := []string{"east", "west"}
	w := s.newWorld(zones, nil, s.readers(zones))
	agents := w.pods("vmagent")
	expect(t, "replicas of the VMAgent", int64(len(agents)), replicas)

	w.changeRetention(worldName)
	w.untilFirst("Updating", func(has v1alpha1.ZoneStatus) bool { return has.Phase == v1alpha1.ZoneUpdating })
	w.behave(agents[0], responders.Behaviour{Silent: true})
	w.untilWaits("Flushing", "WaitingForFlush", agents[0])
	w.behave(agents[1], responders.Behaviour{PendingBytes: 100 << 20})
	w.behave(agents[0], responders.Behaviour{})
	w.untilWaits("Flushing", "WaitingForFlush", agents[1])
	w.untilRouted("east", false)
	w.expectUpdates("east@2")
	w.behave(agents[1], responders.Behaviour{})
	w.untilReady(worldName)
	w.expectUpdates("east@2", "west@2")
}

func TestVMAuthReplicaThatDoesNotReloadHoldsTheWrite(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	zones := []string{"east", "west"}
	w := s.newWorld(zones, nil, s.readers(zones))
	auths := w.pods("vmauth")
	expect(t, "replicas of the VMAuth", int64(len(auths)), replicas)

	w.behave(auths[1], responders.Behaviour{Stuck: true})
	w.changeRetention(worldName)
	w.untilRouted("east", false)
	w.untilWaits("Draining", "WaitingForVMAuth", auths[1])
	w.expectUpdates()
	w.behave(auths[1], responders.Behaviour{Silent: true})
	w.untilWaits("Draining", "WaitingForVMAuth", "pod "+auths[1]+" of VMAuth "+w.namespace)
	w.expectUpdates()
	w.behave(auths[1], responders.Behaviour{})
	w.untilReady(worldName)
	w.expectUpdates("east@2", "west@2")
}

// TestVMAuthThatWaitsForItsReplicasHoldsTheWrite: the operator says only then that
// a VMAuth has taken a VMUser up when the config-reloaders of all replicas have.
func TestVMAuthThatWaitsForItsReplicasHoldsTheWrite(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	zones := []string{"east", "west"}
	w := s.newWorld(zones, nil, s.readers(zones))
	w.change(authResource, authName, fields{"spec": fields{"waitForConfigReload": true}})
	w.untilOperational(authResource, authName)

	late := w.pods("vmauth")[0]
	w.behave(late, responders.Behaviour{Stuck: true})
	w.changeRetention(worldName)
	w.untilRouted("east", false)
	w.untilWaits("Draining", "WaitingForVMAuth", "VMAuth "+w.namespace+"/"+authName+" to take up generation")
	w.expectUpdates()
	w.behave(late, responders.Behaviour{})
	w.untilReady(worldName)
	w.expectUpdates("east@2", "west@2")
}

func TestReadInFlightBehindTheRequestsLoadBalancerHoldsTheWrite(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	zones := []string{"east", "west"}
	w := s.newWorld(zones, fields{"requestsLoadBalancer": fields{"enabled": true}}, s.readers(zones))
	w.patch(worldName, fields{"spec": fields{"strategy": fields{"drain": fields{"gracePeriod": "10m"}}}})

	busy := "vmselect-east-0"
	w.behave(busy, responders.Behaviour{InFlight: 1})
	w.changeRetention(worldName)
	w.untilWaits("Draining", "ReadsInFlight", busy)
	w.expectUpdates()
	w.behave(busy, responders.Behaviour{})
	w.untilReady(worldName)
	w.expectUpdates("east@2", "west@2")
}
