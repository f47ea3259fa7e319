// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package chronicle

import (
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	pollInterval = 25 * time.Millisecond
	ownerMark    = "distributed.victoriametrics.com/owner"
)

// Write is a change of the spec of a VMCluster by the server under test.
type Write struct {
	Cluster    string
	Generation int64
	// Created is true for the first generation.
	Created bool
	// Object is the VMCluster as written.
	Object *unstructured.Unstructured
}

// String is the form zone-a@2.
func (w Write) String() string { return fmt.Sprintf("%s@%d", w.Cluster, w.Generation) }

// Verdict is what the record says.
type Verdict struct {
	// Writes are those of the server under test, in order.
	Writes []Write
	// Violations say where it broke a promise.
	Violations []string
	// Reads tells what became of the read path, beside the writes, for people.
	Reads []string
}

// Judge goes through everything recorded so far.
func (c *Chronicle) Judge() Verdict {
	events := c.ordered()
	c.mu.Lock()
	theirs, left, atOnce := maps.Clone(c.theirs), maps.Clone(c.left), max(1, c.atOnce)
	c.mu.Unlock()
	p := play{
		clusters: map[string]*unstructured.Unstructured{}, workloads: map[string]*unstructured.Unstructured{},
		changing: map[string]bool{}, left: left, atOnce: atOnce, reads: newReadPath(),
	}
	for _, e := range events {
		if e.resource == clusterResource.Resource {
			p.judge(e, theirs)
		}
		p.take(e)
	}
	p.verdict.Reads = p.reads.story
	return p.verdict
}

// Updates are the writes to clusters that existed, in the form zone-a@2.
func (v Verdict) Updates() []string {
	var all []string
	for _, w := range v.Writes {
		if !w.Created {
			all = append(all, w.String())
		}
	}
	return all
}

// Created are the clusters that were created, in order.
func (v Verdict) Created() []string {
	var all []string
	for _, w := range v.Writes {
		if w.Created {
			all = append(all, w.Cluster)
		}
	}
	return all
}

// play is the state of the namespace at one moment.
type play struct {
	clusters  map[string]*unstructured.Unstructured
	workloads map[string]*unstructured.Unstructured
	// changing are clusters that were changed and have not been healthy since.
	changing map[string]bool
	left     map[string]bool
	// atOnce is how many may be out at a time.
	atOnce  int
	reads   readPath
	verdict Verdict
}

func (p *play) take(e event) {
	all, key := p.clusters, e.object.GetName()
	switch e.resource {
	case clusterResource.Resource:
	case userResource.Resource, secretResource.Resource:
		p.verdict.Violations = append(p.verdict.Violations, p.reads.take(e)...)
		return
	default:
		all, key = p.workloads, e.resource+"/"+key
	}
	if e.gone {
		delete(all, key)
	} else {
		all[key] = e.object
	}
	for name, cluster := range p.clusters {
		if p.sick(cluster) == "" {
			delete(p.changing, name)
		}
	}
}

func (p *play) judge(e event, theirs map[string]bool) {
	name, before := e.object.GetName(), p.clusters[e.object.GetName()]
	if e.gone || theirs[edition(e.object)] {
		return
	}
	if before == nil || before.GetUID() != e.object.GetUID() {
		p.verdict.Writes = append(p.verdict.Writes, Write{Cluster: name, Generation: e.object.GetGeneration(), Created: true, Object: e.object})
		return
	}
	deleted := before.GetDeletionTimestamp() == nil && e.object.GetDeletionTimestamp() != nil
	if deleted || before.GetGeneration() == e.object.GetGeneration() {
		return
	}
	write := Write{Cluster: name, Generation: e.object.GetGeneration(), Object: e.object}
	p.verdict.Writes = append(p.verdict.Writes, write)
	p.compareAll(write, p.sick(before))
	if p.sick(before) == "" {
		p.verdict.Violations = append(p.verdict.Violations, p.reads.write(write)...)
	}
	p.changing[name] = true
}

// compareAll judges a write to one zone in the light of the others of its owner.
func (p *play) compareAll(write Write, sick string) {
	var unwell, changing []string
	for _, name := range slices.Sorted(maps.Keys(p.clusters)) {
		other := p.clusters[name]
		ailment := p.sick(other)
		if name == write.Cluster || ailment == "" || !sameOwner(other, write.Object) || p.left[edition(other)] {
			continue
		}
		if sick == "" {
			unwell = append(unwell, fmt.Sprintf("%s was written in good health while %s was not: %s", write, name, ailment))
		}
		if p.changing[name] && status(other, "updateStatus") != "failed" {
			changing = append(changing, fmt.Sprintf("%s was written while %s was being changed: %s", write, name, ailment))
		}
	}
	for _, found := range [][]string{unwell, changing} {
		if len(found) >= p.atOnce {
			p.verdict.Violations = append(p.verdict.Violations, found...)
		}
	}
}

func sameOwner(a, b *unstructured.Unstructured) bool {
	owner := a.GetAnnotations()[ownerMark]
	return owner != "" && owner == b.GetAnnotations()[ownerMark]
}

// sick says what a cluster lacks to be healthy, "" for nothing.
func (p *play) sick(cluster *unstructured.Unstructured) string {
	observed, _, _ := unstructured.NestedInt64(cluster.Object, "status", "observedGeneration")
	spec, _, _ := unstructured.NestedMap(cluster.Object, "spec")
	switch {
	case cluster.GetDeletionTimestamp() != nil:
		return "it is being deleted"
	case spec["paused"] == true:
		return "it is paused"
	case observed != cluster.GetGeneration():
		return fmt.Sprintf("generation %d is observed, not %d", observed, cluster.GetGeneration())
	case status(cluster, "updateStatus") != "operational":
		return "it is " + status(cluster, "updateStatus")
	}
	wanted := 0
	for _, component := range []string{"vmstorage", "vmselect", "vminsert"} {
		if spec[component] != nil {
			wanted++
		}
	}
	for key, workload := range p.workloads {
		if !metav1.IsControlledBy(workload, cluster) {
			continue
		}
		if unfinished(workload) {
			return key + " has not converged"
		}
		wanted--
	}
	if wanted > 0 {
		return "workloads are missing"
	}
	return ""
}

func unfinished(workload *unstructured.Unstructured) bool {
	count := func(path ...string) int64 {
		n, _, _ := unstructured.NestedInt64(workload.Object, path...)
		return n
	}
	n := count("spec", "replicas")
	return count("status", "observedGeneration") != workload.GetGeneration() || count("status", "replicas") != n ||
		count("status", "updatedReplicas") != n || count("status", "readyReplicas") != n
}

func status(cluster *unstructured.Unstructured, field string) string {
	text, _, _ := unstructured.NestedString(cluster.Object, "status", field)
	return text
}
