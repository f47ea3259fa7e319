// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/utils/dump"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// patience ends a test that waits for what does not come.
const patience = 2 * time.Minute

// lab is an API server with a stand-in at work. It has no lag but where an
// object asks for one.
type lab struct {
	control  *controlplane.ControlPlane
	client   dynamic.Interface
	operator *Operator
	// asked is what Options.Behaviour answers, by "namespace/name".
	asked sync.Map
}

// TestOnAnAPIServer runs all tests that need one, each in a namespace of its own.
func TestOnAnAPIServer(t *testing.T) {
	l := newLab(t)
	for name, test := range map[string]func(*testing.T, *room){
		"a new cluster has converged before it is operational":         testNewCluster,
		"a changed spec is rolled out under its own generation":        testChangedSpec,
		"the lag of an object holds it until it is taken back":         testLagHolds,
		"a paused cluster is not touched":                              testPaused,
		"a component that leaves the spec leaves the cluster":          testComponentLeaves,
		"a workload that somebody broke is repaired":                   testWorkloadRepaired,
		"a change that a workload cannot take makes it anew":           testMadeAnew,
		"looking again at what is as it should be writes nothing":      testRest,
		"a deleted cluster takes its workloads along":                  testDeletedCluster,
		"a deaf cluster outlives its deletion until it hears":          testDeafDeletion,
		"a behaviour that is saved for a generation strikes then":      testSavedBehaviour,
		"the options' behaviour counts once it is reconsidered":        testReconsider,
		"an agent has a workload and a status for its shards":          testShardedAgent,
		"what is not played fails, and recovers when it is taken back": testDaemonSetMode,
		"a user is applied by each VMAuth in its own time":             testTwoAuths,
		"a user is invalid while a target does not exist":              testDanglingTarget,
		"a VMAuth that stops selecting a user releases it":             testReleasedUser,
		"the condition of a deleted VMAuth stays":                      testConditionOfDeletedAuth,
		"a user waits for a VMAuth that is stuck":                      testStuckAuth,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, l.room(t))
		})
	}
	for name, test := range misbehaviours() {
		t.Run("a cluster that is "+name, func(t *testing.T) {
			t.Parallel()
			test.run(t, l.room(t))
		})
	}
}

func newLab(t *testing.T) *lab {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	control, err := controlplane.Start(ctx, controlplane.Options{Dir: t.TempDir(), CRDs: controlplane.CRDsUsed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := control.Stop(); err != nil {
			t.Error(err)
		}
	})
	l := &lab{control: control}
	if l.client, err = dynamic.NewForConfig(control.Config()); err != nil {
		t.Fatal(err)
	}
	l.operate(t)
	return l
}

// operate runs the stand-in until the end of the test.
func (l *lab) operate(t *testing.T) {
	t.Helper()
	behaviour := func(obj *unstructured.Unstructured) Behaviour {
		asked, _ := l.asked.Load(obj.GetNamespace() + "/" + obj.GetName())
		result, _ := asked.(Behaviour)
		return result
	}
	var err error
	if l.operator, err = New(l.control.Config(), Options{Lag: -1, Behaviour: behaviour}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.operator.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the stand-in ended with %v", err)
		}
	})
	select {
	case <-l.operator.Ready():
	case err := <-ended:
		ended <- nil
		t.Fatalf("the stand-in did not start: %v", err)
	}
}

// room is a namespace of one test.
type room struct {
	*lab
	t         *testing.T
	namespace string
}

func (l *lab) room(t *testing.T) *room {
	t.Helper()
	namespace := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"generateName": "room-"},
	}}
	created, err := l.client.Resource(gvr(namespaceResource)).Create(t.Context(), namespace, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &room{lab: l, t: t, namespace: created.GetName()}
}

func (r *room) resource(resource string) dynamic.ResourceInterface {
	return r.client.Resource(gvr(resource)).Namespace(r.namespace)
}

