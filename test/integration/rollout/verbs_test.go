// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	distributedv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/aborts"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

var dryRun = metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}

// abort calls the present change off.
func (r *room) abort(reason string) *v1alpha1.VMDistributedClusterAbort {
	r.t.Helper()
	said, err := r.own.Abort(r.t.Context(), "demo", &v1alpha1.VMDistributedClusterAbort{Reason: reason}, metav1.CreateOptions{})
	must(r.t, err)
	return said
}

// retry lets it go on.
func (r *room) retry() {
	r.t.Helper()
	_, err := r.own.Retry(r.t.Context(), "demo", &v1alpha1.VMDistributedClusterRetry{}, metav1.CreateOptions{})
	must(r.t, err)
}

// promotion is the user's word for zones, or for all that wait for it.
func promotion(zones ...string) *v1alpha1.VMDistributedClusterPromotion {
	body := &v1alpha1.VMDistributedClusterPromotion{Reason: "looked at the queues"}
	for _, zone := range zones {
		body.Zones = append(body.Zones, v1alpha1.ZoneRevision{Name: zone})
	}
	return body
}

// expectRefused wants a conflict that says why.
func expectRefused(t *testing.T, what string, err error, parts ...string) {
	t.Helper()
	if !apierrors.IsConflict(err) {
		t.Errorf("%s: %v, want a conflict", what, err)
		return
	}
	expectContains(t, what, err.Error(), parts...)
}

// stuckInTheMiddle has zones at v1, and a rollout of v2 that hangs at the first.
func stuckInTheMiddle(t *testing.T) *room {
	t.Helper()
	t.Parallel()
	r := newRoom(t)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator")
	return r
}

