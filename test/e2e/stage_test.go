// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	typed "github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned/typed/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/chronicle"
)

// fields is a JSON object, list a JSON list.
type (
	fields = map[string]any
	list   = []any
	own    = v1alpha1.VMDistributedCluster
)

const pollInterval = 200 * time.Millisecond

var (
	clusterResource = schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: "vmclusters"}
	agentResource   = clusterResource.GroupVersion().WithResource("vmagents")
	userResource    = clusterResource.GroupVersion().WithResource("vmusers")
	authResource    = clusterResource.GroupVersion().WithResource("vmauths")
)

// stage is the namespace of one test, with a chronicle of what happens in it.
type stage struct {
	t         *testing.T
	namespace string
	chronicle *chronicle.Chronicle
	own       typed.VMDistributedClusterInterface
}

func newStage(t *testing.T) *stage {
	t.Helper()
	namespace, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "stage-"}}, metav1.CreateOptions{})
	must(t, err)
	s := &stage{t: t, namespace: namespace.Name, own: shared.own.OperatorV1alpha1().VMDistributedClusters(namespace.Name)}
	s.chronicle, err = chronicle.Begin(t.Context(), shared.objects, s.namespace)
	must(t, err)
	t.Cleanup(s.conclude)
	return s
}

// conclude ends the record, which must be free of violations.
func (s *stage) conclude() {
	verdict := s.verdict()
	s.chronicle.End()
	for _, violation := range verdict.Violations {
		s.t.Error(violation)
	}
	if !s.t.Failed() {
		return
	}
	s.t.Logf("writes in %s: %v", s.namespace, verdict.Writes)
	s.t.Logf("what happened to its read path: %s", strings.Join(verdict.Reads, "\n"))
	s.t.Logf("what the server did there: %s", strings.Join(s.acts(), "\n"))
	found, err := s.own.List(context.Background(), metav1.ListOptions{})
	must(s.t, err)
	for i := range found.Items {
		status, _ := json.MarshalIndent(found.Items[i].Status, "", " ")
		s.t.Logf("status of %s at generation %d: %s", found.Items[i].Name, found.Items[i].Generation, status)
	}
}

// acts are the lines in the log of the server about what it did in the namespace.
func (s *stage) acts() (lines []string) {
	log, err := os.ReadFile(shared.server.Log)
	must(s.t, err)
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "Acting") && strings.Contains(line, s.namespace) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func (s *stage) verdict() chronicle.Verdict {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	must(s.t, s.chronicle.CatchUp(ctx))
	return s.chronicle.Judge()
}

// expectUpdates compares the writes to clusters that existed, as zone-a@2.
func (s *stage) expectUpdates(wanted ...string) {
	s.t.Helper()
	if got := s.verdict().Updates(); !slices.Equal(got, wanted) {
		s.t.Errorf("updates of existing zones: %v, want %v", got, wanted)
	}
}

// apply applies a manifest of ours as it stands.
func (s *stage) apply(name string, body []byte) *own {
	s.t.Helper()
	object, err := s.own.Patch(s.t.Context(), name, types.ApplyYAMLPatchType, body,
		metav1.PatchOptions{FieldManager: "kubectl", Force: ptr.To(true), FieldValidation: metav1.FieldValidationStrict})
	must(s.t, err)
	return object
}

// patch merges a change into an object of ours.
func (s *stage) patch(name string, change fields) {
	s.t.Helper()
	body, err := json.Marshal(change)
	must(s.t, err)
	_, err = s.own.Patch(s.t.Context(), name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: "patcher"})
	must(s.t, err)
}

// until returns once the status of an object of ours is about its present
// generation and lacks nothing.
func (s *stage) until(name, what string, lacks func(*own) string) {
	s.t.Helper()
	s.poll(name+" to be "+what, func(ctx context.Context) string {
		object, err := s.own.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if object.Status.ObservedGeneration != object.Generation {
			return fmt.Sprintf("status is about generation %d, not %d", object.Status.ObservedGeneration, object.Generation)
		}
		return lacks(object)
	})
}

func (s *stage) untilReady(name string) {
	s.t.Helper()
	s.until(name, "Ready", func(object *own) string {
		if ready := meta.FindStatusCondition(object.Status.Conditions, "Ready"); ready == nil || ready.Status != metav1.ConditionTrue {
			return fmt.Sprintf("%+v", ready)
		}
		return ""
	})
}

