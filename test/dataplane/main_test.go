// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

// patience ends a test that waits for what does not come.
const patience = time.Minute

// site is what all tests of this package share.
type site struct {
	plane      *DataPlane
	objects    dynamic.Interface
	kubernetes kubernetes.Interface
}

var shared *site

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "dataplane", Together: 5, Start: start})
}

func start(dir string, out io.Writer) (stop func() error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	control, err := controlplane.Start(ctx, controlplane.Options{
		Dir: filepath.Join(dir, "control"), Out: out, CRDs: controlplane.CRDsUsed,
	})
	if err != nil {
		return nil, err
	}
	shared = &site{}
	if err := shared.start(ctx, dir, control); err != nil {
		return nil, errors.Join(err, control.Stop())
	}
	return func() error { return errors.Join(shared.plane.Stop(), control.Stop()) }, nil
}

func (s *site) start(ctx context.Context, dir string, control *controlplane.ControlPlane) error {
	var err error
	if s.objects, err = dynamic.NewForConfig(control.Config()); err != nil {
		return err
	}
	if s.kubernetes, err = kubernetes.NewForConfig(control.Config()); err != nil {
		return err
	}
	root, err := controlplane.FindRoot()
	if err != nil {
		return err
	}
	s.plane, err = Start(ctx, control.Config(), Options{
		Dir: filepath.Join(dir, "plane"), BinDir: filepath.Join(root, ".local", "bin"), ReloadDelay: -1,
	})
	if err != nil {
		return fmt.Errorf("starting the data plane: %w", err)
	}
	return nil
}
