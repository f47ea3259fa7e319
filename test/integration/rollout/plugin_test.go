// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// The codes that the plugin's documentation promises to scripts.
const (
	done, failedCall, waitsForUser, tooLong = 0, 1, 2, 3
)

// ran is what a command left behind.
type ran struct {
	stdout, stderr string
	code           int
}

// plugin is kubectl vmdc with these arguments, in the room's namespace.
func (r *room) plugin(args ...string) *exec.Cmd {
	r.t.Helper()
	root, err := controlplane.FindRoot()
	must(r.t, err)
	bin := filepath.Join(root, ".local", "bin")
	cmd := exec.CommandContext(r.t.Context(), filepath.Join(bin, "kubectl"),
		append(append([]string{"vmdc"}, args...), "--kubeconfig", shared.control.Kubeconfig(), "--namespace", r.namespace)...)
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + r.t.TempDir()}
	return cmd
}

func (r *room) run(cmd *exec.Cmd) ran {
	r.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		r.t.Fatalf("running %q: %v", cmd.Args, err)
	}
	return ran{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
}

// vmdc runs kubectl vmdc, and wants it to end with a code.
func (r *room) vmdc(code int, args ...string) ran {
	r.t.Helper()
	result := r.run(r.plugin(args...))
	if result.code != code {
		r.t.Fatalf("kubectl vmdc %q ended with %d, want %d\nstdout: %s\nstderr: %s", args, result.code, code, result.stdout, result.stderr)
	}
	return result
}

// says wants all of these in a text.
func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q is not in:\n%s", word, text)
		}
	}
}

// stuckInZoneA has three zones, of which the first gets a change and never becomes
// healthy.
func stuckInZoneA(r *room) {
	r.t.Helper()
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator", "expanding")
}

func TestPluginShowsWhereARolloutIsAndWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	stuckInZoneA(r)

	tree := r.vmdc(done, "status", "demo").stdout
	says(t, tree, "VMDistributedCluster "+r.namespace+"/demo", "expanding; 0 of 3 zones updated, 2 ready", "├── ● zone-a", "Updating", "WaitingForOperator: health: operator reports",
		"└── ○ zone-c", "WaitingForOtherZone", "Events:", "ZoneUpdating")
	if strings.Contains(tree, "\x1b") {
		t.Errorf("there are colours where no terminal is:\n%q", tree)
	}
	says(t, r.vmdc(done, "status", "demo", "--color=always").stdout, "\x1b[34mUpdating")
	says(t, r.vmdc(done, "status", "-o", "wide").stdout, "REVISION", "└── ○ zone-c")                         // of all objects
	says(t, r.vmdc(done, "zones", "vmdc/demo").stdout, "ZONE", "LEFT", "zone-a", "Inline", "Updating", "4m") // of readyTimeout's five
	says(t, r.vmdc(done, "zones", "demo", "-o", "wide").stdout, "APPLIED", "2/2")

	doctor := r.vmdc(done, "doctor", "demo").stdout // it waits, and nobody has to do anything yet
	says(t, doctor, "Waiting: zone zone-a: WaitingForOperator", "since 20", "until 20", "Waiting: zone zone-b: WaitingForOtherZone")

	r.behave("zone-a")
	r.untilReady("demo")
	says(t, r.vmdc(done, "doctor", "demo").stdout, "Note: object: NoVMAgent", "Note: object: NoVMUsers")
}

func TestPluginPrintsForPrograms(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	const kind = "vmdistributedcluster.operator.victoriametrics.com/demo"
	expect(t, "status -o name", r.vmdc(done, "status", "-o", "name").stdout, kind+"\n")

	var object v1alpha1.VMDistributedCluster
	must(t, json.Unmarshal([]byte(r.vmdc(done, "status", kind, "-o", "json").stdout), &object))
	expect(t, "kind in JSON", object.Kind, "VMDistributedCluster")
	expect(t, "zones in JSON", len(object.Status.Zones), 3)
	var zones v1alpha1.VMDistributedClusterZones
	must(t, yaml.Unmarshal([]byte(r.vmdc(done, "zones", "demo", "-o", "yaml").stdout), &zones))
	expect(t, "kind in YAML", zones.Kind, "VMDistributedClusterZones")
	expect(t, "zones in YAML", len(zones.Zones), 3)
	var told struct {
		Findings []struct{ Severity, Reason string }
	}
	must(t, json.Unmarshal([]byte(r.vmdc(done, "doctor", "demo", "-o", "json").stdout), &told))
	expect(t, "findings in JSON", len(told.Findings), 2) // neither a VMUser nor a VMAgent
}