// create creates an object of the operator's kinds from the YAML of its spec.
func (r *room) create(resource, name, spec string, annotations map[string]string) *unstructured.Unstructured {
	r.t.Helper()
	kinds := map[string]string{clusterResource: "VMCluster", agentResource: "VMAgent", authResource: "VMAuth", userResource: "VMUser"}
	obj := object(r.t, fmt.Sprintf("{apiVersion: %s, kind: %s, metadata: {name: %s}, spec: %s}", apiVersion, kinds[resource], name, spec))
	obj.SetAnnotations(annotations)
	created, err := r.resource(resource).Create(r.t.Context(), obj, metav1.CreateOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	return created
}

// patch changes an object; either change may be nil, and an annotation or a
// field that is nil is removed.
func (r *room) patch(resource, name string, annotations, spec map[string]any) *unstructured.Unstructured {
	r.t.Helper()
	change := map[string]any{}
	if annotations != nil {
		change["metadata"] = map[string]any{"annotations": annotations}
	}
	if spec != nil {
		change["spec"] = spec
	}
	raw, err := json.Marshal(change)
	if err != nil {
		r.t.Fatal(err)
	}
	patched, err := r.resource(resource).Patch(r.t.Context(), name, types.MergePatchType, raw, metav1.PatchOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	return patched
}

func (r *room) get(resource, name string) *unstructured.Unstructured {
	r.t.Helper()
	obj, err := r.resource(resource).Get(r.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	return obj
}

func (r *room) remove(resource, name string) {
	r.t.Helper()
	if err := r.resource(resource).Delete(r.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

// film shows every version of one object since it began to be watched.
type film struct {
	room     *room
	what     string
	watch    watch.Interface
	versions []*unstructured.Unstructured
	deleted  bool
}

// film begins to watch an object, which need not exist yet.
func (r *room) film(resource, name string) *film {
	r.t.Helper()
	w, err := r.resource(resource).Watch(r.t.Context(), metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("metadata.name", name).String(),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(w.Stop)
	return &film{room: r, what: resource + " " + name, watch: w}
}

// until returns the first version, from the last one seen on, that is as wanted.
func (f *film) until(wanted string, is func(*unstructured.Unstructured) bool) *unstructured.Unstructured {
	f.room.t.Helper()
	if n := len(f.versions); n > 0 && is(f.versions[n-1]) {
		return f.versions[n-1]
	}
	for f.next(wanted) {
		if last := f.versions[len(f.versions)-1]; !f.deleted && is(last) {
			return last
		}
	}
	return nil
}

// untilDeleted returns when the object is gone.
func (f *film) untilDeleted() {
	f.room.t.Helper()
	for !f.deleted && f.next("deleted") {
		continue
	}
}

// next waits for one more version.
func (f *film) next(wanted string) bool {
	f.room.t.Helper()
	select {
	case event, ok := <-f.watch.ResultChan():
		obj, isObject := event.Object.(*unstructured.Unstructured)
		if !ok || !isObject || event.Type == watch.Error {
			f.room.t.Fatalf("watching %s until it is %s: the watch ended with %v", f.what, wanted, event.Object)
		}
		f.versions, f.deleted = append(f.versions, obj), event.Type == watch.Deleted
		return true
	case <-time.After(patience):
		f.room.t.Fatalf("%s is not %s; it went through %v, and was last:\n%s", f.what, wanted, f.story(), dump.Pretty(f.versions[max(len(f.versions)-1, 0):]))
	}
	return false
}

// untilStatus waits for updateStatus and observedGeneration, as "expanding@2".
func (f *film) untilStatus(wanted string) *unstructured.Unstructured {
	f.room.t.Helper()
	return f.until(wanted, func(obj *unstructured.Unstructured) bool { return saying(f.room.t, obj) == wanted })
}

// story lists what the object said one after the other.
func (f *film) story() []string {
	f.room.t.Helper()
	var all []string
	for _, version := range f.versions {
		all = append(all, saying(f.room.t, version))
	}
	return slices.Compact(all)
}

func saying(t *testing.T, obj *unstructured.Unstructured) string {
	t.Helper()
	var s status
	if err := decode(obj, "status", &s); err != nil {
		t.Fatal(err)
	}
	if s.UpdateStatus == "" {
		return "nothing"
	}
	return fmt.Sprintf("%s@%d", s.UpdateStatus, s.ObservedGeneration)
}

// countsOf reads the status of a workload.
func countsOf(t *testing.T, obj *unstructured.Unstructured) counts {
	t.Helper()
	var c counts
	if err := decode(obj, "status", &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// hasConverged judges a workload as kubectl rollout status would.
func hasConverged(t *testing.T, obj *unstructured.Unstructured) bool {
	t.Helper()
	c := countsOf(t, obj)
	wanted, _, err := unstructured.NestedInt64(obj.Object, "spec", "replicas")
	if err != nil {
		t.Fatal(err)
	}
	n := int32(wanted)
	return c.ObservedGeneration == obj.GetGeneration() && c.Replicas == n && c.UpdatedReplicas == n &&
		c.ReadyReplicas == n && c.AvailableReplicas == n && c.CurrentRevision == c.UpdateRevision
}
