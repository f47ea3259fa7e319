// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	typed "github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned/typed/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// BenchmarkTelling measures from when a watch tells that a zone's VMCluster has fallen
// ill, or is well again, and from when a change of spec was accepted, until another watch
// tells that status says so, with what is waited for.
func BenchmarkTelling(b *testing.B) {
	s := newSite(b)
	names := zoneNames(3)
	s.furnish(b, names)
	own, err := versioned.NewForConfig(s.control.Config())
	must(b, err)
	objects := own.OperatorV1alpha1().VMDistributedClusters(namespace)
	apply(b, objects, names, 0)
	untilReady(b, objects)

	took := map[string][]time.Duration{}
	note := func(what string, from, to time.Time) { took[what] = append(took[what], to.Sub(from)) }
	version := 0
	for b.Loop() {
		note("ill", s.untilHealth(b, names[0], standin.Fail, false), untilTold(b, objects, func(o *v1alpha1.VMDistributedCluster) bool {
			return o.Status.Zones[0].Phase == v1alpha1.ZoneUnhealthy && o.Status.Zones[0].WaitingFor != ""
		}))
		note("well", s.untilHealth(b, names[0], "", true), untilTold(b, objects, func(o *v1alpha1.VMDistributedCluster) bool {
			return o.Status.Zones[0].Phase == v1alpha1.ZoneReady
		}))
		version++
		apply(b, objects, names, version)
		note("spec", time.Now(), untilTold(b, objects, func(o *v1alpha1.VMDistributedCluster) bool {
			return o.Status.ObservedGeneration == o.Generation && slices.ContainsFunc(o.Status.Zones, func(z v1alpha1.ZoneStatus) bool { return z.WaitingFor != "" })
		}))
		untilReady(b, objects)
	}
	for what, times := range took {
		b.Logf("%-5s %s", what, spread(times))
		b.ReportMetric(float64(slices.Max(times).Microseconds())/1000, what+"-max-ms")
	}
}

// untilHealth has the stand-in behave so, and returns when the VMCluster is seen to.
func (s *site) untilHealth(b *testing.B, name string, behaviour standin.Behaviour, healthy bool) time.Time {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	clusters := s.objects.Resource(resource("vmclusters")).Namespace(namespace)
	w, err := clusters.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	must(b, err)
	defer w.Stop()
	var said any
	if behaviour != "" {
		said = string(behaviour)
	}
	body, err := json.Marshal(fields{"metadata": fields{"annotations": fields{standin.BehaviourAnnotation: said}}})
	must(b, err)
	_, err = clusters.Patch(ctx, name, types.MergePatchType, body, metav1.PatchOptions{})
	must(b, err)
	for event := range w.ResultChan() {
		object, is := event.Object.(*unstructured.Unstructured)
		if !is {
			break
		}
		if status, _, _ := unstructured.NestedString(object.Object, "status", "updateStatus"); (status == "operational") == healthy {
			return time.Now()
		}
	}
	b.Fatalf("VMCluster %s is not seen to be healthy: %t", name, healthy)
	return time.Time{}
}

// untilTold returns when a watch tells that status says so.
func untilTold(b *testing.B, objects typed.VMDistributedClusterInterface, says func(*v1alpha1.VMDistributedCluster) bool) time.Time {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	w, err := objects.Watch(ctx, metav1.ListOptions{})
	must(b, err)
	defer w.Stop()
	for event := range w.ResultChan() {
		if object, is := event.Object.(*v1alpha1.VMDistributedCluster); is && says(object) {
			return time.Now()
		}
	}
	b.Fatal("status does not say so")
	return time.Time{}
}
