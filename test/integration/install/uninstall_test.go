// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// keptNamespace is where the objects are that outlive the server.
const keptNamespace = "monitoring"

// theirs are what no uninstallation may touch.
var theirs = []string{"vmclusters", "vmusers", "vmagents"}

// leaving is an installation that is taken away.
type leaving struct {
	t       *testing.T
	control *controlplane.ControlPlane
	build   build
	store   controlplane.Store
	group   string
	objects dynamic.Interface
	server  *controlplane.Server
}

func newLeaving(t *testing.T, control *controlplane.ControlPlane, b build, store controlplane.Store, group string, server *controlplane.Server) *leaving {
	t.Helper()
	objects, err := dynamic.NewForConfig(control.Config())
	must(t, err)
	return &leaving{t: t, control: control, build: b, store: store, group: group, objects: objects, server: server}
}

// run runs the command, and returns its status and all that it said.
func (l *leaving) run(ctx context.Context, args ...string) (status int, said string) {
	program := exec.CommandContext(ctx, filepath.Join(l.control.BinDir(), "vmdistributed-apiserver"),
		append([]string{"uninstall", "--kubeconfig", l.control.Kubeconfig()}, args...)...)
	var out bytes.Buffer
	program.Stdout, program.Stderr = &out, &out
	err := program.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return -1, err.Error()
	}
	return program.ProcessState.ExitCode(), out.String()
}

// expect runs the command, which has to end with a status and say something.
func (l *leaving) expect(status int, words []string, args ...string) {
	l.t.Helper()
	got, said := l.run(l.t.Context(), args...)
	if got != status {
		l.t.Fatalf("uninstall %q: status %d, want %d: %s", args, got, status, said)
	}
	for _, word := range words {
		if !strings.Contains(said, word) {
			l.t.Errorf("uninstall %q does not say %q:\n%s", args, word, said)
		}
	}
}

// takeAway runs the command beside the server, which ends when its workload goes, as
// pods do. It returns in which order objects went.
func (l *leaving) takeAway(args ...string) (order []string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	l.expect(0, []string{"delete   APIService v1alpha1." + l.group}, append([]string{"--dry-run"}, args...)...)
	went := l.follow(ctx)
	type outcome struct {
		status int
		said   string
	}
	done := make(chan outcome, 1)
	go func() {
		status, said := l.run(ctx, args...)
		done <- outcome{status, said}
	}()
	gone := map[int]string{}
	note := func(event deletion) {
		gone[event.revision] = event.what
		if strings.HasPrefix(event.what, "deployments/") || strings.HasPrefix(event.what, "statefulsets/") {
			must(l.t, l.server.Stop())
		}
	}
	for {
		select {
		case event := <-went:
			note(event)
			continue
		case ended := <-done:
			if ended.status != 0 {
				l.t.Fatalf("uninstall %q: status %d: %s", args, ended.status, ended.said)
			}
			l.t.Logf("uninstall %q says\n%s", args, ended.said)
		}
		break
	}
	// The last thing that goes in any case.
	for !slices.ContainsFunc(slices.Collect(maps.Values(gone)), func(what string) bool { return what == "serviceaccounts/"+name }) {
		note(<-went)
	}
	for _, revision := range slices.Sorted(maps.Keys(gone)) {
		order = append(order, gone[revision])
	}
	return order
}

// deletion is one of an object, at a revision of the cluster.
type deletion struct {
	revision int
	what     string
}

