// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"net"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	basecompatibility "k8s.io/component-base/compatibility"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/metrics"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/apiserver"
)

// etcdPrefix is where our keys begin, in an etcd that may hold others too.
const etcdPrefix = "/registry/distributed.victoriametrics.com"

const (
	// storageHost keeps objects in the cluster that aggregates the server.
	storageHost = "host"
	// storageEtcd keeps them in an etcd, an embedded one where none is named.
	storageEtcd = "etcd"
)

// watchGracePeriod is how long watches may take to end when the server does.
const watchGracePeriod = 5 * time.Second

// options is what flags can say.
type options struct {
	Run         *genericoptions.ServerRunOptions
	Recommended *genericoptions.RecommendedOptions
	Storage     storageOptions
	// Namespace holds the server's own objects in the host cluster: the Lease that
	// keeps a second embedded store from serving it, and the ConfigMap that halts the
	// controller.
	Namespace  string
	Metrics    *metrics.Options
	Logs       *logsapi.LoggingConfiguration
	components basecompatibility.ComponentGlobalsRegistry
	// embedded is true where the store is our own member.
	embedded bool
}

// storageOptions says where objects are kept.
type storageOptions struct {
	// Kind is one of the stores below.
	Kind string
	// DataDir is the home of the embedded etcd.
	DataDir string
	// UnsafeNoFsync is for data that may be thrown away.
	UnsafeNoFsync bool
}

func newOptions(components basecompatibility.ComponentGlobalsRegistry) *options {
	scheme := apiserver.NewScheme()
	codec := serializer.NewCodecFactory(scheme).LegacyCodec(v1alpha1.SchemeGroupVersion)
	o := &options{
		Run:         genericoptions.NewServerRunOptionsForComponent(basecompatibility.DefaultKubeComponent, components),
		Recommended: genericoptions.NewRecommendedOptions(etcdPrefix, codec),
		Storage:     storageOptions{Kind: storageEtcd, DataDir: "vmdistributed-apiserver.data"},
		Namespace:   "vmdistributed-system",
		Metrics:     metrics.NewOptions(),
		Logs:        logsapi.NewLoggingConfiguration(),
		components:  components,
	}
	useOurPlugins(o.Recommended.Admission)
	// Whatever group a request names, one form is stored.
	o.Recommended.Etcd.StorageConfig.EncodeVersioner = runtime.NewMultiGroupVersioner(
		v1alpha1.SchemeGroupVersion, schema.GroupKind{Group: v1alpha1.GroupName})
	o.Recommended.Etcd.StorageConfig.Transport.ServerList = nil
	// Without it, a watch that is open holds the end up for as long as a request
	// may take.
	o.Run.ShutdownWatchTerminationGracePeriod = watchGracePeriod
	// A certificate that nobody has asked for stays in memory.
	o.Recommended.SecureServing.ServerCert.CertDirectory = ""
	return o
}

// complete derives what the user did not say from what they did.
func (o *options) complete() error {
	// One kubeconfig serves for everything that is not told otherwise.
	host := o.Recommended.CoreAPI.CoreAPIKubeconfigPath
	if o.Recommended.Authentication.RemoteKubeConfigFile == "" {
		o.Recommended.Authentication.RemoteKubeConfigFile = host
	}
	if o.Recommended.Authorization.RemoteKubeConfigFile == "" {
		o.Recommended.Authorization.RemoteKubeConfigFile = host
	}
	if err := o.Run.DefaultAdvertiseAddress(o.Recommended.SecureServing.SecureServingOptions); err != nil {
		return err
	}
	return o.Recommended.SecureServing.MaybeDefaultWithSelfSignedCerts("localhost", nil, []net.IP{net.IPv4(127, 0, 0, 1)})
}

func (o *options) validate() error {
	errs := o.validateStorage()
	errs = append(errs, o.Run.Validate()...)
	errs = append(errs, o.Recommended.SecureServing.Validate()...)
	errs = append(errs, o.Recommended.Authentication.Validate()...)
	errs = append(errs, o.Recommended.Authorization.Validate()...)
	errs = append(errs, o.Recommended.Audit.Validate()...)
	errs = append(errs, o.Recommended.Features.Validate()...)
	errs = append(errs, o.Recommended.CoreAPI.Validate()...)
	errs = append(errs, o.Recommended.Admission.Validate()...)
	errs = append(errs, o.Recommended.EgressSelector.Validate()...)
	errs = append(errs, o.Recommended.Traces.Validate()...)
	errs = append(errs, o.Metrics.Validate()...)
	return utilerrors.NewAggregate(errs)
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
		errs = append(errs, fmt.Errorf("--storage=%s is unknown: use %s or %s", o.Storage.Kind, storageHost, storageEtcd))
	}
	return errs
}

// embedsEtcd tells whether objects are kept in an etcd within this process.
func (o *options) embedsEtcd() bool {
	return o.Storage.Kind == storageEtcd && len(o.Recommended.Etcd.StorageConfig.Transport.ServerList) == 0
}
