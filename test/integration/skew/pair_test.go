// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package skew

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/leader"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

type fields = map[string]any

var (
	ownResource     = schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1alpha1", Resource: "vmdistributedclusters"}
	clusterResource = schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: "vmclusters"}
	userResource    = clusterResource.GroupVersion().WithResource("vmusers")
	recordResource  = schema.GroupVersionResource{Group: "storage.distributed.victoriametrics.com", Version: "v1", Resource: "vmdistributedclusterrecords"}
)

// stores are those that replicas can share.
var stores = []controlplane.Store{controlplane.StoreHost, controlplane.StoreEtcd}

// version is a replica, and what it is asked by.
type version struct {
	*controlplane.Server
	name string
	all  dynamic.NamespaceableResourceInterface
	// own are those in the namespace of the pair.
	own dynamic.ResourceInterface
}

// pair is a replica of this version, which leads at first, and one of the next, with a
// namespace whose objects they have.
type pair struct {
	t              *testing.T
	previous, next *version
	// system is where the replicas have their Lease.
	system, namespace string
}

func newPair(t *testing.T, store controlplane.Store) *pair {
	t.Helper()
	if store == controlplane.StoreHost {
		shared.records.Lock()
		t.Cleanup(shared.records.Unlock) // after the servers have ended
	}
	p := &pair{t: t}
	var err error
	p.system, err = shared.control.NewServerNamespace(t.Context(), "system-"+string(store))
	must(t, err)
	namespace, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "skew-"}}, metav1.CreateOptions{})
	must(t, err)
	p.namespace = namespace.Name
	p.previous = p.start("previous", store, "")
	p.untilLed(p.previous)
	p.keepOne()
	p.next = p.start("next", store, shared.next)
	return p
}

// keepOne keeps an object that nothing is made of. A replica that begins with an empty
// store, where VMClusters carry the marks of other pairs, would take it for one that was
// emptied.
func (p *pair) keepOne() {
	p.t.Helper()
	kept := manifest("kept", "v1", false)
	kept["spec"].(fields)["managementPolicy"] = "Observe"
	_, err := p.previous.all.Namespace(p.system).Create(p.t.Context(), &unstructured.Unstructured{Object: kept}, metav1.CreateOptions{})
	must(p.t, err)
}

func (p *pair) start(name string, store controlplane.Store, program string) *version {
	p.t.Helper()
	v := &version{name: name + "-" + p.system}
	var err error
	v.Server, err = shared.control.StartServer(p.t.Context(), controlplane.ServerOptions{
		Name: v.name, Unregistered: true, Store: store, Program: program, Env: []string{"POD_NAME=" + v.name},
		// The Lease does not run out in the time of a test: who leads next is for who ends to say.
		Args: []string{"--etcd-prefix=/" + p.system, "--namespace=" + p.system,
			"--leader-elect-lease-duration=1h", "--leader-elect-renew-deadline=30m", "--leader-elect-retry-period=500ms"},
	})
	must(p.t, err)
	p.t.Cleanup(func() { must(p.t, v.Stop()) })
	config, err := v.ConfigFor("tester", "system:masters")
	must(p.t, err)
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	must(p.t, err)
	v.all = client.Resource(ownResource)
	v.own = v.all.Namespace(p.namespace)
	return v
}

// handOver has the one that leads end, the other one lead, and the first come back.
func (p *pair) handOver(from, to *version) {
	p.t.Helper()
	must(p.t, from.Stop())
	p.untilLed(to)
	must(p.t, from.Restart(p.t.Context()))
}