func TestPluginWaitsUntilARolloutIsCompleteOrCallsForTheUser(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	stuckInZoneA(r)
	late := r.vmdc(tooLong, "wait", "demo", "--timeout=1s")
	says(t, late.stderr, "error: the end of the rollout of demo is not there after 1s: 0 of 3 zones updated")
	says(t, late.stdout, "0 of 3 zones updated: zone zone-a is updating")
	expect(t, "what is told with --quiet", r.vmdc(tooLong, "wait", "demo", "--timeout=1s", "--quiet").stdout, "")

	ends := map[string]*ran{"wait demo": {}, "wait demo --zone=zone-a": {}}
	var waiting sync.WaitGroup
	for args, end := range ends {
		cmd := r.plugin(strings.Fields(args)...)
		waiting.Go(func() { *end = r.run(cmd) })
	}
	r.behave("zone-a")
	waiting.Wait()
	for args, end := range ends {
		if end.code != done {
			t.Errorf("kubectl vmdc %s ended with %d: %s", args, end.code, end.stderr)
		}
	}
	says(t, ends["wait demo"].stdout, "runs in all zones")
	says(t, ends["wait demo --zone=zone-a"].stdout, "zone zone-a is updated")

	says(t, r.vmdc(failedCall, "wait", "demo", "--zone=zone-x").stderr, `VMDistributedCluster demo has no zone "zone-x"`)
	says(t, r.vmdc(failedCall, "wait", "absent").stderr, `"absent" not found`)
	r.apply(with(threeZones("v3"), "spec.paused", true))
	says(t, r.vmdc(waitsForUser, "wait", "demo").stderr, "the rollout of demo waits for the user: RolloutPaused")
	r.vmdc(tooLong, "wait", "demo", "--patient", "--timeout=1s")
}

func TestPluginFollowsARolloutUntilItsObjectIsGone(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(threeZones("v1"))
	cmd := r.plugin("status", "demo", "--watch")
	var end ran
	var following sync.WaitGroup
	following.Go(func() { end = r.run(cmd) })
	r.untilReady("demo")
	says(t, r.vmdc(done, "wait", "demo").stdout, "runs in all zones")
	r.delete("demo")
	following.Wait()
	if end.code != done {
		t.Fatalf("it ended with %d: %s", end.code, end.stderr)
	}
	says(t, end.stdout, "operational; 3 of 3 zones updated", "terminating", "VMDistributedCluster "+r.namespace+"/demo is gone.")
}

func TestPluginEndsWaitingWhereARightIsMissing(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	onlyGets := "gets-in-" + r.namespace
	r.grant(onlyGets, rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{"*"}, Resources: []string{"*"}})
	for _, user := range []string{"nobody", onlyGets} {
		for _, command := range []string{"wait demo", "wait demo --timeout=5m", "status demo --watch"} {
			end := r.vmdc(failedCall, append(strings.Fields(command), "--as="+user)...)
			says(t, end.stderr, "error: following VMDistributedCluster "+r.namespace+"/demo takes the rights to list and watch vmdistributedclusters.operator.victoriametrics.com: ",
				user, "is forbidden")
			if lines := strings.Count(end.stderr, "\n"); lines != 1 {
				t.Errorf("%s of %s says more than what is missing:\n%s", command, user, end.stderr)
			}
		}
	}
}

func TestPluginPausesAndResumes(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	says(t, r.vmdc(done, "pause", "demo", "--dry-run=server").stdout, "demo paused: spec.paused is true now (server dry run)")
	expect(t, "spec.paused after a dry run", r.get("demo").Spec.Paused, false)
	says(t, r.vmdc(done, "pause", "demo").stdout, "demo paused")
	r.untilCondition("demo", "Paused", metav1.ConditionTrue, "RolloutPaused")
	says(t, r.vmdc(done, "pause", "demo").stdout, "unchanged")
	says(t, r.vmdc(waitsForUser, "doctor", "demo").stdout, "Blocking: object: RolloutPaused", "To do: take spec.paused back")
	says(t, r.vmdc(done, "resume", "demo").stdout, "demo resumed")
	r.untilCondition("demo", "Paused", metav1.ConditionFalse, "NotPaused")
}

