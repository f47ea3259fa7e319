// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package promise

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	typed "github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned/typed/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/dataplane"
)

const (
	name      = "demo"
	token     = "reader-token"
	samples   = 200 // per second
	queries   = 50  // per second, by each of the readers
	tick      = 100 * time.Millisecond
	fieldName = "promise-test"
	// agentLines are how many of the last lines of a VMAgent are shown of a broken promise.
	agentLines = 40
)

var zones = []string{"zone-a", "zone-b", "zone-c"}

// room is a namespace with three zones that one VMDistributedCluster defines, a
// VMAgent and a VMAuth of two replicas each, and two VMUsers: one that reads from
// all zones, and one that reads from zone-a alone.
type room struct {
	*site
	t         *testing.T
	namespace string
	clusters  typed.VMDistributedClusterInterface
	// zones are those that are written to, users those who read, agent is what writes.
	zones, users []string
	agent        string
	writer       *dataplane.Writer
	readers      []*dataplane.Reader
	// patience ends a wait for what does not come.
	patience time.Duration
}

func newRoom(t *testing.T) *room {
	t.Helper()
	return newRoomOf(t, shared)
}

// newRoomOf makes one at a site whose server is another.
func newRoomOf(t *testing.T, site *site) *room {
	t.Helper()
	r := emptyRoom(t, site)
	r.zones, r.users, r.agent = zones, []string{"everywhere", "zone-a"}, "main"
	t.Cleanup(r.leave)
	r.furnish()
	return r
}

func emptyRoom(t *testing.T, site *site) *room {
	t.Helper()
	namespace, err := site.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "promise-"}}, metav1.CreateOptions{})
	must(t, err)
	return &room{site: site, t: t, patience: patience, namespace: namespace.Name, clusters: site.own.OperatorV1alpha1().VMDistributedClusters(namespace.Name)}
}

// furnish makes everything and waits until it serves.
func (r *room) furnish() {
	r.t.Helper()
	r.apply(0)
	refs := make([]string, len(zones))
	for i, zone := range zones {
		refs[i] = fmt.Sprintf("{name: %s, namespace: %s}", zone, r.namespace)
	}
	r.createPaths()
	r.untilReady()
	r.create("VMUser", "everywhere", fmt.Sprintf(`{bearerToken: %s-everywhere, targetRefs: [
		{crd: {kind: VMCluster/vmselect, name: %s, namespace: %s, objects: [%s]}}]}`, token, zones[0], r.namespace, strings.Join(refs[1:], ", ")))
	r.create("VMUser", "zone-a", fmt.Sprintf(`{bearerToken: %s-zone-a, targetRefs: [
		{crd: {kind: VMCluster/vmselect, name: zone-a, namespace: %s}}]}`, token, r.namespace))
	r.untilPathsServe()
	r.untilReady()
}

// createPaths makes a VMAgent that writes to all zones, and a VMAuth.
func (r *room) createPaths() {
	r.t.Helper()
	remoteWrites := make([]string, len(r.zones))
	for i, zone := range r.zones {
		remoteWrites[i] = fmt.Sprintf("{url: 'http://vminsert-%s.%s.svc:8480/insert/multitenant/prometheus/api/v1/write'}", zone, r.namespace)
	}
	r.create("VMAgent", r.agent, fmt.Sprintf(`{replicaCount: 2, selectAllByDefault: true, remoteWrite: [%s],
		extraArgs: {remoteWrite.retryMaxInterval: 2s, remoteWrite.sendTimeout: 5s}}`, strings.Join(remoteWrites, ", ")))
	r.create("VMAuth", "main", `{replicaCount: 2, userSelector: {}}`)
}

// untilPathsServe waits until every replica of VMAuth answers every VMUser.
func (r *room) untilPathsServe() {
	r.t.Helper()
	for _, user := range r.users {
		r.untilOperational("VMUser", user)
	}
	r.untilOperational("VMAgent", r.agent)
	for _, user := range r.users {
		for _, replica := range r.plane.AuthURLs(r.namespace, "main") {
			r.until(fmt.Sprintf("%s knows VMUser %s", replica, user), func() (bool, string) { return r.answers(replica, user) })
		}
	}
}

// answers is true where a replica of VMAuth answers a query of a VMUser.
func (r *room) answers(replica, user string) (bool, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, replica+"/select/0/prometheus/api/v1/query?query=1", nil)
	must(r.t, err)
	request.Header.Set("Authorization", "Bearer "+token+"-"+user)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK, response.Status
}