func (p *pair) untilLed(by *version) {
	p.t.Helper()
	p.poll(by.name+" to lead", func(ctx context.Context) string {
		lease, err := shared.kubernetes.CoordinationV1().Leases(p.system).Get(ctx, leader.LeaseName, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if holder := *lease.Spec.HolderIdentity; !strings.HasPrefix(holder, by.name+"_") {
			return "the Lease is held by " + holder
		}
		return ""
	})
}

// manifest is an object with one field more, in spec and in a zone, unless that is left out.
func manifest(name, clusters string, withField bool) fields {
	first, second := zone(name+"-a", clusters), zone(name+"-b", clusters)
	spec := fields{"strategy": fields{"updatePause": "0s"}, "zones": fields{"vmclusters": []any{first, second}}}
	if withField {
		spec[field], second[field] = "in spec", "in a zone"
	}
	return fields{"apiVersion": ownResource.GroupVersion().String(), "kind": "VMDistributedCluster", "metadata": fields{"name": name}, "spec": spec}
}

func zone(name, version string) fields {
	component := fields{"replicaCount": int64(1)}
	return fields{"name": name, "spec": fields{"clusterVersion": version, "vmstorage": component, "vmselect": component, "vminsert": component}}
}

// apply applies a manifest server-side, by a version.
func (p *pair) apply(by *version, manager string, object fields) *unstructured.Unstructured {
	p.t.Helper()
	applied := &unstructured.Unstructured{Object: object}
	applied, err := by.own.Apply(p.t.Context(), applied.GetName(), applied, metav1.ApplyOptions{FieldManager: manager, Force: true})
	must(p.t, err)
	return applied
}

func (p *pair) patch(by *version, kind types.PatchType, change string, subresources ...string) *unstructured.Unstructured {
	p.t.Helper()
	patched, err := by.own.Patch(p.t.Context(), "demo", kind, []byte(change), metav1.PatchOptions{FieldManager: "patcher"}, subresources...)
	must(p.t, err)
	return patched
}

func (p *pair) get(by *version, name string) *unstructured.Unstructured {
	p.t.Helper()
	object, err := by.own.Get(p.t.Context(), name, metav1.GetOptions{})
	must(p.t, err)
	return object
}

// put replaces an object by what it is, changed.
func (p *pair) put(by *version, name string, change func(*unstructured.Unstructured)) {
	p.t.Helper()
	p.poll("the put of "+name, func(ctx context.Context) string { // a controller may write meanwhile
		object := p.get(by, name)
		change(object)
		if _, err := by.own.Update(ctx, object, metav1.UpdateOptions{FieldManager: "putter"}); err != nil {
			return err.Error()
		}
		return ""
	})
}

// untilReady waits for an object whose zones have come to what spec says.
func (p *pair) untilReady(name string) {
	p.t.Helper()
	p.poll(name+" to be Ready", func(ctx context.Context) string {
		object, err := p.next.own.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		var about struct {
			Status struct {
				ObservedGeneration int64
				Conditions         []metav1.Condition
			}
		}
		raw, err := json.Marshal(object)
		must(p.t, err)
		must(p.t, json.Unmarshal(raw, &about))
		for _, condition := range about.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == metav1.ConditionTrue && about.Status.ObservedGeneration == object.GetGeneration() {
				return ""
			}
		}
		return fmt.Sprintf("%+v", about)
	})
}

// untilZone waits for a member of the status of a zone of demo, such as phase.
func (p *pair) untilZone(by *version, zone, member, value string) {
	p.t.Helper()
	p.poll(fmt.Sprintf("%s of %s to be %s", member, zone, value), func(ctx context.Context) string {
		object, err := by.own.Get(ctx, "demo", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		zones, _, _ := unstructured.NestedSlice(object.Object, "status", "zones")
		for _, status := range zones {
			if status := status.(fields); status["name"] == zone && status[member] == value {
				return ""
			}
		}
		return fmt.Sprint(zones)
	})
}

// hold keeps the stand-in from finishing the next change of a VMCluster, until it is
// let go.
func (p *pair) hold(cluster string, held bool) {
	p.t.Helper()
	annotations := fields{standin.BehaviourAnnotation: nil, standin.FromGenerationAnnotation: nil}
	if held {
		annotations = fields{standin.BehaviourAnnotation: string(standin.Stuck), standin.FromGenerationAnnotation: "2"}
	}
	change, err := json.Marshal(fields{"metadata": fields{"annotations": annotations}})
	must(p.t, err)
	_, err = shared.objects.Resource(clusterResource).Namespace(p.namespace).Patch(p.t.Context(), cluster, types.MergePatchType, change, metav1.PatchOptions{})
	must(p.t, err)
}

// versions are the resourceVersions of all that a server could write to in the namespace.
func (p *pair) versions() map[string]string {
	p.t.Helper()
	found := map[string]string{}
	for _, resource := range []schema.GroupVersionResource{clusterResource, recordResource} {
		list, err := shared.objects.Resource(resource).Namespace(p.namespace).List(p.t.Context(), metav1.ListOptions{})
		must(p.t, err)
		for _, item := range list.Items {
			found[item.GetKind()+" "+item.GetName()] = item.GetResourceVersion()
		}
	}
	for _, by := range []*version{p.previous, p.next} {
		list, err := by.own.List(p.t.Context(), metav1.ListOptions{})
		must(p.t, err)
		for _, item := range list.Items {
			found[item.GetName()+" by "+by.name] = item.GetResourceVersion()
		}
	}
	return found
}

// expectVersions wants all of them to be there as they were.
func (p *pair) expectVersions(wanted map[string]string) {
	p.t.Helper()
	now := p.versions()
	maps.DeleteFunc(now, func(name, _ string) bool { return wanted[name] == "" })
	if !maps.Equal(now, wanted) {
		p.t.Errorf("resourceVersions are %v, were %v", now, wanted)
	}
}

func (p *pair) poll(what string, missing func(context.Context) string) {
	p.t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(p.t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = missing(ctx)
		return last == "", nil
	})
	if err != nil {
		p.t.Fatalf("waiting for %s: %v: %s", what, err, last)
	}
}
