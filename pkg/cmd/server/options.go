// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	basecompatibility "k8s.io/component-base/compatibility"
	componentbaseconfig "k8s.io/component-base/config"
	"k8s.io/component-base/config/validation"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/metrics"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/apiserver"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/leader"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/unknown"
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
	// keeps a second embedded store from serving it, the Lease of the replica that runs
	// the controller, the ConfigMap that halts it, the one that names the store, and the
	// Secret with the certificate.
	Namespace string
	// Election is how one of several replicas comes to run the controller.
	Election     componentbaseconfig.LeaderElectionConfiguration
	Certificates certificateOptions
	Metrics      *metrics.Options
	Logs         *logsapi.LoggingConfiguration
	components   basecompatibility.ComponentGlobalsRegistry
	// embedded is true where the store is our own member. It is known once the options are
	// complete: when the member runs, it is the etcd that they name.
	embedded bool
}

func newOptions(components basecompatibility.ComponentGlobalsRegistry) *options {
	scheme := apiserver.NewScheme()
	codec := unknown.NewCodec(serializer.NewCodecFactory(scheme).LegacyCodec(v1alpha1.SchemeGroupVersion))
	o := &options{
		Run:         genericoptions.NewServerRunOptionsForComponent(basecompatibility.DefaultKubeComponent, components),
		Recommended: genericoptions.NewRecommendedOptions(etcdPrefix, codec),
		Storage:     storageOptions{Kind: storageEtcd, DataDir: "vmdistributed-apiserver.data"},
		Namespace:   "vmdistributed-system",
		Election: componentbaseconfig.LeaderElectionConfiguration{
			LeaderElect:   true,
			LeaseDuration: metav1.Duration{Duration: 15 * time.Second},
			RenewDeadline: metav1.Duration{Duration: 10 * time.Second},
			RetryPeriod:   metav1.Duration{Duration: 2 * time.Second},
			ResourceLock:  resourcelock.LeasesResourceLock,
			ResourceName:  leader.LeaseName,
		},
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
	o.Election.ResourceNamespace = o.Namespace
	o.embedded = o.embedsEtcd()
	if err := o.Run.DefaultAdvertiseAddress(o.Recommended.SecureServing.SecureServingOptions); err != nil {
		return err
	}
	if o.makesCertificates() {
		return nil
	}
	return o.Recommended.SecureServing.MaybeDefaultWithSelfSignedCerts("localhost", nil, []net.IP{net.IPv4(127, 0, 0, 1)})
}

func (o *options) validate() error {
	errs := o.validateStorage()
	if err := validation.ValidateLeaderElectionConfiguration(&o.Election, field.NewPath("leader-elect")).ToAggregate(); err != nil {
		errs = append(errs, err)
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
