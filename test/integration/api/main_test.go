// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package api tests the API as its users meet it: through the aggregator of a
// real kube-apiserver, with raw requests, with client-go and with the real
// kubectl. All tests share one control plane, and each has a namespace of its
// own. Nothing reconciles the operator's kinds, so that an object settles soon
// after each write.
package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

// auditPolicy records what the tests read again: whole objects for the users of
// the group auditees, and who asked for what for everybody else.
const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  nonResourceURLs: ["*"]
- level: RequestResponse
  userGroups: [auditees]
- level: Metadata
`

// The one control plane that all tests share.
var shared struct {
	cp      *controlplane.ControlPlane
	server  *controlplane.Server
	admin   *caller
	root    string // of the checkout
	dir     string // of everything that is written
	audit   string // log of the server
	kubectl string
	program string
}

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "api", Together: 5, Start: func(dir string, _ io.Writer) (func() error, error) {
		shared.dir = dir
		if err := findPrograms(); err != nil {
			return nil, err
		}
		if err := start(); err != nil {
			return nil, err
		}
		return shared.cp.Stop, nil
	}})
}

// findPrograms fails rather than skips: a test that did not run says nothing.
func findPrograms() (err error) {
	if shared.root, err = controlplane.FindRoot(); err != nil {
		return err
	}
	bin := filepath.Join(shared.root, ".local", "bin")
	shared.kubectl = filepath.Join(bin, "kubectl")
	shared.program = filepath.Join(bin, "vmdistributed-apiserver")
	for _, program := range []string{shared.kubectl, shared.program} {
		if _, err := os.Stat(program); err != nil {
			return fmt.Errorf("%w: run make build tools", err)
		}
	}
	return nil
}

func start() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	shared.cp, err = controlplane.Start(ctx, controlplane.Options{
		Dir:  filepath.Join(shared.dir, "cp"),
		CRDs: controlplane.CRDsUsed,
		// It takes namespaces away and collects garbage, through our API too.
		ControllerManager: true,
	})
	if err != nil {
		return err
	}
	policy := filepath.Join(shared.dir, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	shared.audit = filepath.Join(shared.dir, "audit.log")
	shared.server, err = shared.cp.StartServer(ctx, controlplane.ServerOptions{
		DataDir:    filepath.Join(shared.dir, "data"),
		BothGroups: true,
		Args: []string{
			"--unsafe-no-fsync",
			"--audit-policy-file=" + policy,
			"--audit-log-path=" + shared.audit,
		},
	})
	if err != nil {
		return errors.Join(err, shared.cp.Stop())
	}
	if shared.admin, err = newCaller(shared.cp.Config()); err != nil {
		return errors.Join(err, shared.cp.Stop())
	}
	if err := waitPublished(ctx); err != nil {
		return errors.Join(err, shared.cp.Stop())
	}
	return nil
}

// waitPublished returns when the aggregator has read our schema, which is a
// moment after it passes requests on. Before that, kubectl believes that the
// server can't validate, and does it by rules of its own.
func waitPublished(ctx context.Context) error {
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		paths, err := shared.admin.kubernetes.Discovery().OpenAPIV3().Paths()
		return err == nil && paths["apis/"+groupVersion] != nil && paths["apis/"+otherGroupVersion] != nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting until the aggregator publishes our schema: %w", err)
	}
	return nil
}
