// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"context"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
)

const (
	// publishRetry is the pause after what could not be written.
	publishRetry = 500 * time.Millisecond
	// portName is that of the operator's Services.
	portName = "http"
	// fieldManager owns what is published.
	fieldManager = "dataplane"
)

// publisher keeps Services, EndpointSlices and the routes of the proxy as the
// replicas are.
type publisher struct {
	client   kubernetes.Interface
	proxy    *Proxy
	services func() []service
	wake     chan struct{}
	// published are those that exist, by namespace/name, as last written.
	published map[string]service
}

func newPublisher(client kubernetes.Interface, proxy *Proxy, services func() []service) *publisher {
	return &publisher{
		client: client, proxy: proxy, services: services,
		wake: make(chan struct{}, 1), published: map[string]service{},
	}
}

func (p *publisher) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run works until the context ends.
func (p *publisher) run(ctx context.Context) {
	for {
		var again <-chan time.Time
		if err := p.publish(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Services are not as they should be, trying again")
			again = time.After(publishRetry)
		}
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-again:
		}
	}
}

func (p *publisher) publish(ctx context.Context) error {
	wanted := map[string]service{}
	for _, s := range p.services() {
		wanted[s.namespace+"/"+s.name] = s
		p.route(s)
	}
	for _, key := range sortedKeys(p.published) {
		if _, ok := wanted[key]; ok {
			continue
		}
		if err := p.withdraw(ctx, p.published[key]); err != nil {
			return err
		}
		delete(p.published, key)
	}
	for _, key := range sortedKeys(wanted) {
		s := wanted[key]
		if reflect.DeepEqual(p.published[key], s) {
			continue
		}
		if err := p.write(ctx, s); err != nil {
			return err
		}
		p.published[key] = s
	}
	return nil
}

// route leads the names of a Service to its pods, those that are ready if any
// is, and the address of each pod to that pod.
func (p *publisher) route(s service) {
	port := strconv.Itoa(int(s.port))
	var ready, all []string
	for _, pod := range s.pods {
		p.proxy.set(net.JoinHostPort(pod.address, port), []string{pod.target})
		all = append(all, pod.target)
		if pod.ready {
			ready = append(ready, pod.target)
		}
	}
	if len(ready) == 0 {
		ready = all
	}
	for _, host := range s.hosts() {
		p.proxy.set(net.JoinHostPort(host, port), ready)
	}
}

// hosts are the names of a Service.
func (s service) hosts() []string {
	name := s.name + "." + s.namespace
	return []string{name, name + ".svc", name + ".svc.cluster.local", name + ".svc.cluster.local."}
}

func (p *publisher) write(ctx context.Context, s service) error {
	service, slice := s.object(), s.slice()
	_, err := p.client.CoreV1().Services(s.namespace).Create(ctx, service, metav1.CreateOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating Service %s/%s: %w", s.namespace, s.name, err)
	}
	slices := p.client.DiscoveryV1().EndpointSlices(s.namespace)
	_, err = slices.Update(ctx, slice, metav1.UpdateOptions{FieldManager: fieldManager})
	if apierrors.IsNotFound(err) {
		_, err = slices.Create(ctx, slice, metav1.CreateOptions{FieldManager: fieldManager})
	}
	if err != nil {
		return fmt.Errorf("writing EndpointSlice %s/%s: %w", s.namespace, slice.Name, err)
	}
	return nil
}

func (p *publisher) withdraw(ctx context.Context, s service) error {
	for _, host := range s.hosts() {
		p.proxy.set(net.JoinHostPort(host, strconv.Itoa(int(s.port))), nil)
	}
	err := p.client.DiscoveryV1().EndpointSlices(s.namespace).Delete(ctx, s.name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting EndpointSlice %s/%s: %w", s.namespace, s.name, err)
	}
	err = p.client.CoreV1().Services(s.namespace).Delete(ctx, s.name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting Service %s/%s: %w", s.namespace, s.name, err)
	}
	return nil
}

// meta has the labels that the operator's Services have.
func (s service) meta() metav1.ObjectMeta {
	labels := map[string]string{
		"app.kubernetes.io/name": s.program, "app.kubernetes.io/instance": s.owner,
		"app.kubernetes.io/component": "monitoring", "managed-by": "vm-operator",
	}
	if s.partOf != "" {
		labels["app.kubernetes.io/part-of"] = s.partOf
	}
	return metav1.ObjectMeta{Name: s.name, Namespace: s.namespace, Labels: labels}
}

// object is the Service. It has no selector, so that no controller makes
// EndpointSlices for it: there are no pods.
func (s service) object() *corev1.Service {
	service := &corev1.Service{ObjectMeta: s.meta(), Spec: corev1.ServiceSpec{
		Type:                     corev1.ServiceTypeClusterIP,
		PublishNotReadyAddresses: s.publishNotReady,
		Ports:                    []corev1.ServicePort{{Name: portName, Port: s.port, TargetPort: intstr.FromInt32(s.port), Protocol: corev1.ProtocolTCP}},
	}}
	if s.headless {
		service.Spec.ClusterIP = corev1.ClusterIPNone
	}
	return service
}

func (s service) slice() *discoveryv1.EndpointSlice {
	name, protocol, port := portName, corev1.ProtocolTCP, s.port
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  s.meta(),
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Protocol: &protocol, Port: &port}},
		Endpoints:   []discoveryv1.Endpoint{},
	}
	slice.Labels[discoveryv1.LabelServiceName] = s.name
	slice.Labels[discoveryv1.LabelManagedBy] = fieldManager
	for _, pod := range s.pods {
		// As Kubernetes has it: publishNotReadyAddresses makes all ready.
		ready, serving, terminating := pod.ready || s.publishNotReady, pod.ready, false
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{pod.address},
			Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: s.namespace, Name: pod.name},
		})
	}
	return slice
}