// load writes and reads until the test ends.
func (r *room) load() {
	r.t.Helper()
	var err error
	r.writer, err = dataplane.NewWriter(r.t.Context(), r.plane.AgentURLs(r.namespace, r.agent), fmt.Sprintf("seq{room=%q}", r.namespace), samples)
	must(r.t, err)
	for _, zone := range r.zones {
		ctx, cancel := context.WithTimeout(r.t.Context(), patience)
		must(r.t, r.plane.UntilShown(ctx, r.namespace, zone, r.writer))
		cancel()
	}
	for _, user := range r.users {
		reader, err := dataplane.NewReader(r.t.Context(), r.writer, dataplane.ReaderOptions{
			Targets: r.plane.AuthURLs(r.namespace, "main"), Token: token + "-" + user, Rate: queries,
		})
		must(r.t, err)
		r.t.Cleanup(reader.Stop)
		r.readers = append(r.readers, reader)
	}
}

// concludes ends the load and counts what it met.
func (r *room) conclude() (reads dataplane.ReadCounts, missing int) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	must(r.t, r.writer.Stop(ctx))
	for _, reader := range r.readers {
		reader.Stop()
		for _, problem := range reader.Problems() {
			r.t.Logf("%s read: %s", problem.Time.Format(time.TimeOnly), problem.Text)
		}
	}
	reads = r.reads()
	for _, zone := range r.zones {
		r.until("all samples are in "+zone, func() (bool, string) {
			gaps, err := r.plane.Audit(ctx, r.namespace, zone, r.writer)
			missing = dataplane.Missing(gaps)
			return err == nil && missing == 0, fmt.Sprint(gaps, err)
		})
	}
	return reads, missing
}

// reads counts what all readers have met so far.
func (r *room) reads() (all dataplane.ReadCounts) {
	for _, reader := range r.readers {
		counts := reader.Counts()
		all.OK, all.Failed, all.Incomplete = all.OK+counts.OK, all.Failed+counts.Failed, all.Incomplete+counts.Incomplete
	}
	return all
}

// keepPromise ends the load, of which nothing may have failed.
func (r *room) keepPromise() {
	r.t.Helper()
	reads, missing := r.conclude()
	r.tell("reads: %d ok, %d failed, %d incomplete; samples: %d written, %d missing in any zone", reads.OK, reads.Failed, reads.Incomplete, r.writer.Written(), missing)
	if reads.OK == 0 || reads.Failed+reads.Incomplete > 0 || missing > 0 || r.writer.Written() == 0 {
		r.t.Error("the promise is broken")
		r.tellStory()
	}
}

// tellStory logs what was told of the object, and what the VMAgents say of what they
// could not send: a zone is behind for one or the other.
func (r *room) tellStory() {
	r.t.Helper()
	told, err := r.kubernetes.CoreV1().Events(r.namespace).List(r.t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + name})
	must(r.t, err)
	for _, event := range told.Items {
		r.t.Logf("%s %s: %s", event.LastTimestamp.Format(time.TimeOnly), event.Reason, event.Message)
	}
	for replica := range r.plane.AgentURLs(r.namespace, r.agent) {
		log, err := r.plane.LogOf(r.namespace, dataplane.AgentPod(r.agent, replica), agentLines)
		must(r.t, err)
		r.t.Log(log)
	}
}

// tell says something in the log, and to whoever runs the tests.
func (r *room) tell(format string, args ...any) {
	r.t.Helper()
	line := fmt.Sprintf(format, args...)
	r.t.Log(line)
	findings.Add(r.t.Name() + ": " + line)
}

// apply writes the VMDistributedCluster, its zones in some version.
func (r *room) apply(version int) {
	r.t.Helper()
	var entries []string
	for _, zone := range zones {
		entries = append(entries, fmt.Sprintf("{name: %s, spec: {vmselect: {replicaCount: 2, extraArgs: {search.maxUniqueTimeseries: '%d'}}, vminsert: {}, vmstorage: {}}}", zone, 100000+version))
	}
	body := fmt.Sprintf(`{apiVersion: operator.victoriametrics.com/v1alpha1, kind: VMDistributedCluster, metadata: {name: %s}, spec: {
		vmagent: {name: main}, vmusers: [{name: everywhere}, {name: zone-a}],
		strategy: {updatePause: 0s, readyTimeout: 30s, drain: {gracePeriod: 5s}, flush: {stableFor: 3s}},
		zones: {vmclusters: [%s]}}}`, name, strings.Join(entries, ", "))
	raw, err := yaml.YAMLToJSON([]byte(strings.ReplaceAll(body, "\t", " ")))
	must(r.t, err)
	force := true
	_, err = r.clusters.Patch(r.t.Context(), name, types.ApplyPatchType, raw, metav1.PatchOptions{FieldManager: fieldName, Force: &force, FieldValidation: metav1.FieldValidationStrict})
	must(r.t, err)
}

// object returns the VMDistributedCluster.
func (r *room) object() *v1alpha1.VMDistributedCluster {
	r.t.Helper()
	object, err := r.clusters.Get(r.t.Context(), name, metav1.GetOptions{})
	must(r.t, err)
	return object
}

