// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	typed "github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned/typed/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/chronicle"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

var (
	clusterResource = schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: "vmclusters"}
	agentResource   = clusterResource.GroupVersion().WithResource("vmagents")
	userResource    = clusterResource.GroupVersion().WithResource("vmusers")
)

type own = v1alpha1.VMDistributedCluster

// room is the namespace of one test.
type room struct {
	t         *testing.T
	site      *site
	namespace string
	own       typed.VMDistributedClusterInterface
	chronicle *chronicle.Chronicle
	// routes is what the VMUser leads to before anything happens.
	routes string
}

// newRoom makes a namespace with demo at v1, Ready. When the test is over, what was
// written in it must have kept the promises of a rollout.
func newRoom(t *testing.T, s *site) *room {
	t.Helper()
	return newRoomAt(t, s, s.control.Config())
}

// newRoomAt reaches VMDistributedClusters by another way than the aggregator.
func newRoomAt(t *testing.T, s *site, config *rest.Config) *room {
	t.Helper()
	namespace, err := s.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "room-"}}, metav1.CreateOptions{})
	must(t, err)
	r := &room{t: t, site: s, namespace: namespace.Name}
	r.chronicle, err = chronicle.Begin(t.Context(), s.objects, r.namespace)
	must(t, err)
	config = rest.CopyConfig(config)
	config.Wrap(impatient)
	client, err := versioned.NewForConfig(config)
	must(t, err)
	r.own = client.OperatorV1alpha1().VMDistributedClusters(r.namespace)
	t.Cleanup(r.conclude)
	r.create(userResource, "VMUser", "reader", reader(r.namespace))
	r.create(agentResource, "VMAgent", "agent", agent())
	r.chronicle.Theirs(r.create(clusterResource, "VMCluster", "elsewhere", small("v1")))
	must(t, r.apply(demo("v1")))
	r.untilReady()
	r.routes = r.targets()
	return r
}

// impatient hears no Retry-After, by which a client waits for ten seconds before it
// believes that something can't be done.
func impatient(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		if err == nil {
			response.Header.Del("Retry-After")
		}
		return response, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

// conclude shows what there is to see if the test failed.
func (r *room) conclude() {
	r.endChronicle()
	if !r.t.Failed() {
		return
	}
	object, err := r.own.Get(context.Background(), "demo", metav1.GetOptions{})
	if err != nil {
		r.t.Logf("reading demo: %v", err)
		return
	}
	status, _ := json.MarshalIndent(object.Status, "", " ")
	r.t.Logf("status of demo at generation %d: %s", object.Generation, status)
}

// endChronicle judges what has happened, and writes down no more: it can't go on over a
// restart of kube-apiserver, which tells nobody what came before its start.
func (r *room) endChronicle() {
	r.t.Helper()
	if r.chronicle == nil {
		return
	}
	verdict := r.verdict()
	r.chronicle.End()
	r.chronicle = nil
	for _, violation := range verdict.Violations {
		r.t.Error(violation)
	}
	if r.t.Failed() {
		r.t.Logf("writes in %s: %v", r.namespace, verdict.Writes)
	}
}

func (r *room) verdict() chronicle.Verdict {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	must(r.t, r.chronicle.CatchUp(ctx))
	return r.chronicle.Judge()
}

// expectUpdates compares the writes to clusters that existed, all since the beginning,
// in the form zone-a@2.
func (r *room) expectUpdates(wanted ...string) {
	r.t.Helper()
	if got := r.verdict().Updates(); !slices.Equal(got, wanted) {
		r.t.Errorf("updates of existing zones: %v, want %v", got, wanted)
	}
}

// told is how often something was told of the object.
func (r *room) told() (times int32) {
	r.t.Helper()
	events, err := r.site.kubernetes.CoreV1().Events(r.namespace).List(r.t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.kind=VMDistributedCluster"})
	must(r.t, err)
	for i := range events.Items {
		times += events.Items[i].Count
	}
	return times
}

// expectConcluded wants a rollout to v2 to have come to its end as if nothing had
// happened.
func (r *room) expectConcluded() {
	r.t.Helper()
	r.untilReady()
	for _, zone := range zones() {
		expect(r.t, "generation of "+zone, r.object(clusterResource, zone).GetGeneration(), 2)
	}
	if r.chronicle != nil {
		r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
	}
	expect(r.t, "targets of the VMUser", r.targets(), r.routes)
	expect(r.t, "records of drains", strings.Join(r.drains(), " "), "")
}

func (r *room) create(resource schema.GroupVersionResource, kind, name string, spec fields) *unstructured.Unstructured {
	r.t.Helper()
	created, err := r.site.objects.Resource(resource).Namespace(r.namespace).Create(r.t.Context(), &unstructured.Unstructured{Object: fields{
		"apiVersion": resource.GroupVersion().String(), "kind": kind, "metadata": fields{"name": name}, "spec": spec,
	}}, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	must(r.t, err)
	return created
}

func (r *room) object(resource schema.GroupVersionResource, name string) *unstructured.Unstructured {
	r.t.Helper()
	object, err := r.site.objects.Resource(resource).Namespace(r.namespace).Get(r.t.Context(), name, metav1.GetOptions{})
	must(r.t, err)
	return object
}

// targets are what the VMUser leads to, drains what its records of drains are called.
func (r *room) targets() string {
	r.t.Helper()
	value, _, err := unstructured.NestedFieldNoCopy(r.object(userResource, "reader").Object, "spec", "targetRefs")
	must(r.t, err)
	text, err := json.Marshal(value)
	must(r.t, err)
	return string(text)
}

func (r *room) drains() []string {
	r.t.Helper()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.object(userResource, "reader").GetAnnotations())), func(key string) bool {
		return !strings.HasPrefix(key, "distributed.victoriametrics.com/drain.")
	})
}

