// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

const (
	// patience ends a test that waits for what does not come. It is long since a machine
	// with much to do is no fault of what is tested.
	patience = 5 * time.Minute
	// lag is how long the stand-in takes for an update.
	lag = 150 * time.Millisecond

	// auditPolicy has written down who says one of the verbs of a rollout.
	auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - {level: Metadata, verbs: [create], resources: [{group: operator.victoriametrics.com, resources: [vmdistributedclusters/*]}]}
  - {level: None}
`
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
	testmain.Run(m, testmain.Shared{Name: "rollout", Together: 14, Start: start})
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
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	policy := filepath.Join(dir, "audit-policy.yaml")
	err := os.WriteFile(policy, []byte(auditPolicy), 0o600)
	if err != nil {
		return err
	}
	s.control, err = controlplane.Start(ctx, controlplane.Options{
		Dir: dir, Out: out, CRDs: controlplane.CRDsUsed, ControllerManager: true, AuditPolicyFile: policy,
		// The stand-in plays these.
		ControllerManagerArgs: []string{"--controllers=-statefulset-controller,-deployment-controller,-replicaset-controller"},
	})
	if err != nil {
		return err
	}
	if s.server, err = s.control.StartServer(ctx, controlplane.ServerOptions{}); err != nil {
		return errors.Join(err, s.control.Stop())
	}
	if err := s.connect(); err != nil {
		return errors.Join(err, s.control.Stop())
	}
	return nil
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
