// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package besideoperator

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/examples"
)

// elsewhere are flags of the pods whose files, addresses and delays are others here.
var elsewhere = []string{"storage", "secure-port", "shutdown-delay-duration"}

// afterwards begins the rounds in which the operator has something new to do.
const afterwards = 1000

// shown is a command of README.md, with the output that it shows.
type shown struct{ command, output string }

// shownIn are the commands of a section of README.md.
func shownIn(t *testing.T, heading string) (all []shown) {
	t.Helper()
	root, err := controlplane.FindRoot()
	must(t, err)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	must(t, err)
	_, section, found := strings.Cut(string(readme), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("README.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		line, is := strings.CutPrefix(line, "    ")
		command, begins := strings.CutPrefix(line, "$ ")
		switch {
		case is && begins:
			all = append(all, shown{command: strings.TrimSpace(command)})
		case is && len(all) > 0:
			all[len(all)-1].output += line
		}
	}
	return all
}

// shell runs a command as a reader would, at the root of the checkout, and returns what
// it prints.
func (s *site) shell(ctx context.Context, command string) (string, error) {
	root, err := controlplane.FindRoot()
	if err != nil {
		return "", err
	}
	program := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", command)
	program.Dir = root
	program.Env = []string{"PATH=" + s.control.BinDir() + ":/usr/bin:/bin", "HOME=" + s.home, "KUBECONFIG=" + s.control.Kubeconfig()}
	var stdout, stderr bytes.Buffer
	program.Stdout, program.Stderr = &stdout, &stderr
	if err := program.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w: %s", command, err, stderr.String())
	}
	return stdout.String(), nil
}

func (s *site) mustShell(command string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	out, err := s.shell(ctx, command)
	must(s.t, err)
	return out
}

// runInstalled runs the server in place of the pods that the manifests have made, which
// run nothing here, with their arguments.
func (s *site) runInstalled(overlay string) *controlplane.Server {
	s.t.Helper()
	// One in its place leads to a process of this machine.
	s.mustShell("kubectl -n " + controlplane.ServerNamespace + " delete service vmdistributed-apiserver")
	manifest := filepath.Join(s.home, "manifest.yaml")
	must(s.t, os.WriteFile(manifest, []byte(s.mustShell("kubectl kustomize "+overlay)), 0o600))
	server, err := s.control.StartServer(s.t.Context(), controlplane.ServerOptions{
		Manifests: []string{manifest}, Args: argsOf(s.deployment()), Store: controlplane.StoreHost, OwnCertificate: true, Env: []string{"POD_NAME=one"},
	})
	must(s.t, err)
	return server
}

func (s *site) deployment() *appsv1.Deployment {
	s.t.Helper()
	found, err := s.kubernetes.AppsV1().Deployments(controlplane.ServerNamespace).Get(s.t.Context(), "vmdistributed-apiserver", metav1.GetOptions{})
	must(s.t, err)
	return found
}

func argsOf(deployment *appsv1.Deployment) []string {
	return slices.DeleteFunc(slices.Clone(deployment.Spec.Template.Spec.Containers[0].Args), func(arg string) bool {
		flag, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		return slices.Contains(elsewhere, flag)
	})
}

// install does what README.md says, and runs the server once its Deployment is there.
func (s *site) install() *controlplane.Server {
	s.t.Helper()
	var server *controlplane.Server
	for _, next := range shownIn(s.t, "Install") {
		begun := time.Now()
		out := s.mustShell(next.command)
		s.t.Logf("%v for %s\n%s", time.Since(begun).Round(time.Second), next.command, out)
		s.expectShown(next, out)
		if overlay, is := strings.CutPrefix(next.command, "kubectl apply -k "); is {
			server = s.runInstalled(overlay)
		}
	}
	if server == nil {
		s.t.Fatal("README.md applies nothing")
	}
	return server
}

// uninstall does what README.md says.
func (s *site) uninstall(server *controlplane.Server) {
	s.t.Helper()
	const command = "vmdistributed-apiserver uninstall"
	done := false
	for _, next := range shownIn(s.t, "Uninstall") {
		run := s.mustShell
		if next.command == command {
			run, done = func(command string) string { return s.takeAway(command, server) }, true
		}
		out := run(next.command)
		s.t.Logf("%s\n%s", next.command, out)
		s.expectShown(next, out)
	}
	if !done {
		s.t.Fatalf("README.md does not show %s", command)
	}
}

// expectShown wants what our own program prints to be what README.md shows, where a line
// of three dots stands for any lines.
func (s *site) expectShown(next shown, out string) {
	s.t.Helper()
	if !strings.HasPrefix(next.command, "vmdistributed-apiserver ") {
		return
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(next.output), regexp.QuoteMeta("...\n"), "(.*\n)*")
	if !regexp.MustCompile("^" + pattern + "$").MatchString(out) {
		s.t.Errorf("%s prints\n%s\nand README.md shows\n%s", next.command, out, next.output)
	}
}

