// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/client-go/dynamic"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/preflight"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// baseAskedFor has base judged, whatever fits.
const baseAskedFor = "--overlay=" + string(preflight.Base)

// readOnly may read everything. What is asked by selfsubject*reviews, every user may.
var readOnly = rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}}

// installer has the rights that it takes to apply artifacts/base and to see whether it
// fits, and no other.
func installer() []rbacv1.PolicyRule {
	rule := func(group string, verbs []string, resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: verbs}
	}
	apply := []string{"get", "create", "patch"}
	return []rbacv1.PolicyRule{
		rule("", apply, "namespaces", "serviceaccounts", "services"),
		rule("apps", apply, "deployments"),
		rule("policy", apply, "poddisruptionbudgets"),
		rule("networking.k8s.io", apply, "networkpolicies"),
		rule("scheduling.k8s.io", apply, "priorityclasses"),
		rule("flowcontrol.apiserver.k8s.io", apply, "flowschemas"),
		rule("apiextensions.k8s.io", append(apply, "list"), "customresourcedefinitions"),
		rule("apiregistration.k8s.io", append(apply, "list"), "apiservices"),
		rule(rbacv1.GroupName, append(apply, "escalate", "bind"), "clusterroles", "roles"),
		rule(rbacv1.GroupName, apply, "clusterrolebindings", "rolebindings"),
	}
}

func TestWithoutTheOperator(t *testing.T) {
	s := newSite(t, controlplane.CRDsNone)
	admin := s.control.Kubeconfig()
	found := s.look(1, admin)
	s.fits(found, preflight.Undecided)
	s.expect(found, preflight.Blocking, "OperatorKinds", "there is no VictoriaMetrics operator")

	if status, out, complaints := s.run(admin, "-o", "overlay"); status != 1 || out != "" || !strings.Contains(complaints, "there is no VictoriaMetrics operator") {
		t.Errorf("without an operator, the overlay is told as %q, with status %d: %s", out, status, complaints)
	}
	if status, out, _ := s.run(admin, "-o", "overlay", baseAskedFor); status != 0 || out != string(preflight.Base)+"\n" {
		t.Errorf("the overlay that is asked for is told as %q, with status %d", out, status)
	}
	s.expect(s.look(0, admin, baseAskedFor), preflight.Warning, "OperatorKinds", preflight.OperatorFlag())
	s.expect(s.look(0, admin, "--overlay="+string(preflight.Beside)), preflight.Warning, "OperatorKinds", "their zones wait")
	t.Run("names the rights that are missing", s.in((*site).namesMissingRights))
	t.Run("asks for what it takes to apply the manifests", s.in((*site).asksForEnough))
	t.Run("names the rights that the server's account lacks", s.in((*site).namesWhatTheAccountLacks))
	// Last, when there is an account to ask about.
	t.Run("only reads", s.in((*site).onlyReads))
}

// onlyReads shows by the audit log what the program asks for.
func (s *site) onlyReads() {
	found := s.look(1, s.kubeconfigOf("looker", readOnly), baseAskedFor)
	s.expect(found, preflight.Warning, "Unknown", "you may not create subjectaccessreviews")
	reviews := 0
	for _, event := range s.audited("looker") {
		switch {
		case slices.Contains([]string{"get", "list", "watch"}, event.Verb):
		case event.Verb == "create" && strings.HasPrefix(event.ObjectRef.Resource, "selfsubject"):
			reviews++
		default:
			s.t.Errorf("it does more than to read: %s %s", event.Verb, event.RequestURI)
		}
	}
	if reviews == 0 {
		s.t.Error("the audit log has none of the reviews")
	}
}

// audited are the requests of a user.
func (s *site) audited(user string) (events []auditv1.Event) {
	s.t.Helper()
	file, err := os.Open(s.control.LogOf("audit"))
	must(s.t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event auditv1.Event
		must(s.t, json.Unmarshal(lines.Bytes(), &event))
		if event.User.Username == user {
			events = append(events, event)
		}
	}
	must(s.t, lines.Err())
	return events
}

