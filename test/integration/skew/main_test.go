// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package skew tests that replicas of two versions side by side lose and change
// nothing, as they are while the server is upgraded: the one that is here, and one that
// knows one more field, built from the same sources.
package skew

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

const (
	// patience ends a test that waits for what does not come.
	patience = 5 * time.Minute
	// buildPatience ends a build on a machine that has other work.
	buildPatience = 15 * time.Minute
)

// site is what all tests of this package share.
type site struct {
	control    *controlplane.ControlPlane
	next       string // program of the next version
	operator   *standin.Operator
	objects    dynamic.Interface
	kubernetes kubernetes.Interface
	// records are for one pair at a time: whoever keeps objects in them leads over all of
	// the cluster.
	records sync.Mutex
}

var shared *site

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "skew", Together: 4, Start: start})
}

func start(dir string, out io.Writer) (stop func() error, err error) {
	shared = &site{}
	if err := shared.start(dir, out); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- shared.operator.Run(ctx) }()
	stop = func() error {
		cancel()
		return errors.Join(<-ended, shared.control.Stop())
	}
	select {
	case err := <-ended:
		ended <- err
		return nil, fmt.Errorf("starting the stand-in: %w", errors.Join(err, stop()))
	case <-shared.operator.Ready():
		return stop, nil
	}
}

func (s *site) start(dir string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), buildPatience)
	defer cancel()
	root, err := controlplane.FindRoot()
	if err != nil {
		return err
	}
	if s.next, err = buildNext(ctx, root, dir); err != nil {
		return err
	}
	s.control, err = controlplane.Start(ctx, controlplane.Options{Dir: filepath.Join(dir, "c"), Out: out, CRDs: controlplane.CRDsUsed})
	if err != nil {
		return err
	}
	if err := s.connect(ctx, root); err != nil {
		return errors.Join(err, s.control.Stop())
	}
	return nil
}

func (s *site) connect(ctx context.Context, root string) (err error) {
	config := s.control.Config()
	if s.objects, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	if s.kubernetes, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	// Before any server asks for it.
	if err := s.control.Apply(ctx, filepath.Join(root, "artifacts", "base", "crd.yaml")); err != nil {
		return err
	}
	s.operator, err = standin.New(config, standin.Options{Lag: 300 * time.Millisecond})
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