// apply applies a manifest server-side, as a user does.
func (r *room) apply(object fields) error { return r.applyTo("demo", object) }

func (r *room) applyTo(name string, object fields) error {
	r.t.Helper()
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	_, err = r.own.Patch(r.t.Context(), name, types.ApplyYAMLPatchType, body,
		metav1.PatchOptions{FieldManager: "kubectl", Force: ptr.To(true), FieldValidation: metav1.FieldValidationStrict})
	return err
}

// stick has the stand-in get stuck on zones from their next generation on.
func (r *room) stick(names ...string) {
	r.t.Helper()
	for _, name := range names {
		r.annotate(name, fields{standin.BehaviourAnnotation: string(standin.Stuck), standin.FromGenerationAnnotation: "2"})
	}
}

// free takes that back.
func (r *room) free(name string) {
	r.t.Helper()
	r.annotate(name, fields{standin.BehaviourAnnotation: nil, standin.FromGenerationAnnotation: nil})
}

func (r *room) annotate(name string, annotations fields) {
	r.t.Helper()
	body, err := json.Marshal(fields{"metadata": fields{"annotations": annotations}})
	must(r.t, err)
	_, err = r.site.objects.Resource(clusterResource).Namespace(r.namespace).Patch(r.t.Context(), name, types.MergePatchType, body, metav1.PatchOptions{})
	must(r.t, err)
}

// begin has a rollout to v2 under way, with zone-a written and not getting healthy.
// Nothing is left to do for the controller then.
func (r *room) begin() {
	r.t.Helper()
	r.stick("zone-a")
	must(r.t, r.apply(demo("v2")))
	r.untilStuck("zone-a")
}

// untilStuck waits for the operator to be all that a zone waits for.
func (r *room) untilStuck(zone string) {
	r.t.Helper()
	r.untilZone(zone, "Updating", "WaitingForOperator", "expanding")
}