func TestPluginSaysWhatIsWrongWithACall(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"zones"}, `kubectl vmdc zones takes the name of one VMDistributedCluster, such as "kubectl vmdc zones metrics"; got none` + "\n"},
		{[]string{"zones", "a", "b"}, "; got 2: a b\n"},
		{[]string{"skip"}, "; got none\n"},
		{[]string{"status", "demo", "-o", "xml"}, `--output is "xml", want one of: wide, json, yaml, name`},
		{[]string{"status", "demo", "--color=red"}, `--color is "red", want one of: auto, always, never`},
		{[]string{"status", "--watch"}, "--watch follows one object"},
		{[]string{"status", "demo", "--watch", "-o", "json"}, "for -o json, use kubectl get --watch"},
		{[]string{"pause", "demo", "--dry-run=client"}, `--dry-run is "client", want one of: none, server`},
		{[]string{"status", "absent"}, `"absent" not found`},
		{[]string{"advance", "demo"}, `unknown command "advance"`},
		{[]string{"wait", "demo", "--timeout=soon"}, `invalid argument "soon"`},
	} {
		says(t, r.vmdc(failedCall, test.args...).stderr, "error: ", test.want)
	}
	says(t, r.vmdc(done, "status").stderr, "No VMDistributedClusters found in namespace "+r.namespace)
}

func TestPluginCompletesNamesAsKubectlAsksForIt(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(threeZones("v1"))
	revision := r.untilReady("demo").Status.CurrentRevision
	root, err := controlplane.FindRoot()
	must(t, err)
	link := filepath.Join(t.TempDir(), "kubectl_complete-vmdc")
	must(t, os.Symlink(filepath.Join(root, ".local", "bin", "kubectl-vmdc"), link))
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"zones", "d"}, "demo\n"},
		{[]string{"wa"}, "wait\t"},
		{[]string{"status", "demo", "-o", ""}, "json\n"},
		{[]string{"undo", "demo", "--to-revision", ""}, revision + "\n"},
		{[]string{"history", "demo", "--revision", revision[:4]}, revision + "\n"},
		{[]string{"skip", "de"}, "demo\n"},
		{[]string{"skip", "demo", "zone-"}, "zone-b\n"},
		{[]string{"retry", "demo", "--zone", "zone-c"}, "zone-c\n"},
	} {
		args := test.args
		if len(args) > 1 {
			args = append([]string{"--kubeconfig", shared.control.Kubeconfig(), "--namespace", r.namespace}, args...)
		}
		cmd := exec.CommandContext(t.Context(), link, args...)
		cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
		result := r.run(cmd)
		if result.code != done || !strings.Contains(result.stdout, test.want) {
			t.Errorf("completing %q offers %q with %d, want %q\n%s", test.args, result.stdout, result.code, test.want, result.stderr)
		}
	}
}

func TestPluginCallsAChangeOffAndLetsItGoOn(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	stuckInZoneA(r)
	revision := r.get("demo").Status.UpdateRevision
	says(t, r.vmdc(done, "abort", "demo", "--dry-run=server").stdout, "demo aborted: revision "+revision+" is called off (server dry run)")
	says(t, r.vmdc(failedCall, "abort", "demo", "--revision=another").stderr, "revision: is another, and the object's is "+revision+" now")
	says(t, r.vmdc(done, "abort", "demo", "--reason=errors in zone-a", "--revision="+revision).stdout, "demo aborted: revision "+revision+" is called off\n")
	r.untilZone("demo", "zone-b", "Pending", "RolloutAborted", "errors in zone-a")
	says(t, r.vmdc(waitsForUser, "wait", "demo").stderr, "RolloutAborted", "errors in zone-a")
	says(t, r.vmdc(waitsForUser, "doctor", "demo").stdout, "Blocking: zone zone-b: RolloutAborted", "To do: retry, or change the spec")
	says(t, r.vmdc(failedCall, "promote", "demo").stderr, "no zone waits for the user's word: revision "+revision+" was called off")

	r.behave("zone-a")
	said := r.vmdc(done, "retry", "demo", "-o", "json").stdout
	var answer v1alpha1.VMDistributedClusterRetry
	must(t, json.Unmarshal([]byte(said), &answer))
	expect(t, "revision that is tried again", answer.Revision, revision)
	r.vmdc(done, "wait", "demo")
}

