// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/certs"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestManyBeginAtOnceAndShareOneCertificate in each of many namespaces: whoever is first
// makes it, and nobody says more than that all have it.
func TestManyBeginAtOnceAndShareOneCertificate(t *testing.T) {
	t.Parallel()
	s := newSite(t, "many")
	for range 10 {
		namespace, err := s.kubernetes.CoreV1().Namespaces().Create(t.Context(),
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "many-"}}, metav1.CreateOptions{})
		must(t, err)
		served := s.begin(t, 5, namespace.Name)
		secret, err := s.kubernetes.CoreV1().Secrets(namespace.Name).Get(t.Context(), secretName, metav1.GetOptions{})
		must(t, err)
		for _, cert := range served {
			if string(cert) != string(secret.Data[corev1.TLSCertKey]) {
				t.Errorf("one in %s serves what is not in the Secret", namespace.Name)
			}
		}
		if found := len(certificates(t, secret.Data["ca.crt"])); found != 1 {
			t.Errorf("%d authorities in %s", found, namespace.Name)
		}
	}
}

// begin has keepers begin, and keep for a moment, and returns what each serves.
func (s *site) begin(t *testing.T, count int, namespace string) [][]byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	served := make([][]byte, count)
	var group sync.WaitGroup
	for i := range served {
		keeper, err := certs.New(certs.Options{
			Namespace: namespace, Secret: secretName, Service: "vmdistributed-apiserver",
			APIServices: []string{apiServiceName}, Lifetime: certs.DefaultLifetime,
		}, s.control.Config())
		must(t, err)
		group.Go(func() {
			if err := keeper.Begin(ctx, patience); err != nil {
				t.Error(err)
				return
			}
			running, stop := context.WithCancel(ctx)
			ended := make(chan error, 1)
			go func() { ended <- keeper.Run(running) }()
			served[i], _ = keeper.Served().CurrentCertKeyContent()
			_ = keeper.Ready().Check(nil)
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	return served
}

// TestASecretOfSomebodyElseIsLeftAlone, whatever it holds.
func TestASecretOfSomebodyElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, "foreign")
	theirs := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: secretName},
		Data:       map[string][]byte{"password": []byte("theirs")},
	}
	made, err := s.kubernetes.CoreV1().Secrets(theirs.Namespace).Create(t.Context(), theirs, metav1.CreateOptions{})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = s.control.StartServer(ctx, controlplane.ServerOptions{
			Name: "intruder", OwnCertificate: true, Store: controlplane.StoreEtcd, Unregistered: true,
			Args: []string{"--namespace=" + theirs.Namespace, "--kubeconfig=" + s.control.Kubeconfig()},
		})
	}()
	poll(t, "the server to say whose it is", func(context.Context) string {
		return logLacks(t, s.control.LogOf("intruder"), "is left alone: it is not labelled")
	})
	cancel()
	<-ended
	must(t, s.control.Kill("intruder"))
	now, err := s.kubernetes.CoreV1().Secrets(theirs.Namespace).Get(t.Context(), secretName, metav1.GetOptions{})
	must(t, err)
	if now.ResourceVersion != made.ResourceVersion {
		t.Errorf("it was written to: %v", now)
	}
}