// follow tells of the deletions of what the order is about.
func (l *leaving) follow(ctx context.Context) <-chan deletion {
	l.t.Helper()
	went := make(chan deletion, 100)
	for _, resource := range []schema.GroupVersionResource{
		{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"},
		{Group: "apps", Version: "v1", Resource: "deployments"}, {Group: "apps", Version: "v1", Resource: "statefulsets"},
		{Version: "v1", Resource: "services"}, {Version: "v1", Resource: "secrets"}, {Version: "v1", Resource: "serviceaccounts"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	} {
		list, err := l.objects.Resource(resource).List(ctx, metav1.ListOptions{})
		must(l.t, err)
		watcher, err := l.objects.Resource(resource).Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
		must(l.t, err)
		go func() {
			defer watcher.Stop()
			for event := range watcher.ResultChan() {
				object, ok := event.Object.(*unstructured.Unstructured)
				if !ok || event.Type != watch.Deleted || !ours(object.GetName()) {
					continue
				}
				revision, _ := strconv.Atoi(object.GetResourceVersion())
				select {
				case went <- deletion{revision, resource.Resource + "/" + object.GetName()}:
				case <-ctx.Done():
				}
			}
		}()
	}
	return went
}

// ours tells the names of the manifests from others.
func ours(object string) bool {
	return strings.HasPrefix(object, "vmdistributed-") || strings.HasPrefix(object, "v1alpha1.")
}

// inOrder wants the APIService to go first, then the workload, and rights last.
func (l *leaving) inOrder(order []string) {
	l.t.Helper()
	stages := [][]string{{"apiservices/"}, {"deployments/", "statefulsets/"}, {"services/", "secrets/"}, {"clusterroles/"}, {"serviceaccounts/"}}
	last := 0
	for _, what := range order {
		stage := slices.IndexFunc(stages, func(kinds []string) bool {
			return slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(what, kind) })
		})
		if stage < last {
			l.t.Errorf("%s goes too late: %q", what, order)
		}
		last = stage
	}
	expect(l.t, "the first that goes", order[0], "apiservices/v1alpha1."+l.group)
}

// versions are those of the objects that nobody may touch, and of what else is asked for.
func (l *leaving) versions() map[string]string {
	l.t.Helper()
	found := map[string]string{}
	for _, resource := range theirs {
		list, err := l.objects.Resource(schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: resource}).
			List(l.t.Context(), metav1.ListOptions{})
		must(l.t, err)
		for _, object := range list.Items {
			found[resource+"/"+object.GetNamespace()+"/"+object.GetName()] = object.GetResourceVersion()
		}
	}
	return found
}

func (l *leaving) untouched(before map[string]string) {
	l.t.Helper()
	if after := l.versions(); !maps.Equal(before, after) {
		l.t.Errorf("what is not ours was written to: it was at %v and is at %v", before, after)
	}
}

// allGoneBut wants nothing of the manifests to be left but objects of some kinds.
func (l *leaving) allGoneBut(kinds ...string) {
	l.t.Helper()
	var left []string
	for _, line := range strings.Fields(kubectl(l.t, l.control, l.build.raw, "get", "--ignore-not-found", "-o", "name", "-f", "-")) {
		kind, _, _ := strings.Cut(line, "/")
		kind, _, _ = strings.Cut(kind, ".")
		left = append(left, kind)
	}
	if slices.Sort(left); !slices.Equal(left, kinds) {
		l.t.Errorf("of the manifests, %q are left, want %q", left, kinds)
	}
	if out := kubectl(l.t, l.control, nil, "get", "clusterroles,clusterrolebindings,roles,rolebindings,leases,secrets", "-A", "-o", "name"); strings.Contains(out, "vmdistributed") {
		l.t.Errorf("something is left: %s", out)
	}
	_, err := l.objects.Resource(l.own()).List(l.t.Context(), metav1.ListOptions{})
	expect(l.t, "the kind is served no more", apierrors.IsNotFound(err), true)
}

func (l *leaving) own() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: l.group, Version: "v1alpha1", Resource: "vmdistributedclusters"}
}

// zones are two that the kept object defines, and one that it refers to.
const zones = `{"vmclusters":[{"name":"zone-1","spec":{"vmselect":{"replicaCount":1},"vmstorage":{"replicaCount":1}}},
	{"name":"zone-2","spec":{"vmselect":{"replicaCount":1},"vmstorage":{"replicaCount":1}}},{"ref":{"name":"existing"}}]}`

