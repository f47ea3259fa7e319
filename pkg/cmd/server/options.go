// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
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
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/apiserver"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/certs"
)

// etcdPrefix is where our keys begin, in an etcd that may hold others too.
const etcdPrefix = "/registry/distributed.victoriametrics.com"

// watchGracePeriod is how long watches may take to end when the server does.
const watchGracePeriod = 5 * time.Second

// options is what flags can say.
type options struct {
	Run         *genericoptions.ServerRunOptions
	Recommended *genericoptions.RecommendedOptions
	Storage     storageOptions
	// Namespace holds the server's own objects in the host cluster: the Lease that
	// keeps a second embedded store from serving it, the ConfigMap that halts the
	// controller, and the Secret with the certificate.
	Namespace    string
	Certificates certificateOptions
	Metrics      *metrics.Options
	Logs         *logsapi.LoggingConfiguration
	components   basecompatibility.ComponentGlobalsRegistry
	// embedded is true where the store is our own member.
	embedded bool
	// keeper makes the certificate, unless the user brings one.
	keeper *certs.Keeper
}

// storageOptions says where objects are kept if no etcd is named.
type storageOptions struct {
	// DataDir is the home of the embedded etcd.
	DataDir string
	// UnsafeNoFsync is for data that may be thrown away.
	UnsafeNoFsync bool
}

func newOptions(components basecompatibility.ComponentGlobalsRegistry) *options {
	scheme := apiserver.NewScheme()
	codec := serializer.NewCodecFactory(scheme).LegacyCodec(v1alpha1.SchemeGroupVersion)
	o := &options{
		Run:          genericoptions.NewServerRunOptionsForComponent(basecompatibility.DefaultKubeComponent, components),
		Recommended:  genericoptions.NewRecommendedOptions(etcdPrefix, codec),
		Storage:      storageOptions{DataDir: "vmdistributed-apiserver.data"},
		Namespace:    "vmdistributed-system",
		Certificates: newCertificateOptions(),
		Metrics:      metrics.NewOptions(),
		Logs:         logsapi.NewLoggingConfiguration(),
		components:   components,
	}
	useOurPlugins(o.Recommended.Admission)
	// Whatever group a request names, one form is stored.
	o.Recommended.Etcd.StorageConfig.EncodeVersioner = runtime.NewMultiGroupVersioner(
		v1alpha1.SchemeGroupVersion, schema.GroupKind{Group: v1alpha1.GroupName})
	o.Recommended.Etcd.StorageConfig.Transport.ServerList = nil
	// Without it, a watch that is open holds the end up for as long as a request
	// may take.
	o.Run.ShutdownWatchTerminationGracePeriod = watchGracePeriod
	// A certificate in files is one that somebody has asked for.
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
	if o.makesCertificates() {
		return nil
	}
	return o.Recommended.SecureServing.MaybeDefaultWithSelfSignedCerts("localhost", nil, []net.IP{net.IPv4(127, 0, 0, 1)})
}

func (o *options) validate() error {
	var errs []error
	if len(o.Recommended.Etcd.StorageConfig.Transport.ServerList) == 0 && o.Storage.DataDir == "" {
		errs = append(errs, errors.New("either --etcd-servers or --data-dir is needed, to know where to keep objects"))
	}
	errs = append(errs, o.validateCertificates())
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
