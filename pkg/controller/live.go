// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/halt"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/history"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// live reads from the API server, past every cache of ours. One look asks once for
// each kind in a namespace, not for each zone: what 20 zones would take otherwise
// is as many requests as the client may make in a second. See concerned for the exception.
type live struct {
	objects    dynamic.Interface
	kubernetes kubernetes.Interface
	// known tells of VMClusters that are nobody's zones here, and how many there are.
	known *inventory.Inventory
	halt  *halt.Switch
	// history is that of all objects.
	history *history.History
}

// look is one look at what an object may have to do with. It is as fresh as its
// beginning, and asks for nothing twice.
type look struct {
	live
	in string
	// names are the VMClusters that vmclusters and workloadsOf are about; nil for all.
	names      []string
	vmclusters func() ([]*unstructured.Unstructured, error)
	// vmcluster and workloadsOfOther are about one that names lack.
	vmcluster        func(name string) (*unstructured.Unstructured, error)
	workloadsOfOther func(name string) (map[types.NamespacedName]*workloads, error)
	// workloadsOf are those of each VMCluster.
	workloadsOf func() (map[types.NamespacedName]*workloads, error)
	vmagents    func() ([]*unstructured.Unstructured, error)
	vmusers     func() ([]*unstructured.Unstructured, error)
	vmauths     func() ([]*unstructured.Unstructured, error)
	// everyUser are the VMUsers of all namespaces.
	everyUser func() ([]*unstructured.Unstructured, error)
	itself    func() (*corev1.Namespace, error)
	halted    func() (*rollout.Halt, error)
}

type workloads struct {
	statefulSets []appsv1.StatefulSet
	deployments  []appsv1.Deployment
}

var _ source = &look{}

// look begins a look for an object, which asks when it is asked.
func (s live) look(ctx context.Context, object *vmdistributed.VMDistributedCluster) *look {
	namespace := object.Namespace
	l := &look{live: s, in: namespace, names: s.concerned(ctx, object)}
	lister := func(resource schema.GroupVersionResource, namespace string) func() ([]*unstructured.Unstructured, error) {
		return sync.OnceValues(func() ([]*unstructured.Unstructured, error) {
			return s.list(ctx, resource, namespace, fields.Everything())
		})
	}
	l.vmcluster = onceEach(func(name string) (*unstructured.Unstructured, error) { return s.cluster(ctx, namespace, name) })
	l.vmclusters = lister(victoriametrics.VMClusterResource, namespace)
	if l.names != nil {
		l.vmclusters = sync.OnceValues(func() ([]*unstructured.Unstructured, error) { return each(l.names, l.vmcluster) })
	}
	l.vmagents = lister(victoriametrics.VMAgentResource, namespace)
	l.vmusers = lister(victoriametrics.VMUserResource, namespace)
	l.vmauths = lister(victoriametrics.VMAuthResource, metav1.NamespaceAll)
	l.everyUser = lister(victoriametrics.VMUserResource, metav1.NamespaceAll)
	l.itself = sync.OnceValues(func() (*corev1.Namespace, error) { return s.read(ctx, namespace) })
	l.halted = sync.OnceValues(func() (*rollout.Halt, error) { return s.halt.Read(ctx) })
	// What the operator says of a VMCluster that it has changed comes after what it did to
	// the workloads: those are read later.
	l.workloadsOf = sync.OnceValues(func() (map[types.NamespacedName]*workloads, error) {
		if _, err := l.vmclusters(); err != nil {
			return nil, err
		}
		return s.allWorkloads(ctx, namespace, victoriametrics.WorkloadSelectorFor(l.names...))
	})
	l.workloadsOfOther = onceEach(func(name string) (map[types.NamespacedName]*workloads, error) {
		if _, err := l.vmcluster(name); err != nil {
			return nil, err
		}
		return s.allWorkloads(ctx, namespace, victoriametrics.WorkloadSelectorFor(name))
	})
	return l
}

// ahead asks at once for all that a rollout takes: a list may have to wait until
// the API server has brought its own cache up to date. It returns what waits for
// the answers.
func (s *look) ahead(routed bool) (wait func()) {
	var group sync.WaitGroup
	group.Go(func() { _, _ = s.workloadsOf() })
	group.Go(func() { _, _ = s.vmagents() })
	group.Go(func() { _, _ = s.vmusers() })
	group.Go(func() { _, _ = s.itself() })
	group.Go(func() { _, _ = s.halted() })
	if routed {
		group.Go(func() { _, _ = s.vmauths() })
	}
	return group.Wait
}

// within refuses what a look has not looked at.
func (s *look) within(namespace string) error {
	if namespace != s.in {
		return fmt.Errorf("looking at namespace %q: the look is at %q", namespace, s.in)
	}
	return nil
}

// about is true for a VMCluster that is looked at together with others.
func (s *look) about(name string) bool { return s.names == nil || slices.Contains(s.names, name) }

func (s *look) Cluster(_ context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	if err := s.within(namespace); err != nil {
		return nil, err
	}
	if !s.about(name) {
		return s.vmcluster(name)
	}
	all, err := s.vmclusters()
	return named(all, name), err
}

