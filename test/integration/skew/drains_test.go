// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package skew

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/test/chronicle"
)

// shares is an object of four zones, of which two may be out, that one VMUser reads from.
func shares(version string) fields {
	made := manifest("demo", version, false)
	spec := made["spec"].(fields)
	spec["vmusers"] = []any{fields{"name": "reader"}}
	spec["strategy"] = fields{"updatePause": "0s", "maxUnavailable": int64(2), "drain": fields{"gracePeriod": "0s"}}
	spec["zones"] = fields{"vmclusters": []any{zone("demo-a", version), zone("demo-b", version), zone("demo-c", version), zone("demo-d", version)}}
	return made
}

// createReader makes the VMUser.
func (p *pair) createReader() {
	p.t.Helper()
	var objects []any
	for _, name := range []string{"demo-b", "demo-c", "demo-d"} {
		objects = append(objects, fields{"name": name, "namespace": p.namespace})
	}
	_, err := shared.objects.Resource(userResource).Namespace(p.namespace).Create(p.t.Context(), &unstructured.Unstructured{Object: fields{
		"apiVersion": userResource.GroupVersion().String(), "kind": "VMUser", "metadata": fields{"name": "reader"},
		"spec": fields{"username": "reader", "targetRefs": []any{fields{
			"crd": fields{"kind": "VMCluster/vmselect", "name": "demo-a", "namespace": p.namespace, "objects": objects}, "paths": []any{"/select/.*"},
		}}},
	}}, metav1.CreateOptions{})
	must(p.t, err)
}

// reader is what the VMUser leads to, and what is on record of it.
func (p *pair) reader() (targets, annotations string) {
	p.t.Helper()
	user, err := shared.objects.Resource(userResource).Namespace(p.namespace).Get(p.t.Context(), "reader", metav1.GetOptions{})
	must(p.t, err)
	raw, err := json.Marshal(user.Object["spec"])
	must(p.t, err)
	return string(raw), fmt.Sprint(user.GetAnnotations())
}

func (p *pair) generationOf(cluster string) int64 {
	p.t.Helper()
	object, err := shared.objects.Resource(clusterResource).Namespace(p.namespace).Get(p.t.Context(), cluster, metav1.GetOptions{})
	must(p.t, err)
	return object.GetGeneration()
}

// TestAnOlderReplicaTouchesNoDrainThatItCannotRead, and no zone: the rollout goes on where
// a newer one leads again, and the VMUser is as it was in the end.
func TestAnOlderReplicaTouchesNoDrainThatItCannotRead(t *testing.T) {
	onEachStore(t, func(t *testing.T, p *pair) {
		recorded, err := chronicle.Begin(t.Context(), shared.objects, p.namespace)
		must(t, err)
		t.Cleanup(recorded.End)
		recorded.AtOnce(2)
		p.handOver(p.previous, p.next)
		p.createReader()
		p.apply(p.next, "gitops", shares("v1"))
		p.untilReady("demo")
		original, _ := p.reader()
		for _, zone := range []string{"demo-a", "demo-b"} {
			p.hold(zone, true)
		}
		p.apply(p.next, "gitops", shares("v2"))
		p.poll("both to be drained and written", func(context.Context) string {
			_, record := p.reader()
			if !strings.Contains(record, `["demo-a","demo-b"]`) || p.generationOf("demo-a")+p.generationOf("demo-b") < 4 {
				return record
			}
			return ""
		})
		drained, record := p.reader()

		p.handOver(p.next, p.previous)
		for _, zone := range []string{"demo-a", "demo-b"} {
			p.hold(zone, false)
		}
		for _, zone := range []string{"demo-a", "demo-b"} {
			p.untilZone(p.previous, zone, "reason", "ReadsUnknown")
		}
		if targets, annotations := p.reader(); targets != drained || annotations != record {
			t.Errorf("the older one has made of the VMUser\n%s %s, which was\n%s %s", targets, annotations, drained, record)
		}
		if generation := p.generationOf("demo-c"); generation != 1 {
			t.Errorf("demo-c is at generation %d", generation)
		}

		p.handOver(p.previous, p.next)
		p.untilReady("demo")
		if targets, annotations := p.reader(); targets != original || strings.Contains(annotations, "drain.") {
			t.Errorf("the VMUser is %s %s, was %s", targets, annotations, original)
		}
		must(t, recorded.CatchUp(t.Context()))
		for _, violation := range recorded.Judge().Violations {
			t.Error(violation)
		}
	})
}

// TestANewerReplicaGoesOnWithTheDrainOfAnOlderOne: that of one zone, which an older one
// writes, has the form that it always had.
func TestANewerReplicaGoesOnWithTheDrainOfAnOlderOne(t *testing.T) {
	onEachStore(t, func(t *testing.T, p *pair) {
		one := func(version string) fields {
			made := shares(version)
			made["spec"].(fields)["strategy"].(fields)["maxUnavailable"] = int64(1)
			return made
		}
		p.createReader()
		p.apply(p.next, "gitops", one("v1"))
		p.untilReady("demo")
		original, _ := p.reader()
		p.hold("demo-a", true)
		p.apply(p.next, "gitops", one("v2"))
		p.untilZone(p.previous, "demo-a", "phase", "Updating")
		p.handOver(p.previous, p.next)
		p.hold("demo-a", false)
		p.untilZone(p.next, "demo-b", "phase", "Ready")
		p.handOver(p.next, p.previous)
		p.untilReady("demo")
		if targets, annotations := p.reader(); targets != original || strings.Contains(annotations, "drain.") {
			t.Errorf("the VMUser is %s %s, was %s", targets, annotations, original)
		}
	})
}
