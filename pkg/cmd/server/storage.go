// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/apiserver"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/registry/vmdistributedcluster"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/claim"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/compressed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/embeddedetcd"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/etcdclient"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/host"
)

const (
	// storageHost keeps objects in the cluster that aggregates the server.
	storageHost = "host"
	// storageEtcd keeps them in an etcd, an embedded one where none is named.
	storageEtcd = "etcd"
)

// etcdPatience is how long a start waits for an etcd that does not answer. It is part of what
// the startup probe in artifacts/components/external-etcd allows for.
const etcdPatience = 5 * time.Minute

// storageOptions says where objects are kept.
type storageOptions struct {
	// Kind is one of the stores below.
	Kind string
	// DataDir is the home of the embedded etcd.
	DataDir string
	// UnsafeNoFsync is for data that may be thrown away.
	UnsafeNoFsync bool
}

func (o *storageOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Kind, "storage", o.Kind,
		"Where objects are kept: \""+storageHost+"\", as records in the cluster that aggregates this server (see docs/storage.md), or \""+
			storageEtcd+"\", in the etcd of --etcd-servers or, where that names none, in an embedded one.")
	fs.StringVar(&o.DataDir, "data-dir", o.DataDir,
		"Directory of the embedded etcd, used with --storage="+storageEtcd+" when --etcd-servers names none. One process at a time.")
	fs.BoolVar(&o.UnsafeNoFsync, "unsafe-no-fsync", o.UnsafeNoFsync,
		"Let the embedded etcd answer before data is on disk. Faster, and a crash of the machine loses objects: for data that may be thrown away.")
}

func (o *options) validateStorage() (errs []error) {
	etcd := o.Recommended.Etcd
	servers := len(etcd.StorageConfig.Transport.ServerList) > 0
	switch o.Storage.Kind {
	case storageHost:
		if servers {
			errs = append(errs, errors.New("--etcd-servers names an etcd that --storage=host does not use: leave one of them out"))
		}
		if etcd.EncryptionProviderConfigFilepath != "" {
			errs = append(errs, errors.New("--encryption-provider-config does nothing with --storage=host: have the cluster encrypt "+
				storagev1.VMDistributedClusterRecords+"."+storagev1.GroupName+", by the configuration of its kube-apiserver"))
		}
	case storageEtcd:
		if !servers && o.Storage.DataDir == "" {
			errs = append(errs, errors.New("either --etcd-servers or --data-dir is needed, to know where to keep objects"))
		}
	default:
		return append(errs, fmt.Errorf("--storage=%s is unknown: use %s or %s", o.Storage.Kind, storageHost, storageEtcd))
	}
	return append(errs, o.validateEtcd()...)
}

// validateEtcd checks what counts for every store. That an etcd is missing does not: there
// is an embedded one, or none.
func (o *options) validateEtcd() []error {
	etcd := *o.Recommended.Etcd
	if len(etcd.StorageConfig.Transport.ServerList) == 0 {
		etcd.StorageConfig.Transport.ServerList = []string{"embedded"}
	}
	return etcd.Validate()
}

// embedsEtcd tells whether objects are kept in an etcd within this process.
func (o *options) embedsEtcd() bool {
	return o.Storage.Kind == storageEtcd && len(o.Recommended.Etcd.StorageConfig.Transport.ServerList) == 0
}

// applyRecommended applies what most API servers have, and the storage. It returns the
// client for records where these are the storage, else nil.
func (o *options) applyRecommended(generic *genericapiserver.RecommendedConfig) (*host.Records, error) {
	if o.Storage.Kind == storageEtcd {
		if err := o.Recommended.ApplyTo(generic); err != nil {
			return nil, fmt.Errorf("applying the options: %w", err)
		}
		generic.RESTOptionsGetter = compressed.RESTOptions{RESTOptionsGetter: generic.RESTOptionsGetter}
		return nil, nil //nolint:nilnil // there are none
	}
	without := *o.Recommended
	without.Etcd = nil
	if err := without.ApplyTo(generic); err != nil {
		return nil, fmt.Errorf("applying the options: %w", err)
	}
	records, err := host.NewRecords(generic.ClientConfig, storagev1.VMDistributedClusterRecord, storagev1.VMDistributedClusterRecords)
	if err != nil {
		return nil, err
	}
	config := o.Recommended.Etcd.StorageConfig
	config.StorageObjectCountTracker = generic.StorageObjectCountTracker
	generic.RESTOptionsGetter = host.RESTOptions{
		Resource: v1alpha1.Resource(vmdistributed.Resource), Records: records, Storage: config,
		DeleteCollectionWorkers: o.Recommended.Etcd.DeleteCollectionWorkers,
		EnableGarbageCollection: o.Recommended.Etcd.EnableGarbageCollection,
		StandIn:                 vmdistributedcluster.StandIn,
	}
	return records, nil
}

// startEtcd starts the embedded member and points the storage at it. Should the
// member end by itself, the server stops.
func (o *options) startEtcd(ctx context.Context, stop context.CancelCauseFunc) (*embeddedetcd.Member, error) {
	member, err := embeddedetcd.Start(ctx, embeddedetcd.Config{DataDir: o.Storage.DataDir, UnsafeNoFsync: o.Storage.UnsafeNoFsync})
	if err != nil {
		return nil, err
	}
	o.Recommended.Etcd.StorageConfig.Transport.ServerList = []string{member.Endpoint()}
	klog.FromContext(ctx).Info("Keeping objects in the embedded etcd", "dataDir", o.Storage.DataDir, "fsync", !o.Storage.UnsafeNoFsync)
	go func() {
		select {
		case err := <-member.Failed():
			if err != nil {
				stop(fmt.Errorf("the embedded etcd failed: %w", err))
			}
		case <-ctx.Done():
		}
	}()
	return member, nil
}

// awaitEtcd returns once the etcd of --etcd-servers answers, if objects are kept in one.
func (o *options) awaitEtcd(ctx context.Context) error {
	if o.Storage.Kind != storageEtcd {
		return nil
	}
	return etcdclient.Await(ctx, o.Recommended.Etcd.StorageConfig.Transport, etcdPatience)
}

// claimStore waits until no other embedded store serves the host cluster.
func (o *options) claimStore(ctx context.Context, config *apiserver.Config, stop context.CancelCauseFunc) (released <-chan struct{}, err error) {
	client, err := kubernetes.NewForConfig(config.GenericConfig.ClientConfig)
	if err != nil {
		return nil, fmt.Errorf("making a client for the host cluster: %w", err)
	}
	store, err := claim.StoreID(o.Storage.DataDir)
	if err != nil {
		return nil, err
	}
	return claim.Hold(ctx, client, o.Namespace, store, stop)
}
