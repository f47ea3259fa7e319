// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

const namespace = "monitoring"

// show is the demo once everything runs.
type show struct {
	client  versioned.Interface
	server  *controlplane.Server
	root    string
	kubectl string
	env     []string
}

func newShow(plane *controlplane.ControlPlane, server *controlplane.Server, root string) (*show, error) {
	client, err := versioned.NewForConfig(plane.Config())
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &show{
		client:  client,
		server:  server,
		root:    root,
		kubectl: filepath.Join(root, ".local", "bin", "kubectl"),
		env:     append(os.Environ(), "KUBECONFIG="+plane.Kubeconfig(), "KUBECACHEDIR="+filepath.Join(root, ".local", "demo", "kubectl-cache")),
	}, nil
}

// play goes through the scenes and returns, for each, the zones and how long they
// took.
func (s *show) play(ctx context.Context) ([]string, error) {
	var took []string
	for _, scene := range []struct {
		title   string
		object  string
		verb    string
		command []string
	}{
		{"Two zones that are defined inline: both are created at once", "inline", "created",
			[]string{"apply", "-f", "artifacts/samples/vmdistributedcluster-inline.yaml"}},
		{"Two zones that exist already, each with an override: one after the other", "references", "overridden",
			[]string{"apply", "-f", "artifacts/samples/vmdistributedcluster-references.yaml"}},
		{"One field changes in both inline zones: one after the other", "inline", "updated",
			[]string{"-n", namespace, "patch", "vmdc", "inline", "--type=json", "-p", moreSelects}},
	} {
		if scene.object == "inline" && scene.verb == "created" {
			if err := s.prepare(ctx); err != nil {
				return nil, err
			}
		}
		say("%s", scene.title)
		began := time.Now()
		if err := s.run(ctx, scene.command...); err != nil {
			return nil, err
		}
		zones, err := s.follow(ctx, scene.object, began)
		if err != nil {
			return nil, err
		}
		if err := s.tables(ctx, scene.object); err != nil {
			return nil, err
		}
		took = append(took, scene.verb+" "+strings.Join(zones, ", "))
	}
	say("What the object's events tell")
	return took, s.run(ctx, "-n", namespace, "events", "--for", "vmdistributedcluster/inline")
}

// moreSelects gives each zone a second vmselect.
const moreSelects = `[{"op":"replace","path":"/spec/zones/vmclusters/0/spec/vmselect/replicaCount","value":2},` +
	`{"op":"replace","path":"/spec/zones/vmclusters/1/spec/vmselect/replicaCount","value":2}]`

// prepare makes what the samples name.
func (s *show) prepare(ctx context.Context) error {
	say("What an operator of two zones has today: VMClusters, a VMAgent, a VMAuth and VMUsers")
	if err := s.run(ctx, "apply", "-f", "artifacts/samples/prerequisites.yaml"); err != nil {
		return err
	}
	return s.run(ctx, "-n", namespace, "wait", "--for=jsonpath={.status.updateStatus}=operational", "vmclusters", "--all", "--timeout=2m")
}

func (s *show) tables(ctx context.Context, object string) error {
	if err := s.run(ctx, "-n", namespace, "get", "vmdc", object); err != nil {
		return err
	}
	return s.run(ctx, "-n", namespace, "get", "vmdc", object, "--subresource=zones")
}

// run shows a kubectl command and its output.
func (s *show) run(ctx context.Context, args ...string) error {
	fmt.Printf("$ kubectl %s\n", quoted(args))
	cmd := exec.CommandContext(ctx, s.kubectl, args...)
	cmd.Dir, cmd.Env = s.root, s.env
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("kubectl %s: %w", quoted(args), err)
	}
	return nil
}

func quoted(args []string) string {
	shown := make([]string, len(args))
	for i, arg := range args {
		if strings.ContainsAny(arg, ` {["'`) {
			arg = "'" + arg + "'"
		}
		shown[i] = arg
	}
	return strings.Join(shown, " ")
}

// figures prints what a demo can measure in passing.
func (s *show) figures() error {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.server.PID()))
	if err != nil {
		return fmt.Errorf("reading the server's memory: %w", err)
	}
	say("Figures of this run")
	fmt.Printf("from start to serving: %s\n", s.server.TimeToReady().Round(10*time.Millisecond))
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			fmt.Printf("resident memory of the server: %s\n", strings.TrimSpace(value))
		}
	}
	return nil
}