// keep makes an object that comes to rest, and all that it is about.
func (l *leaving) keep() {
	l.t.Helper()
	kubectl(l.t, l.control, nil, "create", "namespace", keptNamespace)
	target := func(zone string) string {
		return fmt.Sprintf(`{"crd":{"kind":"VMCluster/vmselect","name":%q,"namespace":%q},"target_path_suffix":"/select/0"}`, zone, keptNamespace)
	}
	for _, object := range []string{
		`{"apiVersion":"operator.victoriametrics.com/v1beta1","kind":"VMCluster","metadata":{"name":"existing"},"spec":{"vmselect":{"replicaCount":1}}}`,
		`{"apiVersion":"operator.victoriametrics.com/v1beta1","kind":"VMUser","metadata":{"name":"read"},"spec":{"targetRefs":[` + target("zone-1") + `,` + target("zone-2") + `]}}`,
		`{"apiVersion":"operator.victoriametrics.com/v1beta1","kind":"VMAgent","metadata":{"name":"write"},"spec":{"remoteWrite":[{"url":"http://elsewhere"}]}}`,
		`{"apiVersion":"` + l.group + `/v1alpha1","kind":"VMDistributedCluster","metadata":{"name":"metrics"},
			"spec":{"vmusers":[{"name":"read"}],"strategy":{"updatePause":"0s","drain":{"gracePeriod":"1h"}},"zones":` + zones + `}}`,
	} {
		if done := tryKubectl(l.t, l.control, []byte(object), "-n", keptNamespace, "create", "-f", "-"); done.err != nil {
			l.t.Fatalf("creating %s: %v: %s", object, done.err, done.stderr)
		}
	}
	l.untilReady()
}

func (l *leaving) untilReady() {
	l.t.Helper()
	kubectl(l.t, l.control, nil, "-n", keptNamespace, "wait", "--for=condition=Ready", "vmdistributedclusters."+l.group+"/metrics", "--timeout=60s")
}

// refusedAmidADrain begins a rollout, which waits for reads in flight, and calls it off.
func (l *leaving) refusedAmidADrain() {
	l.t.Helper()
	own := "vmdistributedclusters." + l.group + "/metrics"
	change := `[{"op":"replace","path":"/spec/zones/vmclusters/0/spec/vmselect/replicaCount","value":2}]`
	tryKubectl(l.t, l.control, nil, "-n", keptNamespace, "patch", own, "--type=json", "-p", change)
	kubectl(l.t, l.control, nil, "-n", keptNamespace, "wait", `--for=jsonpath={.metadata.annotations.distributed\.victoriametrics\.com/drain\.metrics}`, "vmuser/read", "--timeout=60s")
	before := l.everythingOfOurs()
	said := []string{
		"refused  VMUser monitoring/read is drained: without the server, its reads stay away from zone zone-1",
		"refused  VMDistributedCluster monitoring/metrics is in the middle of a rollout: zone zone-1 is Draining",
	}
	l.expect(1, said)
	l.expect(1, said, "--dry-run")
	l.expect(0, []string{"delete   APIService"}, "--dry-run", "--abandon-rollouts")
	const halt = "vmdistributed-halt"
	kubectl(l.t, l.control, nil, "-n", "vmdistributed-system", "create", "configmap", halt, "--from-literal=reason=an incident")
	l.expect(1, []string{
		"They stay so while ConfigMap vmdistributed-system/" + halt + " halts the server (reason: an incident): kubectl -n vmdistributed-system delete configmap " + halt + " ends that",
		"It goes no further while ConfigMap vmdistributed-system/" + halt,
	})
	kubectl(l.t, l.control, nil, "-n", "vmdistributed-system", "delete", "configmap", halt)
	expect(l.t, "what is there", l.everythingOfOurs(), before)

	abort := fmt.Sprintf(`{"apiVersion":"%s/v1alpha1","kind":"VMDistributedClusterAbort"}`, l.group)
	path := fmt.Sprintf("/apis/%s/v1alpha1/namespaces/%s/vmdistributedclusters/metrics/abort", l.group, keptNamespace)
	kubectl(l.t, l.control, []byte(abort), "create", "--raw", path, "-f", "-")
	kubectl(l.t, l.control, nil, "-n", keptNamespace, "wait", "--for=jsonpath={.status.zones[0].reason}=RolloutAborted", own, "--timeout=60s")
}

