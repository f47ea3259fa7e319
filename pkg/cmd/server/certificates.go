// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/install"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/apiserver"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/certs"
)

// certificatePatience is how long a start may take to get a certificate.
const certificatePatience = time.Minute

// certificateOptions says how the server makes its own certificate.
type certificateOptions struct {
	// Secret is where replicas share it; with an empty name, nobody makes any.
	Secret string
	// Service is the name of the Service by which the aggregator calls.
	Service string
	// Lifetime is that of a certificate.
	Lifetime time.Duration
	// secretFlag tells whether the user has said something.
	secretFlag *pflag.Flag
}

func newCertificateOptions() certificateOptions {
	return certificateOptions{
		Secret: "vmdistributed-apiserver-certificate", Service: "vmdistributed-apiserver", Lifetime: certs.DefaultLifetime,
	}
}

func (o *certificateOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Secret, "certificate-secret", o.Secret,
		"Secret, in --namespace, in which all replicas keep the certificate that they serve with. The server makes it, renews it, and puts its authority "+
			"into the APIServices that name --service-name. Empty, or with --tls-cert-file or --cert-dir given, it does not.")
	fs.StringVar(&o.Service, "service-name", o.Service,
		"Service, in --namespace, by which the aggregator calls the server: what the certificate is for that the server makes.")
	fs.DurationVar(&o.Lifetime, "certificate-lifetime", o.Lifetime,
		"How long a certificate is good that the server makes. It is renewed when a third of that is left.")
	o.secretFlag = fs.Lookup("certificate-secret")
}

// certificateSource is the flag by which the user brings a certificate, if any.
func (o *options) certificateSource() string {
	cert := o.Recommended.SecureServing.ServerCert
	switch {
	case cert.CertKey.CertFile != "":
		return "--tls-cert-file"
	case cert.CertKey.KeyFile != "":
		return "--tls-private-key-file"
	case cert.CertDirectory != "":
		return "--cert-dir"
	}
	return ""
}

// makesCertificates tells whether the server makes its own certificate.
func (o *options) makesCertificates() bool {
	return o.Certificates.Secret != "" && o.certificateSource() == ""
}

func (o *options) validateCertificates() error {
	if source := o.certificateSource(); source != "" && o.Certificates.Secret != "" && o.Certificates.secretFlag.Changed {
		return fmt.Errorf("--certificate-secret=%s has the server make its certificate, and %s names one that is there: give one of the two flags",
			o.Certificates.Secret, source)
	}
	if !o.makesCertificates() {
		return nil
	}
	if err := o.keeperOptions().Validate(); err != nil {
		return fmt.Errorf("--certificate-secret, --service-name, --certificate-lifetime: %w", err)
	}
	return nil
}

func (o *options) keeperOptions() certs.Options {
	var services []string
	for _, version := range install.GroupVersions() {
		services = append(services, version.Version+"."+version.Group)
	}
	return certs.Options{
		Namespace: o.Namespace, Secret: o.Certificates.Secret, Service: o.Certificates.Service, Lifetime: o.Certificates.Lifetime,
		APIServices: services,
	}
}

// keepCertificates has the server serve with a certificate that it makes itself, by the
// keeper that it returns; nil where the user brings one.
func (o *options) keepCertificates(config *apiserver.Config, host *rest.Config) (*certs.Keeper, error) {
	if !o.makesCertificates() {
		return nil, nil //nolint:nilnil // there is none
	}
	keeper, err := certs.New(o.keeperOptions(), host)
	if err != nil {
		return nil, err
	}
	config.GenericConfig.SecureServing.Cert = keeper.Served()
	config.ExtraConfig.Workers = append(config.ExtraConfig.Workers, apiserver.Worker{Name: certs.WorkerName, Run: keeper.Run})
	config.ExtraConfig.Ready = append(config.ExtraConfig.Ready, keeper.Ready())
	return keeper, nil
}

// awaitCertificate returns when there is one to serve with.
func (p *parts) awaitCertificate(ctx context.Context) error {
	if p.keeper == nil {
		return nil
	}
	if err := register(p.keeper.Metrics()); err != nil {
		return err
	}
	return p.keeper.Begin(ctx, certificatePatience)
}

// register has the metrics page tell something.
func register(all []metrics.Registerable) error {
	var errs []error
	for _, metric := range all {
		if err := legacyregistry.Register(metric); err != nil {
			errs = append(errs, fmt.Errorf("registering the metric %s: %w", metric.FQName(), err))
		}
	}
	return errors.Join(errs...)
}