func TestAbortHoldsTheRolloutUntilRetry(t *testing.T) {
	r := stuckInTheMiddle(t)
	said := r.abort("errors in zone-a")
	expect(t, "revision that was called off", said.Revision, r.get("demo").Status.UpdateRevision)
	expect(t, "name in the answer", said.Namespace+"/"+said.Name, r.namespace+"/demo")
	r.behave("zone-a") // what was written is brought to its end
	r.untilZone("demo", "zone-a", "Ready", "UpToDate")
	waits := r.untilZone("demo", "zone-b", "Pending", "RolloutAborted", "the verb retry or another revision", " by ", `"errors in zone-a"`)
	expectContains(t, "who", waits.WaitingFor, r.get("demo").Status.Words[0].By)
	r.settle("demo")
	r.expectUpdates("zone-a@2")

	r.retry()
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

func TestManifestThatIsAppliedAgainStaysCalledOffAndAnotherOneGoesOn(t *testing.T) {
	r := stuckInTheMiddle(t)
	r.abort("")
	r.behave("zone-a")
	r.untilZone("demo", "zone-b", "Pending", "RolloutAborted")
	for range 2 {
		r.apply(threeZones("v2"))
		r.settle("demo")
	}
	r.expectUpdates("zone-a@2")

	r.apply(threeZones("v3"))
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-a@3", "zone-b@2", "zone-c@2")
	r.apply(threeZones("v2")) // by Git, say
	r.untilZone("demo", "zone-a", "Pending", "RolloutAborted")
	r.settle("demo")
	r.expectUpdates("zone-a@2", "zone-a@3", "zone-b@2", "zone-c@2")
}

func TestZoneOfAChangeThatWasCalledOffIsNotCreated(t *testing.T) {
	r := stuckInTheMiddle(t)
	four := threeZones("v2")
	zones, _ := four["spec"].(fields)["zones"].(fields)
	zones["vmclusters"] = append(zones["vmclusters"].(list), inline("zone-d", small("v2")))
	r.patch("demo", fields{"spec": fields{"paused": true}})
	r.apply(four)
	r.abort("")
	r.patch("demo", fields{"spec": fields{"paused": false}})
	r.untilZone("demo", "zone-d", "Pending", "RolloutAborted")
	r.settle("demo")
	r.expectCreated("zone-a", "zone-b", "zone-c")
	r.retry()
	r.untilZone("demo", "zone-d", "Ready", "UpToDate")
}

func TestRetryTriesAZoneAgainThatHasRunOutOfTime(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	soon := func(version string) fields { return with(threeZones(version), "spec.strategy.readyTimeout", "1s") }
	r.apply(soon("v1"))
	r.untilReady("demo")
	r.misbehave("zone-a", standin.Stuck)
	r.apply(soon("v2"))
	r.untilZone("demo", "zone-a", "Failed", "ReadyTimeout")
	before := r.get("demo")
	r.retry()
	after := r.get("demo")
	expect(t, "generation", after.Generation, before.Generation)
	if begun := zoneOf(after, "zone-a").UpdateStarted; !zoneOf(before, "zone-a").UpdateStarted.Before(begun) {
		t.Errorf("time runs since %s, want it to run anew", begun)
	}
	r.behave("zone-a")
	r.untilReady("demo")
}

// unclear has a rollout of v2 whose queues can't be told, since the VMAgent shards.
func unclear(t *testing.T) *room {
	t.Helper()
	t.Parallel()
	r := newRoom(t)
	var to list
	for _, zone := range []string{"zone-a", "zone-b", "zone-c"} {
		to = append(to, fields{"url": fmt.Sprintf("http://vminsert-%s.%s.svc:8480/insert/0/prometheus/api/v1/write", zone, r.namespace)})
	}
	r.create(agentResource, "VMAgent", "agent", fields{"remoteWrite": to, "extraArgs": fields{"remoteWrite.shardByURL": "true"}})
	r.apply(sharded("v1"))
	r.untilReady("demo")
	r.apply(sharded("v2"))
	r.untilZone("demo", "zone-a", "Pending", "QueuesUnclear", "the user's word for zone zone-a")
	return r
}

func sharded(version string) fields { return with(threeZones(version), "spec.vmagent.name", "agent") }

func TestPromotePassesOneGateOrAll(t *testing.T) {
	r := unclear(t)
	said, err := r.own.Promote(t.Context(), "demo", promotion("zone-a"), metav1.CreateOptions{})
	must(t, err)
	if len(said.Zones) != 1 || said.Zones[0].Name != "zone-a" || said.Zones[0].Revision == "" {
		t.Errorf("the word is for %v, want zone-a with its revision", said.Zones)
	}
	r.untilZone("demo", "zone-a", "Ready", "UpToDate")
	r.untilZone("demo", "zone-b", "Pending", "QueuesUnclear")
	r.settle("demo")
	r.expectUpdates("zone-a@2")

	// All that wait: the next one, and the one after it once its turn has come.
	for _, zone := range []string{"zone-b", "zone-c"} {
		r.untilZone("demo", zone, "Pending", "QueuesUnclear")
		said, err := r.own.Promote(t.Context(), "demo", promotion(), metav1.CreateOptions{})
		must(t, err)
		if !slices.ContainsFunc(said.Zones, func(z v1alpha1.ZoneRevision) bool { return z.Name == zone }) {
			t.Errorf("the word is for %v, want %s among them", said.Zones, zone)
		}
		if len(said.Zones) > 1 {
			break
		}
	}
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

func TestWhoMayPromoteCanDoNothingElseAndIsNamedInTheAuditLog(t *testing.T) {
	r := unclear(t)
	admin := r.own
	promoter := "promoter-of-" + r.namespace
	rule := func(resources, verbs string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{"operator.victoriametrics.com"}, Resources: strings.Fields(resources), Verbs: strings.Fields(verbs)}
	}
	r.workAs(promoter, []rbacv1.PolicyRule{
		rule("vmdistributedclusters", "get list"), rule("vmdistributedclusters/promote", "create"), rule("vmclusters vmusers vmagents", "get update patch"),
	})
	_, err := r.own.Patch(t.Context(), "demo", types.MergePatchType, []byte(`{"spec":{"paused":true}}`), metav1.PatchOptions{})
	_, abortErr := r.own.Abort(t.Context(), "demo", &v1alpha1.VMDistributedClusterAbort{}, metav1.CreateOptions{})
	_, retryErr := r.own.Retry(t.Context(), "demo", &v1alpha1.VMDistributedClusterRetry{}, metav1.CreateOptions{})
	_, undoErr := r.own.Undo(t.Context(), "demo", &v1alpha1.VMDistributedClusterUndo{}, metav1.CreateOptions{})
	_, skipErr := r.own.Skip(t.Context(), "demo", &v1alpha1.VMDistributedClusterSkip{Zone: "zone-a", Reason: "none"}, metav1.CreateOptions{})
	_, restartErr := r.own.Restart(t.Context(), "demo", &v1alpha1.VMDistributedClusterRestart{}, metav1.CreateOptions{})
	_, statusErr := r.own.UpdateStatus(t.Context(), r.get("demo"), metav1.UpdateOptions{})
	_, createErr := r.own.Create(t.Context(), &v1alpha1.VMDistributedCluster{ObjectMeta: metav1.ObjectMeta{Name: "another"}}, metav1.CreateOptions{})
	for what, err := range map[string]error{
		"edit": err, "abort": abortErr, "retry": retryErr, "undo": undoErr, "skip": skipErr, "restart": restartErr, "status": statusErr, "create": createErr,
		"delete": r.own.Delete(t.Context(), "demo", metav1.DeleteOptions{}),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s: %v, want it forbidden", what, err)
		}
	}
	_, err = r.own.Promote(t.Context(), "demo", promotion("zone-a"), metav1.CreateOptions{})
	must(t, err)
	r.own = admin
	r.untilZone("demo", "zone-a", "Ready", "UpToDate")
	word := r.get("demo").Status.Words[0]
	if word.By != promoter || word.Verb != v1alpha1.WordPromote || word.Zone != "zone-a" || word.At.IsZero() || word.Reason != "looked at the queues" {
		t.Errorf("what was said is remembered as %+v", word)
	}
	poll(t, "the audit log to name them", func(context.Context) string {
		for _, event := range audited(t, promoter) {
			if event.ObjectRef.Subresource == "promote" && event.ObjectRef.Name == "demo" && event.ResponseStatus.Code == 201 {
				return ""
			}
		}
		return "it does not"
	})
}