func (s *site) namesMissingRights() {
	found := s.look(1, s.kubeconfigOf("reader", readOnly), baseAskedFor)
	for _, right := range []string{
		"create, patch clusterroles.rbac.authorization.k8s.io", "create, patch apiservices.apiregistration.k8s.io",
		"give others what you lack yourself", "create secrets in vmdistributed-system",
	} {
		s.expect(found, preflight.Blocking, "Rights", right)
	}

	// Who can only ask who they are learns which right it takes to know which overlay fits.
	found = s.look(1, s.kubeconfigOf("nobody"))
	s.fits(found, preflight.Undecided)
	s.expect(found, preflight.Blocking, "Unknown", "somebody who may list apiservices.apiregistration.k8s.io")
	s.expect(found, preflight.Blocking, "Unknown", "somebody who may get, list customresourcedefinitions.apiextensions.k8s.io")
	s.expect(found, preflight.Warning, "Unknown", "somebody who may list deployments.apps")
}

// asksForEnough applies the manifests as somebody who has the rights that are asked
// for and no more.
func (s *site) asksForEnough() {
	kubeconfig := s.kubeconfigOf("installer", installer()...)
	found := s.look(0, kubeconfig, baseAskedFor)
	if len(found.Facts.MayNot) > 0 {
		s.t.Errorf("rights are said to be missing: %v", found.Facts.MayNot)
	}
	root, err := controlplane.FindRoot()
	must(s.t, err)
	base := filepath.Join(root, string(preflight.Base))
	paths, err := filepath.Glob(filepath.Join(base, "*.yaml"))
	must(s.t, err)
	for _, path := range append([]string{filepath.Join(base, "namespace.yaml")}, paths...) {
		if strings.HasPrefix(filepath.Base(path), "kustomization") || filepath.Base(path) == "apiservice.yaml" {
			continue // nobody serves it, which the other tests would wait for
		}
		kubectl := exec.CommandContext(s.t.Context(), filepath.Join(s.control.BinDir(), "kubectl"), "--kubeconfig", kubeconfig, "apply", "-f", path)
		if out, err := kubectl.CombinedOutput(); err != nil {
			s.t.Errorf("applying %s with the rights of which none is said to be missing: %v: %s", path, err, out)
		}
	}
}

// namesWhatTheAccountLacks takes a right from the server's account, which the test
// before this one has made.
func (s *site) namesWhatTheAccountLacks() {
	admin := s.control.Kubeconfig()
	found := s.look(0, admin, baseAskedFor)
	if !found.Facts.ServerAccount || len(found.Facts.ServerMayNot) > 0 {
		s.t.Errorf("the account of the manifests is there: %v, and may not %v", found.Facts.ServerAccount, found.Facts.ServerMayNot)
	}
	_, err := s.kubernetes.RbacV1().ClusterRoleBindings().Patch(s.t.Context(), "vmdistributed-apiserver:auth-delegator", types.MergePatchType,
		[]byte(`{"subjects":[]}`), metav1.PatchOptions{})
	must(s.t, err)
	s.expect(s.look(0, admin, baseAskedFor), preflight.Warning, "ServerRights", "create tokenreviews.authentication.k8s.io; create subjectaccessreviews.authorization.k8s.io")
}

// TestKubernetesBeforeMutatingPolicies has kube-apiserver serve what it did in 1.34: what is
// said to be in the way is, and with what is said to help the server runs.
func TestKubernetesBeforeMutatingPolicies(t *testing.T) {
	s := newSite(t, controlplane.CRDsUsed, "--emulated-version=1.34")
	admin := s.control.Kubeconfig()
	s.expect(s.look(1, admin), preflight.Blocking, "HostAPI", "mutatingadmissionpolicies")
	s.look(0, admin, "--overlay=artifacts/components/without-mutating-policies")
	server, err := s.control.StartServer(t.Context(), controlplane.ServerOptions{
		Store: controlplane.StoreHost, OwnCertificate: true, Args: []string{"--disable-admission-plugins=MutatingAdmissionPolicy"},
	})
	must(t, err) // which waits for the aggregator to reach it
	must(t, server.Stop())
}