func TestPluginGoesBackToAnotherRevisionAndTellsOfIt(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(threeZones("v1"))
	good := r.untilReady("demo").Status.CurrentRevision
	r.apply(with(threeZones("v2"), "metadata.annotations", fields{"kubernetes.io/change-cause": "a better version"}))
	bad := r.untilReady("demo").Status.CurrentRevision
	r.untilHistory("2 Completed current=true wanted=true byUndo=false", "1 Completed current=false wanted=false byUndo=false")

	told := r.vmdc(done, "history", "demo").stdout
	says(t, strings.Join(strings.Fields(told), " "), "REVISION NUMBER OUTCOME IS STARTED", "Current,Wanted", "a better version", good+" 1 Completed -")
	says(t, r.vmdc(done, "history", "demo", "-o", "wide").stdout, "FINISHED", "ZONES", "zone-a=")
	expect(t, "history -o name", r.vmdc(done, "history", "demo", "-o", "name").stdout, bad+"\n"+good+"\n")
	one := r.vmdc(done, "history", "demo", "--revision="+bad).stdout
	says(t, one, "revision "+bad+", number 2", "Outcome:   Completed", "Is:        Current,Wanted", "Cause:     a better version", "  zone-c at revision ")
	var listed v1alpha1.VMDistributedClusterHistory
	must(t, json.Unmarshal([]byte(r.vmdc(done, "history", "demo", "--revision="+good, "-o", "json").stdout), &listed))
	expect(t, "revisions in JSON", len(listed.Revisions), 1)
	says(t, r.vmdc(failedCall, "history", "demo", "--revision=nothing").stderr, `there is no record of revision "nothing"`, "on record are "+bad+", "+good)

	says(t, r.vmdc(done, "undo", "demo", "--dry-run=server").stdout, "demo undone: revision "+good+" is rolled out in the place of "+bad+", which spec asks for (server dry run)")
	r.settle("demo")
	expect(t, "revision that is rolled out after a dry run", r.get("demo").Status.UpdateRevision, bad)
	says(t, r.vmdc(failedCall, "undo", "demo", "--revision=another").stderr, "revision: is another, and spec asks for "+bad+" now")
	says(t, r.vmdc(failedCall, "undo", "demo", "--to-revision=nothing").stderr, `there is no record of revision "nothing"`, good)
	says(t, r.vmdc(done, "undo", "demo", "--reason=errors in zone-a").stdout, "demo undone: revision "+good+" is rolled out in the place of "+bad)
	r.untilWentBack(good)
	says(t, r.vmdc(waitsForUser, "wait", "demo").stderr, "RevisionUndone: revision "+bad+", which spec asks for, was undone by ", "errors in zone-a")
	says(t, r.vmdc(done, "status", "demo").stdout, "Undone: RevisionUndone: revision "+bad, "undoing to the one that spec asks for")
	says(t, r.vmdc(waitsForUser, "doctor", "demo").stdout, "Blocking: object: RevisionUndone", "To do: correct the spec; or take the undoing back")
	r.untilHistory("3 Completed current=true wanted=false byUndo=true", "2 Undone current=false wanted=true byUndo=false")
	says(t, r.vmdc(done, "history", "demo").stdout, "Current,ByUndo", "Undone", "a better version; undone to "+good+" by ", ": errors in zone-a")

	var answer v1alpha1.VMDistributedClusterUndo
	must(t, json.Unmarshal([]byte(r.vmdc(done, "undo", "demo", "--to-revision="+bad, "-o", "json").stdout), &answer))
	expect(t, "revision that is gone to", answer.ToRevision, bad)
	says(t, r.vmdc(done, "undo", "demo", "--to-revision="+bad).stdout, "demo not undone any more: revision "+bad+", which spec asks for, is rolled out")
	r.vmdc(done, "wait", "demo")
}