// TestPromotingNeedsTheRightsToWhatFollows: who may say the word, and not change the
// VMClusters, can't have the server do that.
func TestPromotingNeedsTheRightsToWhatFollows(t *testing.T) {
	r := unclear(t)
	admin := r.own
	ours := []string{"vmdistributedclusters", "vmdistributedclusters/promote", "vmdistributedclusters/abort", "vmdistributedclusters/retry"}
	r.workAs("half-of-"+r.namespace, []rbacv1.PolicyRule{{APIGroups: []string{"operator.victoriametrics.com"}, Resources: ours, Verbs: []string{"*"}}})
	_, err := r.own.Promote(t.Context(), "demo", promotion("zone-a"), metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) {
		t.Fatalf("%v, want it forbidden", err)
	}
	expectContains(t, "the refusal", err.Error(), "vmclusters", "zone-a", "the verb promote")
	r.abort("may be said by all who have the right to the verb: no VMUser is listed")
	r.own = admin
	r.settle("demo")
	r.expectUpdates()
}

// audited are the verbs that a user has said, as kube-apiserver wrote them down.
func audited(t *testing.T, user string) (events []auditv1.Event) {
	t.Helper()
	file, err := os.Open(shared.control.LogOf("audit"))
	must(t, err)
	defer func() { must(t, file.Close()) }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event auditv1.Event
		if json.Unmarshal(lines.Bytes(), &event) == nil && event.User.Username == user && event.ObjectRef != nil && event.ResponseStatus != nil {
			events = append(events, event) // the last line may be on its way
		}
	}
	must(t, lines.Err())
	return events
}

func TestDryRunOfAVerbChangesNothing(t *testing.T) {
	r := unclear(t)
	r.settle("demo")
	before := r.get("demo")
	promoted, err := r.own.Promote(t.Context(), "demo", promotion(), dryRun)
	must(t, err)
	if len(promoted.Zones) == 0 || promoted.Zones[0].Revision == "" {
		t.Errorf("it would be for %v, want the zones with their revisions", promoted.Zones)
	}
	called, err := r.own.Abort(t.Context(), "demo", &v1alpha1.VMDistributedClusterAbort{}, dryRun)
	must(t, err)
	expect(t, "revision that would be called off", called.Revision, before.Status.UpdateRevision)
	_, err = r.own.Retry(t.Context(), "demo", &v1alpha1.VMDistributedClusterRetry{}, dryRun)
	expectRefused(t, "retry", err, "there is nothing to try again")
	expect(t, "resourceVersion", r.get("demo").ResourceVersion, before.ResourceVersion)
	expect(t, "what is remembered", r.remembered(controlplane.ServerNamespace), "")
}

