// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/preflight"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

const recordsDefinition = storagev1.VMDistributedClusterRecords + "." + storagev1.GroupName

// TestStoreThatTheServerWouldRefuseIsToldBeforehand, with a remedy after which the server
// takes it.
func TestStoreThatTheServerWouldRefuseIsToldBeforehand(t *testing.T) {
	s := newSite(t, controlplane.CRDsUsed)
	admin := s.control.Kubeconfig()
	server, err := s.control.StartServer(t.Context(), controlplane.ServerOptions{Store: controlplane.StoreHost})
	must(t, err)
	s.makeObject("metrics")
	if found := s.look(0, admin); slices.ContainsFunc(found.Verdict.Findings, func(f preflight.Finding) bool { return f.Topic == "Store" }) {
		t.Errorf("something is said against the store that is there: %+v", found.Verdict.Findings)
	}
	s.expect(s.look(1, admin, "--overlay=artifacts/overlays/external-etcd"), preflight.Blocking, "Store", "to go on with it, name its folder by --overlay (artifacts/base)")

	must(t, server.Stop())
	definitions, err := apiextensions.NewForConfig(s.control.Config())
	must(t, err)
	crds := definitions.ApiextensionsV1().CustomResourceDefinitions()
	must(t, crds.Delete(t.Context(), recordsDefinition, metav1.DeleteOptions{}))
	s.expect(s.look(1, admin), preflight.Blocking, "RecordsLeaving", "(records: 1)")

	s.freeRecord("metrics")
	must(t, wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		_, err := crds.Get(ctx, recordsDefinition, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	}))
	s.expect(s.look(1, admin), preflight.Blocking, "Store", "kubectl apply -f artifacts/base/crd.yaml")

	root, err := controlplane.FindRoot()
	must(t, err)
	must(t, s.control.Apply(t.Context(), filepath.Join(root, string(preflight.Base), "crd.yaml")))
	found := s.look(1, admin)
	s.expect(found, preflight.Blocking, "Store", "was made anew")
	s.kubectl(howToAccept(t, found))
	s.expect(s.look(0, admin), preflight.Note, "Store", "takes the store with the identity")
	must(t, server.Restart(t.Context())) // which waits until it is ready
	s.look(0, admin)
	must(t, server.Stop())

	// What was left of an object that is gone with its record tells, unless that was accepted.
	s.mark("zone-a", "default/metrics")
	s.look(0, admin)
	s.kubectl([]string{"-n", controlplane.ServerNamespace, "patch", "configmap", identity.ConfigMap, "--type=merge", `--patch={"data":{"empty":null}}`})
	found = s.look(1, admin)
	s.expect(found, preflight.Blocking, "Store", "VMCluster default/zone-a carries the mark of VMDistributedCluster default/metrics")
	s.kubectl(howToAccept(t, found))
	s.look(0, admin)
	must(t, server.Restart(t.Context()))
	must(t, server.Stop())
}

// mark makes a VMCluster that a VMDistributedCluster has left its mark on.
func (s *site) mark(name, owner string) {
	s.t.Helper()
	client, err := dynamic.NewForConfig(s.control.Config())
	must(s.t, err)
	_, err = client.Resource(victoriametrics.VMClusterResource).Namespace("default").Create(s.t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": victoriametrics.VMClusterResource.GroupVersion().String(), "kind": "VMCluster",
		"metadata": map[string]any{"name": name, "annotations": map[string]any{victoriametrics.OwnerAnnotation: owner}},
		"spec":     map[string]any{},
	}}, metav1.CreateOptions{})
	must(s.t, err)
}

// makeObject makes a VMDistributedCluster.
func (s *site) makeObject(name string) {
	s.t.Helper()
	client, err := dynamic.NewForConfig(s.control.Config())
	must(s.t, err)
	_, err = client.Resource(v1alpha1.SchemeGroupVersion.WithResource("vmdistributedclusters")).Namespace("default").Create(s.t.Context(),
		&unstructured.Unstructured{Object: map[string]any{
			"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "VMDistributedCluster", "metadata": map[string]any{"name": name},
			"spec": map[string]any{"zones": map[string]any{"vmclusters": []any{map[string]any{"ref": map[string]any{"name": "zone-a"}}}}},
		}}, metav1.CreateOptions{})
	must(s.t, err)
}

// freeRecord takes the guard off a record that is being deleted.
func (s *site) freeRecord(name string) {
	s.t.Helper()
	client, err := dynamic.NewForConfig(s.control.Config())
	must(s.t, err)
	_, err = client.Resource(storagev1.SchemeGroupVersion.WithResource(storagev1.VMDistributedClusterRecords)).Namespace("default").Patch(s.t.Context(),
		name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	must(s.t, err)
}

// howToAccept is the command that a remedy names, without kubectl itself.
func howToAccept(t *testing.T, found outcome) []string {
	t.Helper()
	command := regexp.MustCompile(`kubectl (-n \S+ annotate \S+ configmap \S+ \S+)`)
	for _, finding := range found.Verdict.Findings {
		if said := command.FindStringSubmatch(finding.Remedy); said != nil {
			return strings.Fields(said[1])
		}
	}
	t.Fatalf("no remedy names the command: %+v", found.Verdict.Findings)
	return nil
}

// kubectl runs it as an administrator.
func (s *site) kubectl(args []string) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), filepath.Join(s.control.BinDir(), "kubectl"), append([]string{"--kubeconfig", s.control.Kubeconfig()}, args...)...)
	if out, err := command.CombinedOutput(); err != nil {
		s.t.Fatalf("kubectl %s: %v: %s", strings.Join(args, " "), err, out)
	}
}