func TestBesideAllOfTheOperator(t *testing.T) {
	s := newSite(t, controlplane.CRDsFull)
	admin := s.control.Kubeconfig()
	found := s.look(0, admin)
	s.fits(found, preflight.Beside)
	if !strings.Contains(found.Verdict.Instead, preflight.OperatorFlag()) {
		t.Errorf("what base takes is told without the flag: %s", found.Verdict.Instead)
	}
	s.expect(s.look(0, admin, baseAskedFor), preflight.Warning, "OperatorFlag", "no Deployment of the operator is in sight")

	operator := s.makeOperator()
	s.expect(s.look(1, admin, baseAskedFor), preflight.Blocking, "OperatorFlag", "default/operator")
	s.tell(operator, preflight.OperatorFlag())
	s.expect(s.look(0, admin, baseAskedFor), preflight.Note, "TakeoverLabel", `kube-aggregator.kubernetes.io/automanaged: "false"`)

	remove := s.makeHidden()
	s.expect(s.look(1, admin, baseAskedFor), preflight.Blocking, "HiddenObjects", "vmdistributed")
	s.look(0, admin)
	remove()

	server, err := s.control.StartServer(t.Context(), controlplane.ServerOptions{Store: controlplane.StoreHost})
	must(t, err)
	found = s.look(0, admin)
	s.fits(found, preflight.Base)
	if found.Facts.First.Standing != preflight.Ours || len(found.Facts.Kinds) != 2 {
		t.Errorf("with base installed, the APIService is %s, and hides %v", found.Facts.First.Standing, found.Facts.Kinds)
	}
	must(t, server.Stop())
	s.fits(s.look(0, admin), preflight.Base)
	s.expect(s.look(1, admin, "--namespace=elsewhere", baseAskedFor), preflight.Blocking, "APIService", "vmdistributed-system/vmdistributed-apiserver")
}

// makeOperator makes a Deployment like that of the operator.
func (s *site) makeOperator() *appsv1.Deployment {
	s.t.Helper()
	labels := map[string]string{"app": "operator"}
	deployment, err := s.kubernetes.AppsV1().Deployments("default").Create(s.t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "operator"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "operator", Image: "victoriametrics/operator:v0.74.1"}}},
			},
		},
	}, metav1.CreateOptions{})
	must(s.t, err)
	return deployment
}

// tell gives the operator a flag.
func (s *site) tell(operator *appsv1.Deployment, flag string) {
	s.t.Helper()
	operator.Spec.Template.Spec.Containers[0].Args = []string{flag}
	_, err := s.kubernetes.AppsV1().Deployments("default").Update(s.t.Context(), operator, metav1.UpdateOptions{})
	must(s.t, err)
}

// makeHidden makes an object of a kind that base hides.
func (s *site) makeHidden() (remove func()) {
	s.t.Helper()
	client, err := dynamic.NewForConfig(s.control.Config())
	must(s.t, err)
	resource := schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1alpha1", Resource: "vmdistributed"}
	objects := client.Resource(resource).Namespace("default")
	_, err = objects.Create(s.t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": resource.GroupVersion().String(), "kind": "VMDistributed", "metadata": map[string]any{"name": "it"}, "spec": map[string]any{},
	}}, metav1.CreateOptions{})
	must(s.t, err)
	return func() {
		s.t.Helper()
		must(s.t, objects.Delete(s.t.Context(), "it", metav1.DeleteOptions{}))
	}
}
