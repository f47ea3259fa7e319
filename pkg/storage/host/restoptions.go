// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"
	"net/http"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// RESTOptions has the generic registry keep the objects of one resource in records.
type RESTOptions struct {
	// Resource is the one.
	Resource schema.GroupResource
	// Records is where its objects lie.
	Records *Records
	// Storage says how they are encoded and counted.
	Storage storagebackend.Config
	// DeleteCollectionWorkers is how many objects of a collection are deleted at a time.
	DeleteCollectionWorkers int
	// EnableGarbageCollection has deletions heed what they say of dependents.
	EnableGarbageCollection bool
	// StandIn tells people why an object can't be read, as in a Config.
	StandIn func(object runtime.Object, why string)
}

var _ generic.RESTOptionsGetter = RESTOptions{}

// GetRESTOptions is asked for by the registry.
func (o RESTOptions) GetRESTOptions(resource schema.GroupResource, _ runtime.Object) (generic.RESTOptions, error) {
	if resource != o.Resource {
		return generic.RESTOptions{}, fmt.Errorf("there are records of %s, and none of %s", o.Resource, resource)
	}
	return generic.RESTOptions{
		StorageConfig:             o.Storage.ForResource(resource),
		Decorator:                 o.open,
		DeleteCollectionWorkers:   o.DeleteCollectionWorkers,
		EnableGarbageCollection:   o.EnableGarbageCollection,
		ResourcePrefix:            resource.Group + "/" + resource.Resource,
		CountMetricPollPeriod:     o.Storage.CountMetricPollPeriod,
		StorageObjectCountTracker: o.Storage.StorageObjectCountTracker,
	}, nil
}

// open makes the Store. There is no cache before it.
func (o RESTOptions) open(config *storagebackend.ConfigForResource, prefix string, _ func(runtime.Object) (string, error),
	newFunc, _ func() runtime.Object, _ storage.AttrFunc, _ storage.IndexerFuncs, _ *cache.Indexers,
) (storage.Interface, factory.DestroyFunc, error) {
	store, err := New(Config{Records: o.Records, Codec: config.Codec, Check: SameName, ResourcePrefix: prefix, NewFunc: newFunc, StandIn: o.StandIn})
	return store, func() {}, err
}

// Served is not ready while the cluster answers that it has no records, or that they
// are none of ours. That it does not answer at all is no reason to be taken out of
// the Service: nobody else would be reached either, and this passes. Why it is not
// ready, the log tells: whoever asks for readiness is not told.
func (r *Records) Served() healthz.HealthChecker {
	var mutex sync.Mutex
	said := ""
	return healthz.NamedCheck("records", func(request *http.Request) error {
		err := r.probe(request.Context())
		if !isNotServed(err) && !isRefused(err) {
			err = nil
		} else {
			err = hostError(err, reading, place{}, 0)
		}
		mutex.Lock()
		defer mutex.Unlock()
		logger := klog.FromContext(request.Context())
		switch {
		case err != nil && err.Error() != said:
			said = err.Error()
			logger.Error(err, "Not ready: the records in the host cluster can't be read")
		case err == nil && said != "":
			said = ""
			logger.Info("The records in the host cluster can be read again")
		}
		return err
	})
}
