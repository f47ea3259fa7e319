// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package promise

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestDeletionInTheMiddleOfAnUpdateGivesReadsBack deletes the object, whose zones
// are retained, while one of them is out of service.
func TestDeletionInTheMiddleOfAnUpdateGivesReadsBack(t *testing.T) {
	t.Parallel()
	for _, phase := range []v1alpha1.ZonePhase{v1alpha1.ZoneDraining, v1alpha1.ZoneUpdating, v1alpha1.ZoneFlushing} {
		r := newRoom(t)
		before := r.targets()
		r.load()
		r.merge(`{spec: {deletionPolicy: Retain}}`)
		r.apply(1)
		r.untilPhase("zone-a", phase)
		must(t, r.clusters.Delete(t.Context(), name, metav1.DeleteOptions{}))
		r.until("the object is gone", func() (bool, string) {
			object, err := r.clusters.Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				return apierrors.IsNotFound(err), err.Error()
			}
			return false, encode(t, object.Status)
		})
		if after := r.targets(); after != before {
			t.Errorf("deleted while %s: targets were %s, are %s", phase, before, after)
		}
		r.keepPromise()
		r.leave()
		if !long {
			break // one phase a run is enough, the rest is for the long one
		}
	}
}

// TestDrainIsUndoneWithKubectlAlone does what docs/rollout.md tells to do.
func TestDrainIsUndoneWithKubectlAlone(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	before := r.targets()
	r.apply(1)
	r.untilPhase("zone-a", v1alpha1.ZoneUpdating)
	r.merge(`{spec: {paused: true}}`)
	r.untilStatusOf("the object is paused", func(object *v1alpha1.VMDistributedCluster) bool { return object.Status.UpdateStatus == "paused" })
	if r.targets() == before {
		t.Fatal("nothing is drained")
	}
	for _, user := range []string{"everywhere", "zone-a"} {
		key := strings.ReplaceAll(victoriametrics.DrainAnnotation(r.owner()), ".", `\.`)
		patch := r.kubectl("get", "vmuser", user, "-o", "jsonpath={.metadata.annotations."+key+"}")
		r.kubectl("patch", "vmuser", user, "--type=merge", "-p", patch)
	}
	if after := r.targets(); after != before {
		t.Errorf("targets were %s, are %s", before, after)
	}
	r.merge(`{spec: {paused: false}}`)
	r.untilReady()
	if after := r.targets(); after != before {
		t.Errorf("after the rollout, targets were %s, are %s", before, after)
	}
}

// TestClusterThatWasMadeAnewIsReadFromByTheUsersWordOnly deletes a zone's
// VMCluster: what comes in its place lacks what it stored.
func TestClusterThatWasMadeAnewIsReadFromByTheUsersWordOnly(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	before := r.targets()
	must(t, r.of("VMCluster").Delete(t.Context(), "zone-b", metav1.DeleteOptions{}))
	r.untilStatusOf("zone-b is back and kept away from readers", func(object *v1alpha1.VMDistributedCluster) bool {
		zone := zoneOf(object, "zone-b")
		return zone.Reason == "CameBackEmpty" && zone.Emptied
	})
	if r.targets() == before {
		t.Error("zone-b is read from")
	}
	said, err := r.clusters.Promote(t.Context(), name, &v1alpha1.VMDistributedClusterPromotion{}, metav1.CreateOptions{})
	must(t, err)
	if want := []v1alpha1.ZoneRevision{{Name: "zone-b", Revision: wantedRevision(t, r, "zone-b")}}; !slices.Equal(said.Zones, want) {
		t.Errorf("the word was taken for %v, want %v", said.Zones, want)
	}
	r.untilReady()
	if after := r.targets(); after != before {
		t.Errorf("targets were %s, are %s", before, after)
	}
}

// wantedRevision is what the subresource zones tells.
func wantedRevision(t *testing.T, r *room, zone string) string {
	t.Helper()
	report, err := r.clusters.GetZones(t.Context(), name, metav1.GetOptions{})
	must(t, err)
	for _, entry := range report.Zones {
		if entry.Name == zone {
			return entry.RevisionWanted
		}
	}
	t.Fatalf("there is no zone %s", zone)
	return ""
}

func zoneOf(object *v1alpha1.VMDistributedCluster, zone string) v1alpha1.ZoneStatus {
	for _, status := range object.Status.Zones {
		if status.Name == zone {
			return status
		}
	}
	return v1alpha1.ZoneStatus{}
}

// targets are those of all VMUsers, as text.
func (r *room) targets() string {
	r.t.Helper()
	var texts []string
	for _, user := range []string{"everywhere", "zone-a"} {
		object := r.get("VMUser", user)
		texts = append(texts, encode(r.t, object.Object["spec"].(map[string]any)["targetRefs"])+encode(r.t, object.GetAnnotations()))
	}
	return strings.Join(texts, "\n")
}

// kubectl runs the real one.
func (r *room) kubectl(args ...string) string {
	r.t.Helper()
	root, err := controlplane.FindRoot()
	must(r.t, err)
	command := exec.CommandContext(r.t.Context(), filepath.Join(root, ".local", "bin", "kubectl"), append([]string{"-n", r.namespace}, args...)...)
	command.Env = append(os.Environ(), "KUBECONFIG="+r.control.Kubeconfig(), "KUBECACHEDIR="+r.t.TempDir())
	var complaints strings.Builder
	command.Stderr = &complaints
	out, err := command.Output()
	if err != nil {
		r.t.Fatalf("kubectl %v: %v: %s", args, err, complaints.String())
	}
	return string(out)
}
