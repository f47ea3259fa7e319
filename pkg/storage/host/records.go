// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/metrics"
	"k8s.io/utils/ptr"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// Records is a client for the records of one kind.
type Records struct {
	client     rest.Interface
	parameters runtime.ParameterCodec
	kind       string
	resource   string
	latency    *metrics.HistogramVec
}

// NewRecords returns a client for the records of a kind, which the cluster of config
// serves as a resource.
func NewRecords(config *rest.Config, kind, resource string) (*Records, error) {
	scheme := runtime.NewScheme()
	version := storagev1.SchemeGroupVersion
	scheme.AddKnownTypeWithName(version.WithKind(kind), &storagev1.Record{})
	scheme.AddKnownTypeWithName(version.WithKind(kind+"List"), &storagev1.RecordList{})
	metav1.AddToGroupVersion(scheme, version)

	config = rest.CopyConfig(config)
	config.APIPath, config.GroupVersion = "/apis", &version
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.ContentType, config.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	// Requests are bounded where they come in.
	config.QPS, config.RateLimiter = -1, nil
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", version.WithResource(resource).GroupResource(), err)
	}
	return &Records{client: client, parameters: runtime.NewParameterCodec(scheme), kind: kind, resource: resource, latency: newLatency()}, nil
}

// request begins one. It is not made again by itself when the cluster says later:
// that is for the client to whom it matters, and who is told.
func (r *Records) request(begun *rest.Request) *rest.Request {
	return begun.Resource(r.resource).MaxRetries(0)
}

func (r *Records) get(ctx context.Context, at place, resourceVersion string) (*storagev1.Record, error) {
	defer r.took(operationGet, time.Now())
	record := &storagev1.Record{}
	err := r.request(r.client.Get()).Namespace(at.namespace).Name(at.name).
		VersionedParams(&metav1.GetOptions{ResourceVersion: resourceVersion}, r.parameters).Do(ctx).Into(record)
	return record, err
}

// create adds a record, and tells what became of it.
func (r *Records) create(ctx context.Context, record *storagev1.Record) (*storagev1.Record, error) {
	defer r.took(operationCreate, time.Now())
	r.name(record)
	created := &storagev1.Record{}
	err := r.request(r.client.Post()).Namespace(record.Namespace).Body(record).Do(ctx).Into(created)
	return created, err
}

// update replaces a record that has not changed since it was read. One that was
// being deleted and is held by no finalizer any more is gone after that.
func (r *Records) update(ctx context.Context, record *storagev1.Record) (*storagev1.Record, error) {
	defer r.took(operationUpdate, time.Now())
	r.name(record)
	updated := &storagev1.Record{}
	err := r.request(r.client.Put()).Namespace(record.Namespace).Name(record.Name).Body(record).Do(ctx).Into(updated)
	return updated, err
}

func (r *Records) name(record *storagev1.Record) {
	record.APIVersion, record.Kind = storagev1.SchemeGroupVersion.String(), r.kind
}

// remove deletes a record that has not changed since it was read.
func (r *Records) remove(ctx context.Context, record *storagev1.Record) error {
	defer r.took(operationDelete, time.Now())
	return r.request(r.client.Delete()).Namespace(record.Namespace).Name(record.Name).Body(&metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &record.UID, ResourceVersion: &record.ResourceVersion},
		PropagationPolicy: ptr.To(metav1.DeletePropagationBackground),
	}).Do(ctx).Error()
}

func (r *Records) list(ctx context.Context, namespace string, options metav1.ListOptions) (*storagev1.RecordList, error) {
	defer r.took(operationList, time.Now())
	list := &storagev1.RecordList{}
	err := r.request(r.client.Get()).NamespaceIfScoped(namespace, namespace != "").
		VersionedParams(&options, r.parameters).Do(ctx).Into(list)
	return list, err
}

// nobody is where no record is: no object has that name.
var nobody = place{metav1.NamespaceDefault, "-"}

// probe asks for what is not there, which moves no record, and which kube-apiserver
// answers without its etcd. From its cache it would answer a list of one with all.
func (r *Records) probe(ctx context.Context) error {
	if _, err := r.get(ctx, nobody, "0"); !isAbsent(err) {
		return err
	}
	return nil
}

// None tells whether there are no records at all.
func (r *Records) None(ctx context.Context) (bool, error) {
	list, err := r.list(ctx, "", metav1.ListOptions{Limit: 1})
	if err != nil {
		return false, hostError(err, listing, place{}, 0)
	}
	return len(list.Items) == 0, nil
}

// Has tells whether there is the record of an object.
func (r *Records) Has(ctx context.Context, object types.NamespacedName) (bool, error) {
	at := place{object.Namespace, object.Name}
	_, err := r.get(ctx, at, "")
	switch {
	case isAbsent(err):
		return false, nil
	case err != nil:
		return false, hostError(err, reading, at, 0)
	}
	return true, nil
}

func (r *Records) watch(ctx context.Context, namespace string, options metav1.ListOptions) (watch.Interface, error) {
	defer r.took(operationWatch, time.Now())
	options.Watch = true
	return r.request(r.client.Get()).NamespaceIfScoped(namespace, namespace != "").
		VersionedParams(&options, r.parameters).Watch(ctx)
}

// place is where a record lies.
type place struct{ namespace, name string }

func (p place) String() string {
	return types.NamespacedName{Namespace: p.namespace, Name: p.name}.String()
}
