// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package secondgroup

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// What the plugin ends with.
const (
	done, failedCall, waitsForUser = 0, 1, 2
)

// manifest has three zones at a version.
func manifest(version string) string {
	zones := ""
	for _, zone := range []string{"zone-a", "zone-b", "zone-c"} {
		zones += fmt.Sprintf(`
    - name: %s
      spec: {clusterVersion: %s, vmstorage: {replicaCount: 1}, vmselect: {replicaCount: 1}, vminsert: {replicaCount: 1}}`, zone, version)
	}
	return `apiVersion: ` + secondGroup + `/v1alpha1
kind: VMDistributedCluster
metadata: {name: demo}
spec:
  strategy: {updatePause: 0s}
  zones:
    vmclusters:` + zones + "\n"
}

func words(line string) []string { return strings.Fields(line) }

// apply applies three zones at a version, and waits for the end of that.
func (r *room) apply(version string) {
	r.t.Helper()
	r.kubectl(manifest(version), "apply", "-f", "-")
	r.vmdc(done, words("wait demo --timeout=2m"), "runs in all zones")
}

// hang has the next change of zone-a not come to its end.
func (r *room) hang(version string) {
	r.t.Helper()
	generation := r.kubectl("", "get", "vmcluster", "zone-a", "-o", "jsonpath={.metadata.generation}")
	var next int
	_, err := fmt.Sscan(generation, &next)
	must(r.t, err)
	r.kubectl("", "annotate", "vmcluster", "zone-a", standin.BehaviourAnnotation+"="+string(standin.Stuck), fmt.Sprintf("%s=%d", standin.FromGenerationAnnotation, next+1))
	r.kubectl(manifest(version), "apply", "-f", "-")
	r.kubectl("", "wait", "--for=jsonpath={.status.zones[0].reason}=WaitingForOperator", "vmdc/demo", "--timeout=2m")
}

func (r *room) letGo() {
	r.t.Helper()
	r.kubectl("", "annotate", "vmcluster", "zone-a", standin.BehaviourAnnotation+"-", standin.FromGenerationAnnotation+"-")
}

func TestPluginShowsARolloutInTheSecondGroup(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.vmdc(done, words("version"))
	r.vmdc(done, words("status"), "No VMDistributedClusters found in namespace "+r.namespace)
	r.vmdc(failedCall, words("status demo"), `vmdistributedclusters.`+secondGroup+` "demo" not found`)
	for _, group := range []string{secondGroup, firstGroup} { // one may come from where the first is registered
		r.vmdcOf(strings.ReplaceAll(manifest("v1"), secondGroup, group), done, words("plan -f -"), "Zone zone-a (Inline, Pending): Create, as number 1")
	}
	r.apply("v1")
	const named = "vmdistributedcluster." + secondGroup + "/demo"
	r.vmdc(done, words("status -o name"), named+"\n")
	r.vmdc(done, words("status "+named+" -o json"), `"apiVersion": "`+secondGroup+`/v1alpha1"`, `"kind": "VMDistributedCluster"`)
	r.vmdc(done, words("status demo"), "operational; 3 of 3 zones updated", "Events:", "RolloutCompleted")
	r.vmdc(done, words("zones vmdc."+secondGroup+"/demo"), "zone-c", "Ready")
	r.vmdc(done, words("zones demo -o yaml"), "apiVersion: "+secondGroup+"/v1alpha1", "kind: VMDistributedClusterZones")
	r.vmdc(done, words("doctor demo"), "Note: object: NoVMAgent")
	r.vmdc(done, words("plan demo"), "Steps: none")
	r.vmdc(done, words("plan demo -o json"), `"apiVersion": "`+secondGroup+`/v1alpha1"`)
	r.vmdcOf(manifest("v2"), done, words("plan -f -"), `~ clusterVersion: "v1" → "v2"`)
	r.vmdc(done, words("history demo"), "Completed", "Current,Wanted")
	r.vmdc(done, words("history demo -o json"), `"kind": "VMDistributedClusterHistory"`)
	completion := r.run("", "kubectl-vmdc", append(append(words("__complete zones"), r.access()...), "d")...)
	if !strings.HasPrefix(completion.stdout, "demo\n") {
		t.Errorf("completing a name offers %q", completion.stdout)
	}
}