// remembered is what the host cluster remembers of the object in a server's namespace.
func (r *room) remembered(namespace string) string {
	r.t.Helper()
	found, err := shared.kubernetes.CoreV1().ConfigMaps(namespace).Get(r.t.Context(), aborts.ConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return ""
	}
	must(r.t, err)
	return found.Data[r.namespace+".demo"]
}

func TestVerbsThatFitNothingSayWhy(t *testing.T) {
	r := unclear(t)
	promote := func(zones ...v1alpha1.ZoneRevision) error {
		_, err := r.own.Promote(t.Context(), "demo", &v1alpha1.VMDistributedClusterPromotion{Zones: zones}, metav1.CreateOptions{})
		return err
	}
	called := func(change func(*v1alpha1.VMDistributedClusterAbort)) error {
		body := &v1alpha1.VMDistributedClusterAbort{}
		change(body)
		_, err := r.own.Abort(t.Context(), "demo", body, metav1.CreateOptions{})
		return err
	}
	expectRefused(t, "unknown zone", promote(v1alpha1.ZoneRevision{Name: "zone-x"}), `there is no zone "zone-x"`)
	expectRefused(t, "stale revision", promote(v1alpha1.ZoneRevision{Name: "zone-a", Revision: "0123456789"}), `"zone-a" is to have revision 0123456789, and `)
	expectRefused(t, "one of two is unknown", promote(v1alpha1.ZoneRevision{Name: "zone-a"}, v1alpha1.ZoneRevision{Name: "zone-x"}), `there is no zone "zone-x"`)
	expectRefused(t, "stale revision of all", called(func(b *v1alpha1.VMDistributedClusterAbort) { b.Revision = "0123456789" }), "is 0123456789, and the object's is ")
	expectRefused(t, "stale version", called(func(b *v1alpha1.VMDistributedClusterAbort) { b.ResourceVersion = "1" }), "metadata.resourceVersion: is 1")
	if err := called(func(b *v1alpha1.VMDistributedClusterAbort) { b.Name = "other" }); !apierrors.IsBadRequest(err) {
		t.Errorf("another name: %v, want a bad request", err)
	}
	if err := called(func(b *v1alpha1.VMDistributedClusterAbort) { b.Reason = strings.Repeat("x", 1025) }); !apierrors.IsInvalid(err) {
		t.Errorf("a long reason: %v, want it to be invalid", err)
	}
	if _, err := r.own.Abort(t.Context(), "absent", &v1alpha1.VMDistributedClusterAbort{}, metav1.CreateOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("an object that is not there: %v, want it to be not found", err)
	}
	if words := r.get("demo").Status.Words; len(words) != 0 {
		t.Errorf("what was refused is remembered: %v", words)
	}
	_, err := r.own.Promote(t.Context(), "demo", promotion(), metav1.CreateOptions{})
	must(t, err)
	expectRefused(t, "retry of what goes on", func() error {
		_, err := r.own.Retry(t.Context(), "demo", &v1alpha1.VMDistributedClusterRetry{}, metav1.CreateOptions{})
		return err
	}(), "there is nothing to try again")
}

func TestNobodyCanWriteWhatUsersHaveSaid(t *testing.T) {
	r := stuckInTheMiddle(t)
	forged := []byte(`{"status":{"words":[{"verb":"Promote","zone":"zone-b","revision":"0123456789","by":"admin"}]}}`)
	for _, subresource := range []string{"", "status"} {
		var under []string
		if subresource != "" {
			under = append(under, subresource)
		}
		_, err := r.own.Patch(t.Context(), "demo", types.MergePatchType, forged, metav1.PatchOptions{}, under...)
		must(t, err)
		if words := r.get("demo").Status.Words; len(words) != 0 {
			t.Errorf("through %q came %v", subresource, words)
		}
	}
}