func named(objects []*unstructured.Unstructured, name string) *unstructured.Unstructured {
	for _, object := range objects {
		if object.GetName() == name {
			return object
		}
	}
	return nil
}

func (s *look) Marked(_ context.Context, owner types.NamespacedName) ([]*unstructured.Unstructured, error) {
	if err := s.within(owner.Namespace); err != nil {
		return nil, err
	}
	all, err := s.vmclusters()
	if err != nil {
		return nil, err
	}
	var ours []*unstructured.Unstructured
	for _, cluster := range all {
		if victoriametrics.IsOwnedBy(cluster, owner) {
			ours = append(ours, cluster)
		}
	}
	return ours, nil
}

func (s *look) Workloads(_ context.Context, namespace, name string) ([]appsv1.StatefulSet, []appsv1.Deployment, error) {
	if err := s.within(namespace); err != nil {
		return nil, nil, err
	}
	ask := s.workloadsOf
	if !s.about(name) {
		ask = func() (map[types.NamespacedName]*workloads, error) { return s.workloadsOfOther(name) }
	}
	all, err := ask()
	if err != nil {
		return nil, nil, err
	}
	found := all[types.NamespacedName{Namespace: namespace, Name: name}]
	if found == nil {
		return nil, nil, nil
	}
	return found.statefulSets, found.deployments, nil
}

// allWorkloads asks for both kinds at once: neither says anything of the other.
func (s live) allWorkloads(ctx context.Context, namespace, selector string) (map[types.NamespacedName]*workloads, error) {
	options := metav1.ListOptions{LabelSelector: selector}
	var deployments *appsv1.DeploymentList
	var failed error
	var group sync.WaitGroup
	group.Go(func() { deployments, failed = s.kubernetes.AppsV1().Deployments(namespace).List(ctx, options) })
	sets, err := s.kubernetes.AppsV1().StatefulSets(namespace).List(ctx, options)
	group.Wait()
	if err != nil {
		return nil, fmt.Errorf("listing the StatefulSets of VMClusters in namespace %q: %w", namespace, err)
	}
	if failed != nil {
		return nil, fmt.Errorf("listing the Deployments of VMClusters in namespace %q: %w", namespace, failed)
	}
	all := map[types.NamespacedName]*workloads{}
	of := func(workload metav1.Object) *workloads {
		namespace, name, ok := victoriametrics.WorkloadCluster(workload)
		if !ok {
			return &workloads{} // nobody's
		}
		key := types.NamespacedName{Namespace: namespace, Name: name}
		if all[key] == nil {
			all[key] = &workloads{}
		}
		return all[key]
	}
	for i := range sets.Items {
		found := of(&sets.Items[i])
		found.statefulSets = append(found.statefulSets, sets.Items[i])
	}
	for i := range deployments.Items {
		found := of(&deployments.Items[i])
		found.deployments = append(found.deployments, deployments.Items[i])
	}
	return all, nil
}

// clusters is answered from a cache, the only one: what it does not know yet
// makes a decision wait, never hurry.
func (s *look) Clusters(ctx context.Context) ([]*unstructured.Unstructured, error) {
	return s.known.Clusters(ctx)
}

func (s *look) Agent(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error) {
	all, err := s.Agents(ctx, namespace)
	return named(all, name), err
}

func (s *look) Agents(_ context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	if err := s.within(namespace); err != nil {
		return nil, err
	}
	return s.vmagents()
}

func (s *look) Users(_ context.Context, namespace string) ([]*unstructured.Unstructured, error) {
	if err := s.within(namespace); err != nil {
		return nil, err
	}
	return s.vmusers()
}

func (s *look) Auths(context.Context) ([]*unstructured.Unstructured, error) { return s.vmauths() }

func (s *look) Routers(context.Context) ([]*unstructured.Unstructured, error) {
	users, err := s.everyUser()
	if err != nil {
		return nil, err
	}
	auths, err := s.vmauths()
	return slices.Concat(users, auths), err
}

func (s *look) Namespace(_ context.Context, name string) (*corev1.Namespace, error) {
	if err := s.within(name); err != nil {
		return nil, err
	}
	return s.itself()
}

func (s *look) Halt(context.Context) (*rollout.Halt, error) { return s.halted() }

func (s *look) Record(ctx context.Context, object types.NamespacedName, revision string) (*history.Record, error) {
	return s.history.Get(ctx, object, revision)
}

func (s live) list(ctx context.Context, resource schema.GroupVersionResource, namespace string, selector fields.Selector) ([]*unstructured.Unstructured, error) {
	list, err := s.objects.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{FieldSelector: selector.String()})
	if err != nil {
		return nil, fmt.Errorf("listing %s in namespace %q: %w", strings.TrimSpace(resource.Resource+" "+selector.String()), namespace, err)
	}
	objects := make([]*unstructured.Unstructured, len(list.Items))
	for i := range list.Items {
		objects[i] = &list.Items[i]
	}
	return objects, nil
}

func (s live) read(ctx context.Context, name string) (*corev1.Namespace, error) {
	namespace, err := s.kubernetes.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading namespace %q: %w", name, err)
	}
	return namespace, nil
}