// applyExample applies the example that the project began with, which comes to rest.
func (s *site) applyExample() {
	s.t.Helper()
	example, err := examples.Inline()
	must(s.t, err)
	s.makeNamed(example)
	manifest := filepath.Join(s.home, "example.yaml")
	must(s.t, os.WriteFile(manifest, example.Body, 0o600))
	s.mustShell(fmt.Sprintf("kubectl -n %s apply -f %s", s.namespace, manifest))
	s.mustShell(fmt.Sprintf("kubectl -n %s wait --for=condition=Ready vmdc/%s --timeout=5m", s.namespace, example.Name))
}

// takeAway runs a command that uninstalls, while the server ends as its pods do.
func (s *site) takeAway(command string, server *controlplane.Server) string {
	s.t.Helper()
	type outcome struct {
		out string
		err error
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		out, err := s.shell(ctx, command)
		done <- outcome{out, err}
	}()
	s.poll("the Deployment to go", func(ctx context.Context) string {
		_, err := s.kubernetes.AppsV1().Deployments(controlplane.ServerNamespace).Get(ctx, "vmdistributed-apiserver", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return ""
		}
		return "it is there"
	})
	must(s.t, server.Stop())
	ended := <-done
	must(s.t, ended.err)
	return ended.out
}

// specs are what the operator's objects of a namespace want, and what our server has
// left on them.
func (s *site) specs(namespace string) map[string]string {
	s.t.Helper()
	found := map[string]string{}
	for _, resource := range []string{"vmclusters", "vmusers", "vmagents", "vmauths"} {
		list, err := s.objects.Resource(authResource.GroupVersion().WithResource(resource)).Namespace(namespace).List(s.t.Context(), metav1.ListOptions{})
		must(s.t, err)
		for i := range list.Items {
			object := &list.Items[i]
			found[resource+"/"+object.GetName()] = fmt.Sprint(object.GetUID(), object.GetGeneration(), object.GetAnnotations(), object.Object["spec"])
		}
	}
	return found
}

// podsOf are the uids of the pods of a namespace, of which none may be made anew, but for
// those of the VMAuths, which the operator is given to do.
func (s *site) podsOf(namespace string) map[string]string {
	s.t.Helper()
	found := map[string]string{}
	pods, err := s.kubernetes.CoreV1().Pods(namespace).List(s.t.Context(), metav1.ListOptions{})
	must(s.t, err)
	for i := range pods.Items {
		if pods.Items[i].Labels["app.kubernetes.io/name"] == "vmauth" {
			continue
		}
		found[pods.Items[i].Name] = string(pods.Items[i].UID)
	}
	return found
}

// leftAsItWas wants everything of the operator to be as it was before an uninstallation,
// and the operator to go on with its work.
func (s *site) leftAsItWas(run controlplane.Run, namespace string, uninstall func()) {
	s.t.Helper()
	specs, pods := s.specs(namespace), s.podsOf(namespace)
	uninstall()
	if now := s.specs(namespace); !maps.Equal(now, specs) || len(now) == 0 {
		s.t.Errorf("what is not ours was changed: it was %v and is %v", specs, now)
	}
	for round := range rounds {
		s.reconciles(afterwards + round)
	}
	if !run.Alive() {
		s.t.Fatalf("the operator has ended; its log: %s", s.operatorLog())
	}
	if now := s.podsOf(namespace); !maps.Equal(now, pods) || len(now) == 0 {
		s.t.Errorf("pods were made anew: they were %v and are %v", pods, now)
	}
	for _, resource := range []string{"vmdistributed", "vldistributed"} {
		if err := s.list(s.t.Context(), firstGroup, resource); err != nil {
			s.t.Errorf("the operator's own %s: %v", resource, err)
		}
	}
	if left := s.mustShell("kubectl get apiservices,clusterroles,clusterrolebindings,priorityclasses,flowschemas -o name | grep -e vmdistributed- -e ^apiservice.*v1alpha1.distributed || true"); left != "" {
		s.t.Errorf("of the server, there are left %s", left)
	}
}

// makeNamed makes what an example names.
func (s *site) makeNamed(example examples.Example) {
	s.t.Helper()
	var writes []any
	for i, zone := range example.Zones {
		writes = append(writes, map[string]any{"url": fmt.Sprintf("http://vminsert-%s.%s.svc:8480/insert/multitenant/prometheus/api/v1/write", zone, s.namespace)})
		s.make("VMUser", "vmusers", example.Users[i], map[string]any{"generatePassword": true, "targetRefs": []any{map[string]any{
			"crd":                map[string]any{"kind": "VMCluster/vmselect", "name": zone, "namespace": s.namespace},
			"target_path_suffix": "/select/0",
		}}})
	}
	s.make("VMAgent", "vmagents", example.Agent, map[string]any{"remoteWrite": writes})
}

func (s *site) make(kind, resource, name string, spec map[string]any) {
	s.t.Helper()
	at := schema.GroupVersionResource{Group: firstGroup, Version: "v1beta1", Resource: resource}
	_, err := s.objects.Resource(at).Namespace(s.namespace).Create(s.t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": at.GroupVersion().String(), "kind": kind, "metadata": map[string]any{"name": name}, "spec": spec,
	}}, metav1.CreateOptions{})
	must(s.t, err)
}
