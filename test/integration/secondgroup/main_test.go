// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package secondgroup drives kubectl vmdc where only the second group of the kind is
// registered, as the overlay beside-the-operator does: the first group is there too, in
// the same version, and is the operator's own.
package secondgroup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

const (
	// patience ends a test that waits for what does not come.
	patience = 5 * time.Minute

	firstGroup  = "operator.victoriametrics.com"
	secondGroup = "distributed.victoriametrics.com"
)

// site is what all tests of this package share.
type site struct {
	control       *controlplane.ControlPlane
	operator      *standin.Operator
	kubernetes    kubernetes.Interface
	registrations aggregator.Interface
}

var shared *site

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "second", Together: 4, Start: start})
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

func (s *site) start(dir string, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	s.control, err = controlplane.Start(ctx, controlplane.Options{Dir: dir, Out: out, CRDs: controlplane.CRDsFull})
	if err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return errors.Join(err, s.control.Stop())
	}
	return nil
}

func (s *site) connect(ctx context.Context) (err error) {
	if _, err := s.control.StartServer(ctx, controlplane.ServerOptions{SecondGroupOnly: true}); err != nil {
		return err
	}
	config := s.control.Config()
	if s.kubernetes, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if s.registrations, err = aggregator.NewForConfig(config); err != nil {
		return err
	}
	s.operator, err = standin.New(config, standin.Options{Lag: 150 * time.Millisecond})
	return err
}

// room is the namespace of one test, and the home of its user.
type room struct {
	t               *testing.T
	namespace, home string
}

func newRoom(t *testing.T) *room {
	t.Helper()
	namespace, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "room-"}}, metav1.CreateOptions{})
	must(t, err)
	return &room{t: t, namespace: namespace.Name, home: t.TempDir()}
}

// ran is what a command left behind.
type ran struct {
	stdout, stderr string
	code           int
}

// run calls a program as a user does.
func (r *room) run(stdin, program string, args ...string) ran {
	r.t.Helper()
	root, err := controlplane.FindRoot()
	must(r.t, err)
	bin := filepath.Join(root, ".local", "bin")
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, program), args...)
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + r.home}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if exit := (*exec.ExitError)(nil); !errors.As(cmd.Run(), &exit) && cmd.ProcessState == nil {
		r.t.Fatalf("%q did not run", cmd.Args)
	}
	return ran{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
}

func (r *room) access() []string {
	return []string{"--kubeconfig", shared.control.Kubeconfig(), "--namespace", r.namespace}
}

// kubectl runs what has to succeed.
func (r *room) kubectl(stdin string, args ...string) string {
	r.t.Helper()
	result := r.run(stdin, "kubectl", append(args, r.access()...)...)
	if result.code != 0 {
		r.t.Fatalf("kubectl %q ended with %d: %s%s", args, result.code, result.stdout, result.stderr)
	}
	return result.stdout
}

// vmdc runs kubectl vmdc, and wants it to end with a code and to say these words.
func (r *room) vmdc(code int, args []string, words ...string) {
	r.t.Helper()
	r.vmdcOf("", code, args, words...)
}

// vmdcOf is vmdc with something to read.
func (r *room) vmdcOf(stdin string, code int, args []string, words ...string) {
	r.t.Helper()
	result := r.run(stdin, "kubectl", append(append([]string{"vmdc"}, args...), r.access()...)...)
	if result.code != code {
		r.t.Fatalf("kubectl vmdc %q ended with %d, want %d\nstdout: %s\nstderr: %s", args, result.code, code, result.stdout, result.stderr)
	}
	for _, word := range words {
		if !strings.Contains(result.stdout+result.stderr, word) {
			r.t.Errorf("kubectl vmdc %q does not say %q:\n%s%s", args, word, result.stdout, result.stderr)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
