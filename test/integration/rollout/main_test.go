// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

const (
	// patience ends a test that waits for what does not come.
	patience = 90 * time.Second
	// lag is how long the stand-in takes for an update.
	lag = 150 * time.Millisecond
	// together is how many tests run at the same time: they mostly wait.
	together = "10"
)

// site is what all tests of this package share.
type site struct {
	control    *controlplane.ControlPlane
	server     *controlplane.Server
	operator   *standin.Operator
	objects    dynamic.Interface
	kubernetes kubernetes.Interface
	// held are the namespaces whose VMClusters the stand-in gets stuck on.
	held namespaces
}

var shared *site

// long is true where there is time for more.
var long = os.Getenv("VMDC_TEST_LONG") != ""

func TestMain(m *testing.M) {
	flag.Parse()
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (status int, err error) {
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		if err := flag.Set("test.parallel", together); err != nil {
			return 0, err
		}
	}
	dir, err := os.MkdirTemp("", "rollout")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	shared = &site{}
	if err := shared.start(ctx, dir); err != nil {
		return 0, fmt.Errorf("starting the control plane of the tests (run make tools build first): %w", err)
	}
	defer func() { err = errors.Join(err, shared.control.Stop()) }()
	ended := make(chan error, 1)
	go func() { ended <- shared.operator.Run(ctx) }()
	select {
	case err := <-ended:
		return 0, fmt.Errorf("starting the stand-in: %w", err)
	case <-shared.operator.Ready():
	}
	status = m.Run()
	cancel()
	return status, <-ended
}

func (s *site) start(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	var out io.Writer
	if testing.Verbose() {
		out = os.Stderr
	}
	var err error
	s.control, err = controlplane.Start(ctx, controlplane.Options{
		Dir: dir, Out: out, CRDs: controlplane.CRDsUsed, ControllerManager: true,
		// The stand-in plays these.
		ControllerManagerArgs: []string{"--controllers=-statefulset-controller,-deployment-controller,-replicaset-controller"},
	})
	if err != nil {
		return err
	}
	if s.server, err = s.control.StartServer(ctx, controlplane.ServerOptions{}); err != nil {
		return errors.Join(err, s.control.Stop())
	}
	return s.connect()
}

func (s *site) connect() error {
	var err error
	config := s.control.Config()
	if s.objects, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	if s.kubernetes, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	s.operator, err = standin.New(config, standin.Options{Lag: lag, Behaviour: s.behaviour})
	return err
}

// behaviour is how the stand-in treats what has no annotation.
func (s *site) behaviour(object *unstructured.Unstructured) standin.Behaviour {
	if object.GetKind() == "VMCluster" && s.held.has(object.GetNamespace()) {
		return standin.Stuck
	}
	return standin.Normal
}
