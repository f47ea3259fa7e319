// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package certs tests that the server makes, renews and injects its own certificate:
// processes of the real server behind the aggregator of a real kube-apiserver, with
// certificates that live for seconds.
package certs

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

const (
	// patience ends a test that waits for what does not come.
	patience = 3 * time.Minute

	secretName     = "vmdistributed-apiserver-certificate"
	apiServiceName = "v1alpha1.operator.victoriametrics.com"
	serverName     = "vmdistributed-apiserver." + controlplane.ServerNamespace + ".svc"
	listPath       = "/apis/operator.victoriametrics.com/v1alpha1/vmdistributedclusters"
)

// scratch is for what tests write; paths below it are short.
var scratch string

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "certs", Start: func(dir string, _ io.Writer) (func() error, error) {
		scratch = dir
		return func() error { return nil }, nil
	}})
}

// site is a control plane with clients that may do everything.
type site struct {
	control       *controlplane.ControlPlane
	kubernetes    kubernetes.Interface
	registrations aggregator.Interface
}

func newSite(t *testing.T, name string) *site {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, name) // another one for each time that the test runs
	must(t, err)
	control, err := controlplane.Start(t.Context(), controlplane.Options{
		Dir: dir, CRDs: controlplane.CRDsUsed, Patience: patience,
	})
	must(t, err)
	t.Cleanup(func() {
		if err := control.Stop(); err != nil {
			t.Error(err)
		}
	})
	s := &site{control: control}
	s.kubernetes, err = kubernetes.NewForConfig(control.Config())
	must(t, err)
	s.registrations, err = aggregator.NewForConfig(control.Config())
	must(t, err)
	return s
}

func (s *site) secret(ctx context.Context) (*corev1.Secret, error) {
	return s.kubernetes.CoreV1().Secrets(controlplane.ServerNamespace).Get(ctx, secretName, metav1.GetOptions{})
}

func (s *site) apiService(ctx context.Context) (*apiregistrationv1.APIService, error) {
	return s.registrations.ApiregistrationV1().APIServices().Get(ctx, apiServiceName, metav1.GetOptions{})
}

// certificates are those in a PEM file.
func certificates(t *testing.T, raw []byte) []*x509.Certificate {
	t.Helper()
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			return all
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		must(t, err)
		all = append(all, certificate)
	}
}

// poll asks until nothing is missing any more.
func poll(t *testing.T, what string, missing func(ctx context.Context) string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		last := missing(ctx)
		if last == "" {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited for %s: %s", what, last)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