// untilZone waits for a zone to be in a phase for a reason, and returns what it
// waits for.
func (s *stage) untilZone(name, zone, phase, reason string) string {
	s.t.Helper()
	var waitingFor string
	s.until(name, fmt.Sprintf("%s %s/%s", zone, phase, reason), func(object *own) string {
		for _, has := range object.Status.Zones {
			if has.Name != zone {
				continue
			}
			waitingFor = has.WaitingFor
			if string(has.Phase) != phase || has.Reason != reason {
				return fmt.Sprintf("%s/%s: %s", has.Phase, has.Reason, has.WaitingFor)
			}
			return ""
		}
		return "there is no such zone"
	})
	return waitingFor
}

// create makes an object of the operator's kinds.
func (s *stage) create(resource schema.GroupVersionResource, kind, name string, spec fields) {
	s.t.Helper()
	created, err := shared.objects.Resource(resource).Namespace(s.namespace).Create(s.t.Context(), &unstructured.Unstructured{Object: fields{
		"apiVersion": resource.GroupVersion().String(), "kind": kind, "metadata": fields{"name": name}, "spec": spec,
	}}, metav1.CreateOptions{FieldManager: "kubectl", FieldValidation: metav1.FieldValidationStrict})
	must(s.t, err)
	if resource == clusterResource {
		s.chronicle.Theirs(created)
	}
}

// change merges a change into an object of the operator's kinds.
func (s *stage) change(resource schema.GroupVersionResource, name string, change fields) {
	s.t.Helper()
	body, err := json.Marshal(change)
	must(s.t, err)
	_, err = shared.objects.Resource(resource).Namespace(s.namespace).Patch(s.t.Context(), name, types.MergePatchType, body,
		metav1.PatchOptions{FieldManager: "kubectl", FieldValidation: metav1.FieldValidationStrict})
	must(s.t, err)
}

func (s *stage) delete(resource schema.GroupVersionResource, name string) {
	s.t.Helper()
	must(s.t, shared.objects.Resource(resource).Namespace(s.namespace).Delete(s.t.Context(), name, metav1.DeleteOptions{}))
}

// untilObject returns an object of the operator's kinds once it lacks nothing.
func (s *stage) untilObject(resource schema.GroupVersionResource, name, what string, lacks func(*unstructured.Unstructured) string) *unstructured.Unstructured {
	s.t.Helper()
	var last *unstructured.Unstructured
	s.poll(fmt.Sprintf("%s %s to be %s", resource.Resource, name, what), func(ctx context.Context) string {
		object, err := shared.objects.Resource(resource).Namespace(s.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		last = object
		return lacks(object)
	})
	return last
}

// untilOperational waits for the operator to be done with an object.
func (s *stage) untilOperational(resource schema.GroupVersionResource, name string) *unstructured.Unstructured {
	s.t.Helper()
	return s.untilObject(resource, name, "operational", func(object *unstructured.Unstructured) string {
		has := fmt.Sprintf("%v@%v", at(object, "status.updateStatus"), at(object, "status.observedGeneration"))
		if has != fmt.Sprintf("operational@%d", object.GetGeneration()) {
			return fmt.Sprintf("%s: %v", has, at(object, "status.reason"))
		}
		return ""
	})
}

func (s *stage) cluster(name string) *unstructured.Unstructured {
	s.t.Helper()
	return s.untilObject(clusterResource, name, "there", func(*unstructured.Unstructured) string { return "" })
}

func (s *stage) untilGone(what string, get func(ctx context.Context) error) {
	s.t.Helper()
	s.poll(what+" to be gone", func(ctx context.Context) string {
		switch err := get(ctx); {
		case apierrors.IsNotFound(err):
			return ""
		case err != nil:
			return err.Error()
		}
		return "it is there"
	})
}

// poll asks until the answer is "", and fails with the last answer otherwise.
func (s *stage) poll(what string, ask func(ctx context.Context) (missing string)) {
	s.t.Helper()
	missing := "never asked"
	err := wait.PollUntilContextTimeout(s.t.Context(), pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		missing = ask(ctx)
		return missing == "", nil
	})
	if err != nil {
		s.t.Fatalf("waiting for %s: %v: %s", what, err, missing)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// at returns what lies at a dotted path, nil for nothing.
func at(object *unstructured.Unstructured, path string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(object.Object, strings.Split(path, ".")...)
	return value
}
