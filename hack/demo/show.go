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

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/dataplane"
)

// What the samples name.
const (
	namespace = "monitoring"
	agentName = "global-agent"
	authName  = "read"
)

// show is the demo once everything runs.
type show struct {
	client  versioned.Interface
	objects dynamic.Interface
	plane   *dataplane.DataPlane
	server  *controlplane.Server
	load    load
	root    string
	kubectl string
	env     []string
}

func newShow(control *controlplane.ControlPlane, plane *dataplane.DataPlane, server *controlplane.Server, root string) (*show, error) {
	client, err := versioned.NewForConfig(control.Config())
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	objects, err := dynamic.NewForConfig(control.Config())
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &show{
		client:  client,
		objects: objects,
		plane:   plane,
		server:  server,
		load:    load{plane: plane},
		root:    root,
		kubectl: filepath.Join(root, ".local", "bin", "kubectl"),
		env: append(os.Environ(), "KUBECONFIG="+control.Kubeconfig(), "KUBECACHEDIR="+filepath.Join(root, ".local", "demo", "kubectl-cache"),
			"PATH="+filepath.Join(root, ".local", "bin")+string(os.PathListSeparator)+os.Getenv("PATH")),
	}, nil
}

// play goes through the scenes and returns, for each, the zones and how long they
// took, and what became of the load.
func (s *show) play(ctx context.Context) (took []string, found outcome, err error) {
	if err := s.prepare(ctx); err != nil {
		return nil, outcome{}, err
	}
	for _, scene := range s.scenes() {
		say("%s", scene.title)
		zones, err := s.rollOut(ctx, scene)
		if err != nil {
			return nil, outcome{}, err
		}
		took = append(took, scene.verb+" "+strings.Join(zones, ", "))
		if scene.then == nil {
			continue
		}
		if err := scene.then(ctx); err != nil {
			return nil, outcome{}, err
		}
	}
	say("What the object's events tell")
	if err := s.run(ctx, "-n", namespace, "events", "--for", "vmdistributedcluster/inline"); err != nil {
		return nil, outcome{}, err
	}
	if err := s.figures(); err != nil {
		return nil, outcome{}, err
	}
	found, err = s.load.conclude(ctx)
	return took, found, err
}

// scene is one change of a VMDistributedCluster.
type scene struct {
	title, object, verb string
	command             []string
	then                func(context.Context) error
}

func (s *show) scenes() []scene {
	return []scene{
		{
			title: "Two zones that are defined inline: both are created at once, and get what was written before", object: "inline", verb: "created",
			command: []string{"apply", "-f", "artifacts/samples/vmdistributedcluster-inline.yaml"},
			then: func(ctx context.Context) error {
				return s.load.read(ctx, []string{"zone-a", "zone-b"}, "read-zone-a", "read-zone-b")
			},
		},
		{
			title: "Two zones that exist already, each with an override: one after the other", object: "references", verb: "overrode",
			command: []string{"apply", "-f", "artifacts/samples/vmdistributedcluster-references.yaml"},
		},
		{
			title: "One field changes in both inline zones: one after the other", object: "inline", verb: "updated",
			command: []string{"-n", namespace, "patch", "vmdc", "inline", "--type=json", "-p", moreSelects},
		},
	}
}

// rollOut plays a scene to its end.
func (s *show) rollOut(ctx context.Context, scene scene) ([]string, error) {
	began := time.Now()
	if err := s.run(ctx, scene.command...); err != nil {
		return nil, err
	}
	zones, err := s.follow(ctx, scene.object, began)
	if err != nil {
		return nil, err
	}
	return zones, s.tables(ctx, scene.object)
}

// moreSelects gives each zone a second vmselect.
const moreSelects = `[{"op":"replace","path":"/spec/zones/vmclusters/0/spec/vmselect/replicaCount","value":2},` +
	`{"op":"replace","path":"/spec/zones/vmclusters/1/spec/vmselect/replicaCount","value":2}]`

// prepare makes what the samples name, and begins to use it.
func (s *show) prepare(ctx context.Context) error {
	say("What somebody with two zones has today: VMClusters, a VMAgent, a VMAuth and VMUsers")
	if err := s.run(ctx, "apply", "-f", "artifacts/samples/prerequisites.yaml"); err != nil {
		return err
	}
	if err := s.run(ctx, "-n", namespace, "wait", "--for=jsonpath={.status.updateStatus}=operational", "--timeout=2m",
		"vmcluster/existing-zone-1", "vmcluster/existing-zone-2", "vmagent/"+agentName, "vmauth/"+authName, "vmuser/read-existing-zones"); err != nil {
		return err
	}
	agents := schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: "vmagents"}
	agent, err := s.objects.Resource(agents).Namespace(namespace).Get(ctx, agentName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading VMAgent %s: %w", agentName, err)
	}
	existing := []string{"existing-zone-1", "existing-zone-2"}
	s.load.queues, err = queuesOf(agent, append([]string{"zone-a", "zone-b"}, existing...), s.plane.AgentURLs(namespace, agentName))
	if err != nil {
		return err
	}
	if err := s.load.write(ctx); err != nil {
		return err
	}
	return s.load.read(ctx, existing, "read-existing-zones")
}

func (s *show) tables(ctx context.Context, object string) error {
	if err := s.run(ctx, "-n", namespace, "get", "vmdc", object); err != nil {
		return err
	}
	return s.run(ctx, "vmdc", "zones", object, "-n", namespace)
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
