// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
)

// PodTarget is a pod and where it shows its metrics.
type PodTarget struct {
	// Pod is its name, or its address where the EndpointSlice does not say the name.
	Pod string
	URL string
	// Ready is whether the pod passes its readiness probe.
	Ready bool
	// Terminating is whether it was told to end. It still has what it has: a queue,
	// and requests that it answers.
	Terminating bool
}

// TargetsOf returns the pods of an endpoint by name, each once. The slices may
// hold those of others too.
//
// A pod is in several slices while it moves from one to another, and under a
// Service of two IP families; then it counts as ready where all say so, and as
// terminating where one does. Of two addresses that of IPv4 is taken.
//
// Readiness is the condition serving where it is set, since ready is always true
// under publishNotReadyAddresses, which the Service of vmselect has, and always
// false once the pod is terminating (podToEndpoint, utils.go of
// k8s.io/endpointslice v0.37.1). A condition that is not set counts as true, as its
// documentation wants it.
//
// An endpoint without the port is an error: there is a pod that cannot be asked.
func TargetsOf(e MetricsEndpoint, slicesOfAll []discoveryv1.EndpointSlice) ([]PodTarget, error) {
	found := map[string]PodTarget{}
	for _, slice := range inOrder(e, slicesOfAll) {
		if len(slice.Endpoints) == 0 {
			continue
		}
		port, ok := portOf(slice, e.PortName)
		if !ok {
			return nil, fmt.Errorf("EndpointSlice %s/%s has pods and no port %q for the metrics of %s", slice.Namespace, slice.Name, e.PortName, e.Of)
		}
		for _, endpoint := range slice.Endpoints {
			if len(endpoint.Addresses) == 0 {
				continue
			}
			target := e.target(endpoint, port)
			if known, again := found[target.Pod]; again {
				target = known.and(target)
			}
			found[target.Pod] = target
		}
	}
	targets := make([]PodTarget, 0, len(found))
	for _, target := range found {
		targets = append(targets, target)
	}
	slices.SortFunc(targets, func(a, b PodTarget) int { return cmp.Compare(a.Pod, b.Pod) })
	return targets, nil
}

// inOrder returns the slices of the endpoint, those of IPv4 first.
func inOrder(e MetricsEndpoint, all []discoveryv1.EndpointSlice) []discoveryv1.EndpointSlice {
	var own []discoveryv1.EndpointSlice
	for _, slice := range all {
		if slice.Namespace == e.Namespace && slice.Labels[discoveryv1.LabelServiceName] == e.Service {
			own = append(own, slice)
		}
	}
	slices.SortFunc(own, func(a, b discoveryv1.EndpointSlice) int {
		return cmp.Or(cmp.Compare(a.AddressType, b.AddressType), cmp.Compare(a.Name, b.Name))
	})
	return own
}

func portOf(slice discoveryv1.EndpointSlice, name string) (int32, bool) {
	for _, port := range slice.Ports {
		if ptr.Deref(port.Name, "") == name && port.Port != nil && ptr.Deref(port.Protocol, corev1.ProtocolTCP) == corev1.ProtocolTCP {
			return *port.Port, true
		}
	}
	return 0, false
}

func (e MetricsEndpoint) target(endpoint discoveryv1.Endpoint, port int32) PodTarget {
	// All addresses of an endpoint are of one pod, and one is enough.
	address := endpoint.Addresses[0]
	at := url.URL{Scheme: e.Scheme, Host: net.JoinHostPort(address, strconv.Itoa(int(port))), Path: e.Path}
	conditions := endpoint.Conditions
	target := PodTarget{
		Pod: address, URL: at.String(),
		Ready:       ptr.Deref(conditions.Serving, ptr.Deref(conditions.Ready, true)),
		Terminating: ptr.Deref(conditions.Terminating, false),
	}
	if ref := endpoint.TargetRef; ref != nil && ref.Kind == "Pod" && ref.Name != "" {
		target.Pod = ref.Name
	}
	return target
}

func (t PodTarget) and(again PodTarget) PodTarget {
	t.Ready = t.Ready && again.Ready
	t.Terminating = t.Terminating || again.Terminating
	return t
}

// ReplicasWanted returns how many pods the workloads of an endpoint want
// together, those included that are left of an earlier form of it, as from
// before statefulMode: their pods are behind the same Service and hold what they
// hold. It is 0 where all are scaled down, and nobody is there to be asked.
//
// Where it cannot be told, the sentence says why: a workload that should be there
// is not, or its number is not known yet. The lists may hold the workloads of
// others too.
func ReplicasWanted(e MetricsEndpoint, statefulSets []appsv1.StatefulSet, deployments []appsv1.Deployment, daemonSets []appsv1.DaemonSet) (int32, string) {
	selector, err := labels.Parse(e.WorkloadSelector)
	if err != nil {
		return 0, fmt.Sprintf("%s: %v", e.Of, err)
	}
	c := counter{namespace: e.Namespace, selector: selector, seen: map[Workload]bool{}}
	for i := range statefulSets {
		c.add(statefulSetKind, &statefulSets[i].ObjectMeta, replicasWanted(statefulSets[i].Spec.Replicas))
	}
	for i := range deployments {
		c.add(deploymentKind, &deployments[i].ObjectMeta, replicasWanted(deployments[i].Spec.Replicas))
	}
	for i := range daemonSets {
		d := &daemonSets[i]
		if c.add(daemonSetKind, &d.ObjectMeta, d.Status.DesiredNumberScheduled) && d.Status.ObservedGeneration < d.Generation {
			return 0, fmt.Sprintf("%s %s of %s is observed at generation %d, wanted %d", daemonSetKind, d.Name, e.Of, d.Status.ObservedGeneration, d.Generation)
		}
	}
	for _, workload := range e.Workloads {
		if !c.seen[workload] {
			return 0, fmt.Sprintf("%s of %s does not exist", workload, e.Of)
		}
	}
	return c.replicas, ""
}

type counter struct {
	namespace string
	selector  labels.Selector
	seen      map[Workload]bool
	replicas  int32
}

func (c *counter) add(kind string, m *metav1.ObjectMeta, replicas int32) bool {
	if m.Namespace != c.namespace || !c.selector.Matches(labels.Set(m.Labels)) {
		return false
	}
	c.seen[Workload{Kind: kind, Name: m.Name}] = true
	c.replicas += replicas
	return true
}