func TestPluginSkipsAZoneAndTakesThatBack(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	stuckInZoneA(r)
	revision := r.cluster("zone-a").GetAnnotations()[victoriametrics.RevisionAnnotation]
	says(t, r.vmdc(failedCall, "skip", "demo", "zone-a").stderr, `required flag(s) "reason" not set`)
	says(t, r.vmdc(failedCall, "skip", "demo", "--reason=its disks").stderr, "takes the name of one VMDistributedCluster and that of one of its zones")
	says(t, r.vmdc(failedCall, "skip", "demo", "zone-x", "--reason=its disks").stderr, `zone: there is no zone "zone-x"`)
	says(t, r.vmdc(failedCall, "skip", "demo", "zone-a", "--reason=its disks", "--revision=another").stderr, `zone: "zone-a" is to have revision `+revision+" now, and not another")
	says(t, r.vmdc(done, "skip", "demo", "zone-a", "--reason=its disks", "--dry-run=server").stdout, "demo skipped: zone zone-a is left out of the rollout of its revision "+revision+" (server dry run)")
	expect(t, "whether a dry run has skipped it", r.hasSkipped(), false)
	r.chronicle.LeftOut(r.cluster("zone-a"))
	says(t, r.vmdc(done, "skip", "demo", "zone-a", "--reason=its disks").stdout, "demo skipped: zone zone-a is left out")
	says(t, r.vmdc(failedCall, "skip", "demo", "zone-a", "--reason=again").stderr, `"zone-a" was skipped at revision `+revision+" already, by ")

	says(t, r.vmdc(done, "wait", "demo").stdout, "runs in 2 of 3 zones: zone zone-a was skipped by ", "its disks")
	says(t, r.vmdc(waitsForUser, "wait", "demo", "--zone=zone-a").stderr, "zone zone-a of demo waits for the user: the verb retry for this zone")
	says(t, r.vmdc(done, "status", "demo").stdout, "operational; 2 of 3 zones updated", "Skipped: the verb retry for this zone", "its disks")
	says(t, r.vmdc(done, "doctor", "demo").stdout, "Note: zone zone-a: Skipped", "To do: retry with the name of the zone, or change its spec")
	says(t, r.vmdc(done, "plan", "demo").stdout, "Zone zone-a (Inline, Updating): ", "refused now by Skipped")

	says(t, r.vmdc(done, "retry", "demo", "--zone=zone-a").stdout, "demo retried: zone-a at revision "+revision)
	r.behave("zone-a")
	says(t, r.vmdc(done, "wait", "demo").stdout, "runs in all zones")
}

func TestPluginRestartsAllZones(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(threeZones("v1"))
	revision := r.untilReady("demo").Status.CurrentRevision
	says(t, r.vmdc(failedCall, "restart", "demo", "--revision=another").stderr, "revision: is another, and the object's is "+revision+" now")
	says(t, r.vmdc(done, "restart", "demo", "--dry-run=server").stdout, "demo restarted: revision "+revision+" is rolled out once more (server dry run)")
	r.settle("demo")
	r.expectUpdates()
	says(t, r.vmdc(done, "restart", "demo", "--reason=a certificate").stdout, "demo restarted: revision "+revision+" is rolled out once more\n")
	says(t, r.vmdc(done, "wait", "demo").stdout, "runs in all zones")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
	says(t, r.vmdc(done, "history", "demo").stdout, "restarted by ", ": a certificate")
}

func TestPluginPlansAChangeBeforeItIsMade(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.existing("existing", small("v1"))
	before := with(manifest("demo", inline("zone-a", small("v1")), ref("existing", nil)), "spec.strategy.updatePause", "1s")
	file := func(object fields) string {
		path := filepath.Join(t.TempDir(), "demo.yaml")
		text, err := yaml.Marshal(object)
		must(t, err)
		must(t, os.WriteFile(path, text, 0o600))
		return path
	}
	says(t, r.vmdc(done, "plan", "-f", file(before)).stdout, "Zone zone-a (Inline, Pending): Create, as number 1", "+ vmselect.replicaCount: ", "1. zone-a CreateCluster", "2. existing MarkCluster", "Estimate: none")
	r.apply(before)
	ready := r.untilReady("demo")
	says(t, r.vmdc(done, "plan", "demo").stdout, "revision "+ready.Status.UpdateRevision, "Zone zone-a (Inline, Ready): Nothing", "Steps: none")

	after := with(manifest("demo", inline("zone-a", small("v2")), ref("existing", fields{"clusterVersion": "v3"})), "spec.strategy.updatePause", "1s")
	text := r.vmdc(done, "plan", "-f", file(after)).stdout
	says(t, text, `~ clusterVersion: "v1" → "v2"`, `~ clusterVersion: "v1" → "v3"`, "1. zone-a UpdateCluster", "2. zone-a Bake: 1s", "3. existing UpdateCluster")
	r.settle("demo")
	r.expectUpdates()

	var plan v1alpha1.VMDistributedClusterPlan
	must(t, json.Unmarshal([]byte(r.vmdc(done, "plan", "-f", file(after), "-o", "json").stdout), &plan))
	r.apply(after)
	rolled := r.untilReady("demo")
	expect(t, "revision that was planned", plan.Revision, rolled.Status.UpdateRevision)
	r.expectUpdates("zone-a@2", "existing@2")

	wrong := r.vmdc(waitsForUser, "plan", "-f", file(manifest("demo", inline("zone-a", fields{"vmselect": fields{"replicaCount": "two"}}))))
	says(t, wrong.stdout, "Zone zone-a (Inline, Refused)", "refused now by InvalidDesiredState", ".spec.vmselect.replicaCount: expected numeric")
	says(t, wrong.stderr, "refused: zone-a")
	says(t, r.vmdc(failedCall, "plan").stderr, "takes either the name of a VMDistributedCluster, or -f")
}

