// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/report"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

// lab is where the stores keep things.
type lab struct {
	control    *controlplane.ControlPlane
	config     *rest.Config
	kubernetes kubernetes.Interface
	objects    dynamic.Interface
	// below is the etcd of the cluster that keeps records.
	below *clientv3.Client
}

var (
	shared *lab
	// findings are to be read by whoever runs the tests.
	findings report.Findings
)

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "st", Start: start})
}

// start brings up a control plane on which nobody else writes, since the suite counts
// revisions.
func start(dir string, out io.Writer) (stop func() error, err error) {
	ctx := context.Background()
	l := &lab{}
	if l.control, err = controlplane.Start(ctx, controlplane.Options{Dir: filepath.Join(dir, "host"), CRDs: controlplane.CRDsNone, Out: out,
		// Its Lease moves the revision every ten seconds.
		APIServerArgs: []string{"--feature-gates=UnknownVersionInteroperabilityProxy=false,APIServerIdentity=false"}}); err != nil {
		return nil, err
	}
	stop = func() error { return errors.Join(l.control.Stop(), findings.Write()) }
	if err := errors.Join(l.control.Apply(ctx, "../../artifacts/base/crd.yaml"), l.connect()); err != nil {
		return nil, errors.Join(err, stop())
	}
	shared = l
	return stop, nil
}

func (l *lab) connect() (err error) {
	l.config = l.control.Config()
	if l.kubernetes, err = kubernetes.NewForConfig(l.config); err != nil {
		return err
	}
	if l.objects, err = dynamic.NewForConfig(l.config); err != nil {
		return err
	}
	access := l.control.EtcdAccess()
	tls, err := transport.TLSInfo{TrustedCAFile: access.CAFile, CertFile: access.CertFile, KeyFile: access.KeyFile}.ClientConfig()
	if err != nil {
		return fmt.Errorf("reading the certificates of etcd: %w", err)
	}
	l.below, err = clientv3.New(clientv3.Config{Endpoints: []string{access.URL}, TLS: tls})
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