// TestUninstallNamesTheRightThatIsMissing, before anything else.
func TestUninstallNamesTheRightThatIsMissing(t *testing.T) {
	for what, c := range map[string]struct {
		may   []rbacv1.PolicyRule
		lacks string
	}{
		"nothing":                  {nil, "you may not get apiservices.apiregistration.k8s.io v1alpha1.operator.victoriametrics.com"},
		"to read, and not to list": {[]rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get"}}}, "you may not list vmdistributedclusterrecords.storage.distributed.victoriametrics.com"},
	} {
		t.Run(what, func(t *testing.T) {
			user := "may-" + strconv.Itoa(len(c.may))
			kubernetes, err := kubernetes.NewForConfig(shared.control.Config())
			must(t, err)
			_, err = kubernetes.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: c.may}, metav1.CreateOptions{})
			must(t, err)
			_, err = kubernetes.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: user},
				RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
				Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
			}, metav1.CreateOptions{})
			must(t, err)
			kubeconfig := filepath.Join(t.TempDir(), user)
			must(t, shared.control.WriteKubeconfig(kubeconfig, user))
			l := &leaving{t: t, control: shared.control}
			l.expect(2, []string{c.lacks, "nothing was changed: run this as somebody who may"}, "--kubeconfig", kubeconfig)
		})
	}
}

// everythingOfOurs names it.
func (l *leaving) everythingOfOurs() string {
	l.t.Helper()
	return kubectl(l.t, l.control, nil, "get", "apiservices,deployments,statefulsets,services,secrets,clusterroles,roles,serviceaccounts", "-A", "-o", "name")
}

// comesAndGoes takes an installation away, puts it back, and takes it away for good.
func (l *leaving) comesAndGoes() {
	l.t.Helper()
	l.keep()
	l.refusedAmidADrain()
	before := l.versions()
	l.inOrder(l.takeAway())
	kept := []string{"namespace"}
	if l.store == controlplane.StoreHost {
		kept = []string{"customresourcedefinition", "namespace"}
		expect(l.t, "records", strings.Contains(kubectl(l.t, l.control, nil, "get", "vmdistributedclusterrecords", "-A", "-o", "name"), "/metrics"), true)
	}
	l.allGoneBut(kept...)
	l.untouched(before)
	known := kubectl(l.t, l.control, nil, "-n", "vmdistributed-system", "get", "configmap", "vmdistributed-store", "-o", "yaml")
	l.expect(0, []string{"there is nothing to take away", "Namespace vmdistributed-system"})
	// No API that nobody serves holds namespaces up.
	kubectl(l.t, l.control, nil, "create", "namespace", "free")
	kubectl(l.t, l.control, nil, "delete", "namespace", "free", "--timeout=60s")

	l.server = startAsInstalled(l.t, l.control, l.build, l.store)
	l.hasLooked()
	l.untouched(before)
	expect(l.t, "what is known of the store", kubectl(l.t, l.control, nil, "-n", "vmdistributed-system", "get", "configmap", "vmdistributed-store", "-o", "yaml"), known)
	kubectl(l.t, l.control, nil, "-n", keptNamespace, "get", "vmdistributedclusters."+l.group, "metrics")
	l.goesForGood(before)
}

// hasLooked returns when the controller has come to an object that is newer than all
// others.
func (l *leaving) hasLooked() {
	l.t.Helper()
	object := fmt.Sprintf(`{"apiVersion":"%s/v1alpha1","kind":"VMDistributedCluster","metadata":{"name":"last"},"spec":{"managementPolicy":"Observe","zones":{"vmclusters":[{"ref":{"name":"existing-not"}}]}}}`, l.group)
	if done := tryKubectl(l.t, l.control, []byte(object), "-n", "default", "create", "-f", "-"); done.err != nil {
		l.t.Fatalf("creating %s: %v: %s", object, done.err, done.stderr)
	}
	kubectl(l.t, l.control, nil, "-n", "default", "wait", "--for=jsonpath={.status.observedGeneration}=1", "vmdistributedclusters."+l.group+"/last", "--timeout=60s")
}

// goesForGood takes the store away too, with which the namespace goes.
func (l *leaving) goesForGood(before map[string]string) {
	l.t.Helper()
	if l.store == controlplane.StoreEmbedded {
		l.claimVolume()
	}
	l.inOrder(l.takeAway("--delete-store"))
	l.allGoneBut()
	l.untouched(before)
	l.expect(0, []string{"there is nothing to take away"}, "--delete-store")
}

// claimVolume makes the claim that the controller of StatefulSets would have made.
func (l *leaving) claimVolume() {
	l.t.Helper()
	claim := `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"store-vmdistributed-apiserver-0","labels":{"app.kubernetes.io/name":"vmdistributed-apiserver"}},
		"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}`
	kubectl(l.t, l.control, []byte(claim), "-n", "vmdistributed-system", "create", "-f", "-")
}