// file writes objects into one, with comments alone before the first.
func (r *room) file(objects ...fields) string {
	r.t.Helper()
	text := []byte("# What is to come\n")
	for _, object := range objects {
		document, err := yaml.Marshal(object)
		must(r.t, err)
		text = append(append(text, "---\n"...), document...)
	}
	path := filepath.Join(r.t.TempDir(), "demo.yaml")
	must(r.t, os.WriteFile(path, text, 0o600))
	return path
}

func TestPluginPlansWhatKubectlApplyWouldBring(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	kubectl := func(args ...string) {
		t.Helper()
		cmd := r.plugin(args...)
		cmd.Args = slices.Delete(cmd.Args, 1, 2) // kubectl itself
		if result := r.run(cmd); result.code != done {
			t.Fatalf("%q ended with %d: %s%s", cmd.Args, result.code, result.stdout, result.stderr)
		}
	}
	kubectl("apply", "-f", r.file(with(threeZones("v1"), "spec.strategy.updatePause", "1s")))
	r.untilReady("demo")
	kubectl("patch", "vmdc", "demo", "--type=merge", "-p", `{"spec":{"paused":true}}`)

	after := r.file(threeZones("v2"))
	text := r.vmdc(done, "plan", "-f", after).stdout
	says(t, text, "Held: Paused: waits for spec.paused to be taken back", `~ clusterVersion: "v1" → "v2"`)
	if strings.Contains(text, "Bake") {
		t.Errorf("what the manifest does not say any more is planned:\n%s", text)
	}
	planner := "plans-in-" + r.namespace
	r.grant(planner, rbacv1.PolicyRule{Verbs: []string{"create"}, APIGroups: []string{"*"}, Resources: []string{"vmdistributedclusters/plan"}})
	alone := r.vmdc(done, "plan", "-f", after, "--as="+planner)
	says(t, alone.stderr, "Warning: planned as if the manifest took the place of the object", `cannot get resource "vmdistributedclusters"`)

	var plan v1alpha1.VMDistributedClusterPlan
	must(t, json.Unmarshal([]byte(r.vmdc(done, "plan", "-f", after, "-o", "json").stdout), &plan))
	kubectl("apply", "-f", after)
	object := r.settle("demo")
	expect(t, "revision that was planned", plan.Revision, object.Status.UpdateRevision)
	expect(t, "spec.paused after kubectl apply", object.Spec.Paused, true)
}

func TestPluginPlansAllObjectsOfAFile(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	one := manifest("one", inline("zone-a", small("v1")))
	two := manifest("two", inline("zone-b", small("v1")))
	both := r.file(one, two)
	says(t, r.vmdc(done, "plan", "-f", both).stdout, "VMDistributedCluster "+r.namespace+"/one,", "1. zone-a CreateCluster",
		"VMDistributedCluster "+r.namespace+"/two,", "1. zone-b CreateCluster")
	var plans struct {
		Kind  string
		Items []v1alpha1.VMDistributedClusterPlan
	}
	must(t, json.Unmarshal([]byte(r.vmdc(done, "plan", "-f", both, "-o", "json").stdout), &plans))
	expect(t, "kind in JSON", plans.Kind, "List")
	expect(t, "plans in JSON", len(plans.Items), 2)
	expect(t, "kind of a plan in JSON", plans.Items[1].Kind, "VMDistributedClusterPlan")

	wrong := manifest("two", inline("zone-b", fields{"vmselect": fields{"replicaCount": "two"}}))
	says(t, r.vmdc(waitsForUser, "plan", "-f", r.file(one, wrong)).stderr, "refused: zone-b of two")
	says(t, r.vmdc(failedCall, "plan", "-f", r.file(one, manifest("two"))).stderr, "planning VMDistributedCluster "+r.namespace+"/two: ")
	other := fields{"apiVersion": "v1", "kind": "ConfigMap", "metadata": fields{"name": "two"}}
	says(t, r.vmdc(failedCall, "plan", "-f", r.file(one, other)).stderr, `it holds "ConfigMap" "two", want VMDistributedClusters with a name and nothing else`)
	says(t, r.vmdc(failedCall, "plan", "-f", r.file()).stderr, "it is empty")
}
