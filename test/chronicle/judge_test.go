// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package chronicle

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// script makes up a chronicle, one version after the other.
type script struct {
	Chronicle
	version int
}

func newScript() *script { return &script{Chronicle: Chronicle{theirs: map[string]bool{}}} }

// cluster plays a version of a VMCluster of one owner.
func (s *script) cluster(name string, generation, observed int64, status string) *unstructured.Unstructured {
	cluster := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": "VMCluster",
		"metadata": map[string]any{
			"name": name, "uid": name, "generation": generation,
			"annotations": map[string]any{ownerMark: "n/demo"},
		},
		"spec":   map[string]any{"vminsert": map[string]any{}},
		"status": map[string]any{"updateStatus": status, "observedGeneration": observed},
	}}
	s.play(clusterResource.Resource, cluster)
	return cluster
}

// workload plays its only workload, with as many replicas ready.
func (s *script) workload(cluster string, ready int64) {
	workload := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": "vminsert-" + cluster, "generation": int64(1)},
		"spec":     map[string]any{"replicas": int64(1)},
		"status":   map[string]any{"observedGeneration": int64(1), "replicas": int64(1), "updatedReplicas": int64(1), "readyReplicas": ready},
	}}
	controller := true
	workload.SetOwnerReferences([]metav1.OwnerReference{{Kind: "VMCluster", Name: cluster, UID: types.UID(cluster), Controller: &controller}})
	s.play("deployments", workload)
}

func (s *script) play(resource string, object *unstructured.Unstructured) {
	s.version++
	object.SetResourceVersion(strconv.Itoa(s.version))
	s.add(resource, watch.Event{Type: watch.Modified, Object: object})
}

// healthy plays two healthy clusters.
func healthy() *script {
	s := newScript()
	for _, name := range []string{"a", "b"} {
		s.cluster(name, 1, 0, "")
		s.workload(name, 1)
		s.cluster(name, 1, 1, "operational")
	}
	return s
}

func (s *script) expect(t *testing.T, updates []string, violations ...string) {
	t.Helper()
	verdict := s.Judge()
	if got := verdict.Updates(); !slices.Equal(got, updates) {
		t.Errorf("updates %v, want %v", got, updates)
	}
	if len(verdict.Violations) != len(violations) {
		t.Fatalf("violations %q, want %d", verdict.Violations, len(violations))
	}
	for i, words := range violations {
		if !strings.Contains(verdict.Violations[i], words) {
			t.Errorf("violation %q does not say %q", verdict.Violations[i], words)
		}
	}
}

func TestOneAfterTheOtherIsRight(t *testing.T) {
	s := healthy()
	for _, name := range []string{"a", "b"} {
		s.cluster(name, 2, 1, "operational")
		s.cluster(name, 2, 2, "expanding")
		s.cluster(name, 2, 2, "operational")
	}
	s.expect(t, []string{"a@2", "b@2"})
	if got := s.Judge().Created(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("created %v", got)
	}
}

func TestTwoAtOnceAreSeen(t *testing.T) {
	s := healthy()
	s.cluster("a", 2, 1, "operational")
	s.cluster("b", 2, 1, "operational")
	s.expect(t, []string{"a@2", "b@2"}, "while a was not: generation 1 is observed", "while a was being changed")
}

func TestHealthyZoneTouchedBesideAnUnhealthyOneIsSeen(t *testing.T) {
	s := healthy()
	s.workload("a", 0)
	s.cluster("b", 2, 1, "operational")
	s.expect(t, []string{"b@2"}, "deployments/vminsert-a has not converged")
}

func TestRepairOfAnUnhealthyZoneIsRight(t *testing.T) {
	s := healthy()
	s.workload("a", 0)
	s.cluster("a", 2, 1, "operational")
	s.expect(t, []string{"a@2"})
}

func TestChangesBySomebodyElseAreNotJudged(t *testing.T) {
	s := healthy()
	s.workload("a", 0)
	s.Theirs(s.cluster("b", 2, 1, "operational"))
	s.expect(t, nil)
}

func TestOrderIsThatOfVersionsNotOfArrival(t *testing.T) {
	s := healthy()
	s.cluster("a", 2, 1, "operational")
	s.cluster("a", 2, 2, "operational")
	s.cluster("b", 2, 1, "operational")
	slices.Reverse(s.events)
	s.expect(t, []string{"a@2", "b@2"})
}

// TestAsManyZonesMayBeOutAsIsSaid, and no more.
func TestAsManyZonesMayBeOutAsIsSaid(t *testing.T) {
	for allowed, wanted := range map[int]int{1: 6, 2: 4, 3: 0} {
		s := healthy()
		s.AtOnce(allowed)
		s.cluster("c", 1, 1, "operational")
		s.workload("c", 1)
		for _, name := range []string{"a", "b", "c"} {
			s.cluster(name, 2, 1, "operational") // being changed by us
		}
		if found := s.Judge().Violations; len(found) != wanted {
			t.Errorf("with %d at once: %q, want %d", allowed, found, wanted)
		}
	}
}
