// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package promise holds the tests of what a rollout promises, no failed query and
// no lost sample, on real processes under load: see package dataplane for what is
// real.
package promise

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/dataplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/report"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

const (
	// patience ends a test that waits for what does not come.
	patience = 3 * time.Minute
	// together is how many tests run at the same time: each has nine processes
	// under load.
	together = 6
)

// site is what all tests of this package share.
type site struct {
	control    *controlplane.ControlPlane
	server     *controlplane.Server
	plane      *dataplane.DataPlane
	own        versioned.Interface
	objects    dynamic.Interface
	kubernetes kubernetes.Interface
	behaviours *behaviours
}

var (
	shared *site
	// findings are to be read by whoever runs the tests.
	findings report.Findings
	long     = os.Getenv("VMDC_TEST_LONG") != ""
)

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "promise", Together: together, Start: func(dir string, out io.Writer) (func() error, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		shared = &site{behaviours: &behaviours{}}
		if err := shared.start(ctx, dir, out); err != nil {
			return nil, errors.Join(err, shared.stop())
		}
		return func() error { return errors.Join(shared.stop(), findings.Write()) }, nil
	}})
}

func (s *site) start(ctx context.Context, dir string, out io.Writer) error {
	err := s.startAround(ctx, dir, out)
	if err != nil {
		return err
	}
	s.server, err = s.control.StartServer(ctx, controlplane.ServerOptions{Env: s.plane.Proxy().Env()})
	return err
}

// startAround starts all but our server.
func (s *site) startAround(ctx context.Context, dir string, out io.Writer) error {
	root, err := controlplane.FindRoot()
	if err != nil {
		return err
	}
	s.control, err = controlplane.Start(ctx, controlplane.Options{
		Dir: filepath.Join(dir, "control"), Out: out, CRDs: controlplane.CRDsUsed,
	})
	if err != nil {
		return err
	}
	if s.objects, err = dynamic.NewForConfig(s.control.Config()); err != nil {
		return err
	}
	if s.kubernetes, err = kubernetes.NewForConfig(s.control.Config()); err != nil {
		return err
	}
	if s.own, err = versioned.NewForConfig(s.control.Config()); err != nil {
		return err
	}
	s.plane, err = dataplane.Start(ctx, s.control.Config(), dataplane.Options{
		Dir: filepath.Join(dir, "plane"), BinDir: filepath.Join(root, ".local", "bin"), Behaviour: s.behaviours.of,
	})
	return err
}

func (s *site) stop() error {
	var errs []error
	if s.plane != nil {
		errs = append(errs, s.plane.Stop())
	}
	if s.control != nil {
		errs = append(errs, s.control.Stop())
	}
	return errors.Join(errs...)
}