func TestPluginSteersARolloutInTheSecondGroup(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply("v1")
	r.vmdc(done, words("pause demo"), "vmdistributedcluster."+secondGroup+"/demo paused")
	r.vmdc(waitsForUser, words("wait demo"), "RolloutPaused")
	r.vmdc(done, words("resume demo"), "demo resumed")
	r.vmdc(done, words("wait demo"), "runs in all zones")

	r.hang("v2")
	r.vmdc(done, words("abort demo --reason=errors"), "demo aborted: revision ")
	r.vmdc(waitsForUser, words("wait demo"), "RolloutAborted", `"errors"`)
	r.vmdc(waitsForUser, words("doctor demo"), "Blocking: zone zone-b: RolloutAborted")
	r.vmdc(done, words("retry demo"), "demo retried: revision ")
	r.vmdc(done, words("skip demo zone-a --reason=disks"), "demo skipped: zone zone-a is left out")
	r.vmdc(done, words("wait demo"), "runs in 2 of 3 zones: zone zone-a was skipped by ")
	r.vmdc(done, words("retry demo --zone=zone-a"), "demo retried: zone-a at revision ")
	r.letGo()
	r.vmdc(done, words("wait demo"), "runs in all zones")

	r.vmdc(done, words("restart demo --reason=certificate"), "is rolled out once more")
	r.vmdc(done, words("wait demo"), "runs in all zones")
	r.vmdc(done, words("undo demo"), "demo undone: revision ")
	r.kubectl("", "wait", "--for=condition=Stalled", "vmdc/demo", "--timeout=2m")
	r.vmdc(waitsForUser, words("wait demo"), "RevisionUndone")
	r.apply("v3") // which ends the undoing

	r.kubectl(strings.ReplaceAll(manifest("v4"), "updatePause: 0s", "updatePause: 0s, approval: AfterFirstZone"), "apply", "-f", "-")
	r.vmdc(waitsForUser, words("wait demo"), "zone zone-b: WaitingForApproval")
	r.vmdc(done, words("promote demo --zone=zone-b"), "demo promoted: zone-b at revision ")
	r.vmdc(done, words("wait demo"), "runs in all zones")
	r.vmdc(done, words("status demo -o json"), "admin") // whoever has said so is on record
}

// TestPluginGoesByWhatIsRegisteredNow has the first group registered and taken away again,
// as where somebody goes over to the other overlay. What the plugin and kubectl keep of
// discovery on the disk, for hours, says something else then.
func TestPluginGoesByWhatIsRegisteredNow(t *testing.T) {
	r := newRoom(t)
	r.apply("v1")
	r.vmdc(done, words("status -o name"), "vmdistributedcluster."+secondGroup+"/demo")
	r.registerFirst()
	r.vmdc(done, words("status -o name"), "vmdistributedcluster."+firstGroup+"/demo")
	r.vmdc(done, words("wait demo"), "runs in all zones")
	must(t, shared.registrations.ApiregistrationV1().APIServices().Delete(t.Context(), "v1alpha1."+firstGroup, metav1.DeleteOptions{}))
	r.untilServed(firstGroup, "vmdistributed") // the operator's again
	r.vmdc(done, words("status -o name"), "vmdistributedcluster."+secondGroup+"/demo")
	r.vmdc(done, words("zones demo"), "zone-a")
}

// registerFirst has the first group lead to where the second one does.
func (r *room) registerFirst() {
	r.t.Helper()
	services := shared.registrations.ApiregistrationV1().APIServices()
	second, err := services.Get(r.t.Context(), "v1alpha1."+secondGroup, metav1.GetOptions{})
	must(r.t, err)
	root, err := controlplane.FindRoot()
	must(r.t, err)
	must(r.t, shared.control.Apply(r.t.Context(), filepath.Join(root, "artifacts", "base", "apiservice.yaml")))
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"service": second.Spec.Service, "caBundle": second.Spec.CABundle, "insecureSkipTLSVerify": false}})
	must(r.t, err)
	_, err = services.Patch(r.t.Context(), "v1alpha1."+firstGroup, types.MergePatchType, patch, metav1.PatchOptions{})
	must(r.t, err)
	r.untilServed(firstGroup, "vmdistributedclusters")
}

// untilServed waits until a group lists a resource.
func (r *room) untilServed(group, resource string) {
	r.t.Helper()
	lacks := "never asked"
	err := wait.PollUntilContextTimeout(r.t.Context(), 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		found, err := shared.kubernetes.Discovery().ServerResourcesForGroupVersion(group + "/v1alpha1")
		if err != nil {
			lacks = err.Error()
			return false, nil //nolint:nilerr // it is asked again, and told when patience ends
		}
		lacks = "it is not listed"
		return slices.ContainsFunc(found.APIResources, func(is metav1.APIResource) bool { return is.Name == resource }), nil
	})
	if err != nil {
		r.t.Fatalf("waiting for %s of %s to be served: %v: %s", resource, group, err, lacks)
	}
}
