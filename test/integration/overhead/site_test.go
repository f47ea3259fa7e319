// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

const namespace = "overhead"

type fields = map[string]any

// site is a control plane whose operator and pods answer at once.
type site struct {
	control    *controlplane.ControlPlane
	server     *controlplane.Server
	objects    dynamic.Interface
	kubernetes kubernetes.Interface
}

func newSite(b *testing.B) *site {
	b.Helper()
	s := &site{}
	var err error
	s.control, err = controlplane.Start(b.Context(), controlplane.Options{Dir: b.TempDir(), CRDs: controlplane.CRDsUsed})
	must(b, err)
	b.Cleanup(func() { must(b, s.control.Stop()) })
	config := s.control.Config()
	s.objects, err = dynamic.NewForConfig(config)
	must(b, err)
	s.kubernetes, err = kubernetes.NewForConfig(config)
	must(b, err)
	operator, err := standin.New(config, standin.Options{Lag: -1})
	must(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- operator.Run(ctx) }()
	b.Cleanup(func() { cancel(); must(b, <-ended) })
	<-operator.Ready()
	s.server, err = s.control.StartServer(b.Context(), controlplane.ServerOptions{Env: startPods(b)})
	must(b, err)
	return s
}

// furnish makes the zones' VMUser, the VMAuth that serves it, and the addresses
// of the pods that are asked for metrics.
func (s *site) furnish(b *testing.B, zones []string) {
	b.Helper()
	_, err := s.kubernetes.CoreV1().Namespaces().Create(b.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	must(b, err)
	s.publish(b, "vmauth-main", authAddress, authPort)
	var targets []any
	for i, zone := range zones {
		s.publish(b, "vmselect-"+zone, selectAddress(i), selectPort)
		targets = append(targets, fields{
			"crd":   fields{"kind": "VMCluster/vmselect", "name": zone, "namespace": namespace},
			"paths": []any{"/select/.*"},
		})
	}
	s.create(b, "VMAuth", "main", fields{"userSelector": fields{}})
	s.create(b, "VMUser", "reader", fields{"username": "reader", "targetRefs": targets})
}

func (s *site) publish(b *testing.B, service, address string, port int32) {
	b.Helper()
	_, err := s.kubernetes.DiscoveryV1().EndpointSlices(namespace).Create(b.Context(), &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: service, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: service + "-0"},
		}},
		Ports: []discoveryv1.EndpointPort{{Name: ptr.To("http"), Port: ptr.To(port)}},
	}, metav1.CreateOptions{})
	must(b, err)
}

func resource(plural string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: plural}
}

func (s *site) create(b *testing.B, kind, name string, spec fields) {
	b.Helper()
	plural := map[string]string{"VMAuth": "vmauths", "VMUser": "vmusers"}[kind]
	_, err := s.objects.Resource(resource(plural)).Namespace(namespace).Create(b.Context(), &unstructured.Unstructured{Object: fields{
		"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": kind, "metadata": fields{"name": name}, "spec": spec,
	}}, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	must(b, err)
}

func zoneNames(count int) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("zone-%02d", i)
	}
	return names
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
