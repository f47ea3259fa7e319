// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package preflight runs the preflight of the real program against a real
// kube-apiserver, with all that the operator brings and without any of it.
package preflight

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/preflight"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

const (
	// patience ends a test that waits for what does not come.
	patience = 3 * time.Minute

	auditPolicy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n"
)

// scratch is for what tests write; paths below it are short.
var scratch string

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "preflight", Start: func(dir string, _ io.Writer) (func() error, error) {
		scratch = dir
		return func() error { return nil }, nil
	}})
}

// site is a control plane without anything of ours.
type site struct {
	t          *testing.T
	control    *controlplane.ControlPlane
	kubernetes kubernetes.Interface
}

func newSite(t *testing.T, crds controlplane.CRDSet, args ...string) *site {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, string(crds))
	must(t, err)
	policy := filepath.Join(dir, "policy.yaml")
	must(t, os.WriteFile(policy, []byte(auditPolicy), 0o600))
	control, err := controlplane.Start(t.Context(), controlplane.Options{
		Dir: dir, CRDs: crds, Patience: patience, AuditPolicyFile: policy, APIServerArgs: args,
	})
	must(t, err)
	t.Cleanup(func() {
		if err := control.Stop(); err != nil {
			t.Error(err)
		}
	})
	s := &site{t: t, control: control}
	s.kubernetes, err = kubernetes.NewForConfig(control.Config())
	must(t, err)
	return s
}

// in makes a test that is a part of another.
func (s *site) in(part func(*site)) func(*testing.T) {
	return func(t *testing.T) {
		own := *s
		own.t = t
		part(&own)
	}
}

// outcome is what a run of the program has come to.
type outcome struct {
	Verdict preflight.Verdict `json:"verdict"`
	Facts   preflight.Facts   `json:"facts"`
	status  int
}

// look runs the program, and wants its status to be one.
func (s *site) look(status int, kubeconfig string, args ...string) outcome {
	s.t.Helper()
	got, out, complaints := s.run(kubeconfig, append([]string{"-o", "json"}, args...)...)
	if got != status {
		s.t.Errorf("status %d, want %d: %s%s", got, status, out, complaints)
	}
	var o outcome
	must(s.t, json.Unmarshal([]byte(out), &o))
	o.status = got
	return o
}

// run returns the status of the program, what it printed, and what it complained of.
func (s *site) run(kubeconfig string, args ...string) (status int, out, complaints string) {
	s.t.Helper()
	program := exec.CommandContext(s.t.Context(), filepath.Join(s.control.BinDir(), "vmdistributed-apiserver"),
		append([]string{"preflight", "--kubeconfig", kubeconfig}, args...)...)
	var stdout, stderr bytes.Buffer
	program.Stdout, program.Stderr = &stdout, &stderr
	err := program.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		s.t.Fatal(err)
	}
	return program.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// kubeconfigOf writes a kubeconfig file of a user with rights in all namespaces.
func (s *site) kubeconfigOf(user string, rules ...rbacv1.PolicyRule) string {
	s.t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: rules}
	_, err := s.kubernetes.RbacV1().ClusterRoles().Create(s.t.Context(), role, metav1.CreateOptions{})
	must(s.t, err)
	_, err = s.kubernetes.RbacV1().ClusterRoleBindings().Create(s.t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}, metav1.CreateOptions{})
	must(s.t, err)
	path := filepath.Join(s.t.TempDir(), user)
	must(s.t, s.control.WriteKubeconfig(path, user))
	return path
}

// expect wants a finding of a level and a topic that says something.
func (s *site) expect(o outcome, level preflight.Level, topic, says string) {
	s.t.Helper()
	if !slices.ContainsFunc(o.Verdict.Findings, func(finding preflight.Finding) bool {
		return finding.Level == level && finding.Topic == topic && strings.Contains(finding.Message+" "+finding.Remedy, says)
	}) {
		s.t.Errorf("no %s finding of topic %s says %q: %+v", level, topic, says, o.Verdict.Findings)
	}
}

// fits wants an overlay to be recommended.
func (s *site) fits(o outcome, overlay preflight.Overlay) {
	s.t.Helper()
	if o.Verdict.Recommended != overlay {
		s.t.Errorf("%s is recommended, since %s; want %s", o.Verdict.Recommended, o.Verdict.Why, overlay)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