// until waits for the status of demo to be about its present generation and to lack nothing.
func (r *room) until(what string, lacks func(*own) string) {
	r.t.Helper()
	poll(r.t, "demo to be "+what, func() string {
		object, err := r.own.Get(r.t.Context(), "demo", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if object.Status.ObservedGeneration != object.Generation {
			return fmt.Sprintf("status is about generation %d, not %d", object.Status.ObservedGeneration, object.Generation)
		}
		return lacks(object)
	})
}

func (r *room) untilReady() {
	r.t.Helper()
	r.until("Ready", func(object *own) string {
		if ready := meta.FindStatusCondition(object.Status.Conditions, "Ready"); ready == nil || ready.Reason != "AllZonesReady" {
			return fmt.Sprintf("%+v", ready)
		}
		return ""
	})
}

// untilZone waits for a zone to be in a phase for a reason, with some words of evidence.
func (r *room) untilZone(zone, phase, reason, evidence string) {
	r.t.Helper()
	r.until(fmt.Sprintf("%s %s/%s", zone, phase, reason), func(object *own) string {
		has := zoneOf(object, zone)
		if string(has.Phase) != phase || has.Reason != reason || !strings.Contains(has.WaitingFor, evidence) {
			return fmt.Sprintf("%s/%s: %s", has.Phase, has.Reason, has.WaitingFor)
		}
		return ""
	})
}

func zoneOf(object *own, name string) v1alpha1.ZoneStatus {
	for _, zone := range object.Status.Zones {
		if zone.Name == name {
			return zone
		}
	}
	return v1alpha1.ZoneStatus{Phase: "none"}
}

// estate is everything of the operator's kinds in the namespace, less what the operator
// writes there.
type estate map[string]string

// operatorsFinalizer is put on an object when the operator first looks at it.
const operatorsFinalizer = "apps.victoriametrics.com/finalizer"

// estate takes it down.
func (r *room) estate() estate {
	r.t.Helper()
	all := estate{}
	for _, resource := range []schema.GroupVersionResource{clusterResource, userResource, agentResource} {
		found, err := r.site.objects.Resource(resource).Namespace(r.namespace).List(r.t.Context(), metav1.ListOptions{})
		must(r.t, err)
		for i := range found.Items {
			object := &found.Items[i]
			unstructured.RemoveNestedField(object.Object, "status")
			object.SetResourceVersion("")
			object.SetManagedFields(nil)
			object.SetFinalizers(slices.DeleteFunc(object.GetFinalizers(), func(name string) bool { return name == operatorsFinalizer }))
			text, err := json.Marshal(object)
			must(r.t, err)
			all[resource.Resource+"/"+object.GetName()] = string(text)
		}
	}
	return all
}

// expectEstate wants all to be as it was.
func (r *room) expectEstate(wanted estate) {
	r.t.Helper()
	now := r.estate()
	for name, before := range wanted {
		if now[name] != before {
			r.t.Errorf("%s was %s and is %s", name, before, now[name])
		}
	}
	expect(r.t, "number of objects", len(now), len(wanted))
}

// expectUnserved wants every request about demo to fail: nothing is said to be
// absent, and nothing to have been done.
func (r *room) expectUnserved() {
	r.t.Helper()
	var reads sync.WaitGroup
	reads.Go(func() {
		_, err := r.own.Get(r.t.Context(), "demo", metav1.GetOptions{})
		r.expectNoAnswer("get", err)
	})
	reads.Go(func() {
		_, err := r.own.List(r.t.Context(), metav1.ListOptions{})
		r.expectNoAnswer("list", err)
	})
	r.expectNoWrites()
	reads.Wait()
}

// expectNoWrites wants every write about demo to fail, and to say why where that is wanted.
func (r *room) expectNoWrites(why ...string) {
	r.t.Helper()
	var writes sync.WaitGroup
	expectFault := func(what string, err error) {
		if r.t.Helper(); len(why) == 0 {
			r.expectNoAnswer(what, err)
			return
		}
		r.expectFault(what, err, why...)
	}
	writes.Go(func() {
		_, err := r.own.Patch(r.t.Context(), "demo", types.MergePatchType, []byte(`{"metadata":{"annotations":{"touched":"yes"}}}`), metav1.PatchOptions{})
		expectFault("patch", err)
	})
	writes.Go(func() {
		expectFault("create", r.applyTo("another", fields{
			"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "VMDistributedCluster", "metadata": fields{"name": "another"},
			"spec": fields{"zones": fields{"vmclusters": list{fields{"ref": fields{"name": "elsewhere"}}}}},
		}))
	})
	writes.Go(func() { expectFault("delete", r.own.Delete(r.t.Context(), "demo", metav1.DeleteOptions{})) })
	writes.Wait()
}

// expectNoAnswer wants a request to fail, with 5xx or with its connection cut: a server whose
// time for a request is over does either.
func (r *room) expectNoAnswer(what string, err error) {
	r.t.Helper()
	if status := apierrors.APIStatus(nil); err == nil || errors.As(err, &status) {
		r.expectFault(what, err)
		return
	}
	r.t.Logf("%s: %v", what, err)
}

func (r *room) expectFault(what string, err error, why ...string) {
	r.t.Helper()
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Code < 500 {
		r.t.Errorf("%s: %v, want 5xx", what, err)
		return
	}
	for _, text := range why {
		if !strings.Contains(err.Error(), text) {
			r.t.Errorf("%s: %v, want that it says %q", what, err, text)
		}
	}
	r.t.Logf("%s: %d %s", what, status.Status().Code, status.Status().Message)
}

// poll asks until the answer is "", and fails with the last answer otherwise.
func poll(t *testing.T, what string, ask func() (missing string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		missing := ask()
		if missing == "" {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waiting for %s: %s", what, missing)
		}
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
