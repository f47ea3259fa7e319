// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	typed "github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned/typed/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/chronicle"
)

// fields is a JSON object.
type fields = map[string]any

// list is a JSON list.
type list = []any

var (
	clusterResource = schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: "vmclusters"}
	agentResource   = clusterResource.GroupVersion().WithResource("vmagents")
	userResource    = clusterResource.GroupVersion().WithResource("vmusers")
	authResource    = clusterResource.GroupVersion().WithResource("vmauths")
)

// room is the namespace of one test.
type room struct {
	t         *testing.T
	namespace string
	chronicle *chronicle.Chronicle
	own       typed.VMDistributedClusterInterface
}

// newRoom makes a namespace. When the test is over, what was recorded in it must
// be free of violations.
func newRoom(t *testing.T) *room {
	t.Helper()
	return newRoomAt(t, shared.control.Config())
}

// newRoomAt reaches VMDistributedClusters by another way than the aggregator.
func newRoomAt(t *testing.T, config *rest.Config) *room {
	t.Helper()
	namespace, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "room-"}}, metav1.CreateOptions{})
	must(t, err)
	r := &room{t: t, namespace: namespace.Name}
	r.chronicle, err = chronicle.Begin(t.Context(), shared.objects, r.namespace)
	must(t, err)
	must(t, r.connect(config))
	t.Cleanup(r.conclude)
	return r
}

// connect reaches VMDistributedClusters.
func (r *room) connect(config *rest.Config) error {
	client, err := versioned.NewForConfig(config)
	if err != nil {
		return err
	}
	r.own = client.OperatorV1alpha1().VMDistributedClusters(r.namespace)
	return nil
}

// conclude ends the record, and shows what there is to see if the test failed.
func (r *room) conclude() {
	verdict := r.verdict()
	r.chronicle.End()
	for _, violation := range verdict.Violations {
		r.t.Error(violation)
	}
	if !r.t.Failed() {
		return
	}
	r.t.Logf("writes in %s: %v", r.namespace, verdict.Writes)
	found, err := r.own.List(context.Background(), metav1.ListOptions{})
	if err != nil {
		r.t.Logf("listing VMDistributedClusters: %v", err)
		return
	}
	for i := range found.Items {
		status, _ := json.MarshalIndent(found.Items[i].Status, "", " ")
		r.t.Logf("status of %s at generation %d: %s", found.Items[i].Name, found.Items[i].Generation, status)
	}
}

// verdict judges what has happened so far.
func (r *room) verdict() chronicle.Verdict {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	must(r.t, r.chronicle.CatchUp(ctx))
	return r.chronicle.Judge()
}

// expectUpdates compares the writes to clusters that existed, all since the
// beginning, in the form zone-a@2.
func (r *room) expectUpdates(wanted ...string) {
	r.t.Helper()
	if got := r.verdict().Updates(); !slices.Equal(got, wanted) {
		r.t.Errorf("updates of existing zones: %v, want %v", got, wanted)
	}
}

// expectCreated compares the creations since the beginning.
func (r *room) expectCreated(wanted ...string) {
	r.t.Helper()
	if got := r.verdict().Created(); !slices.Equal(got, wanted) {
		r.t.Errorf("created zones: %v, want %v", got, wanted)
	}
}

// spacing is how long nothing is asked after an answer: less and less often, since each
// of the tests that wait at the same time takes of the processors what the others need.
var spacing = wait.Backoff{Duration: 50 * time.Millisecond, Factor: 1.2, Steps: 20, Cap: 400 * time.Millisecond}

// poll asks until the answer is "", and fails with the last answer otherwise.
func poll(t *testing.T, what string, ask func(ctx context.Context) (missing string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	missing := "never asked"
	err := spacing.DelayFunc().Until(ctx, true, true, func(ctx context.Context) (bool, error) {
		answer := ask(ctx)
		if answer == "" || ctx.Err() == nil { // else it may tell of the end of patience only
			missing = answer
		}
		return answer == "", nil
	})
	if err != nil {
		t.Fatalf("waiting for %s: %v: %s", what, err, missing)
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

func containsAll(text string, parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

func expectContains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	if !containsAll(text, parts) {
		t.Errorf("%s: %q does not contain all of %q", what, text, parts)
	}
}

// at returns what lies at a dotted path, nil for nothing.
func at(object *unstructured.Unstructured, path string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(object.Object, strings.Split(path, ".")...)
	return value
}