// TestNoVerbIsLostThoughTheyRace with each other, with edits and with the controller: each
// that was accepted is remembered, and once all is said, the abort holds.
func TestNoVerbIsLostThoughTheyRace(t *testing.T) {
	r := unclear(t)
	var group sync.WaitGroup
	var promoted atomic.Bool
	for i := range 8 {
		group.Go(func() {
			// Where an edit has not been looked at, or the abort has, there is no waiting
			// for a word.
			switch _, err := r.own.Promote(t.Context(), "demo", promotion("zone-a"), metav1.CreateOptions{}); {
			case err == nil:
				promoted.Store(true)
			case !apierrors.IsConflict(err):
				t.Errorf("promote: %v", err)
			}
		})
		group.Go(func() {
			_, err := r.own.Abort(t.Context(), "demo", &v1alpha1.VMDistributedClusterAbort{Reason: fmt.Sprint(i)}, metav1.CreateOptions{})
			if err != nil {
				t.Errorf("abort: %v", err)
			}
		})
		group.Go(func() {
			body := fmt.Appendf(nil, `{"metadata":{"labels":{"try":"%d"}},"spec":{"strategy":{"updatePause":"%dms"}}}`, i, i)
			if _, err := r.own.Patch(t.Context(), "demo", types.MergePatchType, body, metav1.PatchOptions{}); err != nil {
				t.Errorf("edit: %v", err)
			}
		})
	}
	group.Wait()
	object := r.settle("demo")
	for verb, accepted := range map[v1alpha1.WordVerb]bool{v1alpha1.WordPromote: promoted.Load(), v1alpha1.WordAbort: true} {
		if accepted && !slices.ContainsFunc(object.Status.Words, func(w v1alpha1.Word) bool { return w.Verb == verb }) {
			t.Errorf("%s is lost: %v", verb, object.Status.Words)
		}
	}
	r.until("demo", "held", func(object *own) string {
		if slices.ContainsFunc(object.Status.Zones, func(z v1alpha1.ZoneStatus) bool { return z.Reason == "RolloutAborted" }) {
			return ""
		}
		return fmt.Sprintf("%+v", object.Status.Zones)
	})
}

func TestVerbsAreThereInBothGroups(t *testing.T) {
	r := stuckInTheMiddle(t)
	config, err := shared.server.ConfigFor("tester", "system:masters")
	must(t, err)
	client, err := versioned.NewForConfig(config)
	must(t, err)
	second := client.DistributedV1alpha1().VMDistributedClusters(r.namespace)
	said, err := second.Abort(t.Context(), "demo", &distributedv1alpha1.VMDistributedClusterAbort{Reason: "by the other group"}, metav1.CreateOptions{})
	must(t, err)
	expect(t, "apiVersion of the answer", said.Revision, r.get("demo").Status.UpdateRevision)
	r.untilZone("demo", "zone-b", "Pending", "RolloutAborted", "by the other group")
	_, err = second.Promote(t.Context(), "demo", &distributedv1alpha1.VMDistributedClusterPromotion{}, metav1.CreateOptions{})
	expectRefused(t, "promote", err, "vmdistributedclusters.distributed.victoriametrics.com", "no zone waits for the user's word")
	_, err = second.Retry(t.Context(), "demo", &distributedv1alpha1.VMDistributedClusterRetry{}, metav1.CreateOptions{})
	must(t, err)
	r.behave("zone-a")
	r.untilReady("demo")
}

// TestAbortOutlivesTheStore: the store is lost, another one accepted, and the manifest
// applied again. What was called off before still is.
func TestAbortOutlivesTheStore(t *testing.T) {
	t.Parallel()
	r, server, namespace := ownRoom(t, "aborts")
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.misbehave("zone-a", standin.Stuck)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator")
	r.abort("errors in zone-a")
	r.behave("zone-a")
	r.untilZone("demo", "zone-b", "Pending", "RolloutAborted")
	expectContains(t, "what is remembered", r.remembered(namespace), r.get("demo").Status.UpdateRevision, "errors in zone-a")

	r.loseStore(server)
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-b", "Pending", "RolloutAborted", `"errors in zone-a"`)
	r.settle("demo")
	r.expectUpdates("zone-a@2")

	r.retry()
	expect(t, "what is remembered", r.remembered(namespace), "")
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")

	// Who deletes an object begins anew with the next one.
	r.abort("")
	if r.remembered(namespace) == "" {
		t.Error("the second abort is not remembered")
	}
	r.delete("demo")
	r.untilGone("demo")
	r.untilForgotten(namespace) // which comes after the object is gone
}
