// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

const (
	// patience ends a test that waits for what does not come.
	patience = time.Minute
	// together is how many tests run at the same time: they mostly wait.
	together = "5"
)

// site is what all tests of this package share.
type site struct {
	plane      *DataPlane
	objects    dynamic.Interface
	kubernetes kubernetes.Interface
}

var shared *site

func TestMain(m *testing.M) {
	flag.Parse()
	status, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func runAll(m *testing.M) (status int, err error) {
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		if err := flag.Set("test.parallel", together); err != nil {
			return 0, err
		}
	}
	dir, err := os.MkdirTemp("", "dataplane")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	var out io.Writer
	if testing.Verbose() {
		out = os.Stderr
	}
	control, err := controlplane.Start(ctx, controlplane.Options{
		Dir: filepath.Join(dir, "control"), Out: out, CRDs: controlplane.CRDsUsed,
	})
	if err != nil {
		return 0, fmt.Errorf("starting the control plane of the tests (run make tools first): %w", err)
	}
	defer func() { err = errors.Join(err, control.Stop()) }()
	shared = &site{}
	if shared.objects, err = dynamic.NewForConfig(control.Config()); err != nil {
		return 0, err
	}
	if shared.kubernetes, err = kubernetes.NewForConfig(control.Config()); err != nil {
		return 0, err
	}
	root, err := controlplane.FindRoot()
	if err != nil {
		return 0, err
	}
	shared.plane, err = Start(ctx, control.Config(), Options{
		Dir: filepath.Join(dir, "plane"), BinDir: filepath.Join(root, ".local", "bin"), ReloadDelay: -1,
	})
	if err != nil {
		return 0, fmt.Errorf("starting the data plane: %w", err)
	}
	defer func() { err = errors.Join(err, shared.plane.Stop()) }()
	return m.Run(), nil
}