// untilStatusOf waits for something about a status that is about the present
// generation.
func (r *room) untilStatusOf(what string, is func(*v1alpha1.VMDistributedCluster) bool) {
	r.t.Helper()
	r.untilStatusOfObject(name, what, is)
}

func (r *room) untilStatusOfObject(name, what string, is func(*v1alpha1.VMDistributedCluster) bool) {
	r.t.Helper()
	r.until(what, func() (bool, string) {
		object, err := r.clusters.Get(r.t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error() // the server may be on its way up
		}
		status, _ := json.Marshal(object.Status)
		return object.Status.ObservedGeneration == object.Generation && is(object), string(status)
	})
}

func (r *room) untilReady() {
	r.t.Helper()
	r.untilObjectReady(name)
}

func (r *room) untilObjectReady(name string) {
	r.t.Helper()
	r.untilStatusOfObject(name, "the rollout of "+name+" is complete", func(object *v1alpha1.VMDistributedCluster) bool {
		return meta.IsStatusConditionTrue(object.Status.Conditions, "Ready") && object.Status.UpdateStatus == "operational"
	})
}

// untilPhase waits for a zone to be in a phase.
func (r *room) untilPhase(zone string, phase v1alpha1.ZonePhase) {
	r.t.Helper()
	r.untilStatusOf(fmt.Sprintf("%s is %s", zone, phase), func(object *v1alpha1.VMDistributedCluster) bool {
		return phaseOf(object, zone) == phase
	})
}

func phaseOf(object *v1alpha1.VMDistributedCluster, zone string) v1alpha1.ZonePhase {
	for _, status := range object.Status.Zones {
		if status.Name == zone {
			return status.Phase
		}
	}
	return ""
}

// leave deletes what the room was furnished with, so that its processes are in
// nobody's way.
func (r *room) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.tellStatus(name)
	for _, kind := range []string{"vmusers", "vmauths", "vmagents"} {
		if err := r.objects.Resource(resource(kind)).Namespace(r.namespace).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			r.t.Error(err)
		}
	}
	if err := r.clusters.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		r.t.Error(err)
	}
}

// tellStatus logs the status of an object where the test has failed.
func (r *room) tellStatus(name string) {
	if !r.t.Failed() {
		return
	}
	if object, err := r.clusters.Get(context.Background(), name, metav1.GetOptions{}); err == nil {
		status, _ := json.MarshalIndent(object.Status, "", " ")
		r.t.Logf("status of %s at the end: %s", name, status)
	}
}

func resource(plural string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: plural}
}

func (r *room) of(kind string) dynamic.ResourceInterface {
	return r.objects.Resource(resource(strings.ToLower(kind) + "s")).Namespace(r.namespace)
}

func (r *room) create(kind, name, spec string) {
	r.t.Helper()
	object := &unstructured.Unstructured{}
	must(r.t, yaml.Unmarshal([]byte(strings.ReplaceAll(fmt.Sprintf(
		"{apiVersion: operator.victoriametrics.com/v1beta1, kind: %s, metadata: {name: %s}, spec: %s}", kind, name, spec), "\t", " ")), &object.Object))
	_, err := r.of(kind).Create(r.t.Context(), object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	must(r.t, err)
}

// patch merges a change into an object of the operator's.
func (r *room) patch(kind, name, change string) {
	r.t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(strings.ReplaceAll(change, "\t", " ")))
	must(r.t, err)
	_, err = r.of(kind).Patch(r.t.Context(), name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: fieldName})
	must(r.t, err)
}

// merge patches the VMDistributedCluster.
func (r *room) merge(change string) {
	r.t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(change))
	must(r.t, err)
	_, err = r.clusters.Patch(r.t.Context(), name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: "user"})
	must(r.t, err)
}

// owner is what drain records name.
func (r *room) owner() types.NamespacedName {
	return types.NamespacedName{Namespace: r.namespace, Name: name}
}

// get returns an object of the operator's.
func (r *room) get(kind, name string) *unstructured.Unstructured {
	r.t.Helper()
	object, err := r.of(kind).Get(r.t.Context(), name, metav1.GetOptions{})
	must(r.t, err)
	return object
}

// untilOperational waits for the updateStatus of an object's present generation.
func (r *room) untilOperational(kind, name string) {
	r.t.Helper()
	r.until(fmt.Sprintf("%s %s is operational", kind, name), func() (bool, string) {
		object := r.get(kind, name)
		status, _, _ := unstructured.NestedString(object.Object, "status", "updateStatus")
		observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
		return status == "operational" && observed == object.GetGeneration(), fmt.Sprint(object.Object["status"])
	})
}

// until waits for something, and says what it saw last if that does not come.
func (r *room) until(what string, is func() (bool, string)) {
	r.t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(r.t.Context(), tick, r.patience, true, func(context.Context) (done bool, err error) {
		done, last = is()
		return done, nil
	})
	if err != nil {
		r.t.Fatalf("waiting until %s: %v; last: %s", what, err, last)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
