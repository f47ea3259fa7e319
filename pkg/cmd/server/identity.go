// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/host"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// newGuard has nothing answered out of a store that is not the one which the cluster of
// config knows. It is the records, where there are some. Changed is called should it
// become another one. The Teller writes events about what the guard finds.
func (o *options) newGuard(config *rest.Config, records *host.Records, changed func(error)) (*identity.Guard, *identity.Teller, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, nil, fmt.Errorf("making a client for the host cluster: %w", err)
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, nil, fmt.Errorf("making a client for the marks on the operator's kinds: %w", err)
	}
	store, err := o.identifiedStore(config, records)
	if err != nil {
		return nil, nil, err
	}
	host, err := replica()
	if err != nil {
		return nil, nil, err
	}
	teller := identity.NewTeller(client.CoreV1(), o.Namespace, corev1.EventSource{Component: victoriametrics.FieldManager, Host: host})
	return identity.New(identity.Config{
		Store: store, ConfigMaps: client.CoreV1(), Namespace: o.Namespace, Marks: identity.NewMarks(objects).Find,
		Changed: changed, Tell: teller.Tell, Clock: clock.RealClock{},
	}), teller, nil
}

// identifiedStore is the store of which the identity counts.
func (o *options) identifiedStore(config *rest.Config, records *host.Records) (identity.Store, error) {
	if records != nil {
		return newHostStore(config, records)
	}
	etcd := &o.Recommended.Etcd.StorageConfig
	transport := func() storagebackend.TransportConfig { return etcd.Transport }
	stored := v1alpha1.Resource(vmdistributed.Resource)
	objects := stored.Group + "/" + stored.Resource // as the generic registry has it
	if o.embedded {
		return identity.NewEtcd(identity.KindEmbeddedEtcd, "the embedded etcd in "+o.Storage.DataDir, etcd.Prefix, objects, transport), nil
	}
	called := fmt.Sprintf("the etcd at %s, below %s,", strings.Join(etcd.Transport.ServerList, ","), etcd.Prefix)
	return identity.NewEtcd(identity.KindEtcd, called, etcd.Prefix, objects, transport), nil
}

func newHostStore(config *rest.Config, records *host.Records) (identity.Store, error) {
	config = rest.CopyConfig(config)
	// It is asked before every write of an object; requests are bounded where they come in.
	config.QPS, config.RateLimiter = -1, nil
	definitions, err := apiextensions.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for CustomResourceDefinitions: %w", err)
	}
	return identity.NewHost(definitions.ApiextensionsV1(), storagev1.VMDistributedClusterRecords+"."+storagev1.GroupName, records), nil
}
