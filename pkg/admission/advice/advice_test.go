// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/wording"
)

const (
	list       = "spec.zones.vmclusters"
	annotation = "distributed.victoriametrics.com/"

	clusterB = `
kind: VMCluster
metadata: {name: zone-b, namespace: monitoring, generation: 1, resourceVersion: "1"}
spec: {retentionPeriod: "1", vmstorage: {replicaCount: 2, storage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 10Gi}}}}}}, vmselect: {}, vminsert: {}}`
	storage     = `{"retentionPeriod":"1","vmstorage":{"replicaCount":2},"vmselect":{},"vminsert":{}}`
	moreSelects = `{"retentionPeriod":"1","vmstorage":{"replicaCount":2},"vmselect":{"replicaCount":3},"vminsert":{}}`
	noon        = "2026-05-01T12:00:00Z"
)

// user is a VMUser with targets.
func user(name, targets string) string {
	namespace, name, found := strings.Cut(name, "/")
	if !found {
		namespace, name = "monitoring", namespace
	}
	return fmt.Sprintf("kind: VMUser\nmetadata: {name: %s, namespace: %s, resourceVersion: \"1\"}\nspec: {targetRefs: [%s]}", name, namespace, targets)
}

// selects is a target.
func selects(zone string) string {
	return "{crd: {kind: VMCluster/vmselect, name: " + zone + ", namespace: monitoring}}"
}

// agentWith is a VMAgent whose spec is another one than that of wellKept.
func agentWith(spec string) string {
	return "kind: VMAgent\nmetadata: {name: agent, namespace: monitoring}\nspec: {" + spec + "}"
}

const (
	stateful = "statefulMode: true, statefulStorage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 4Gi}}}}}"
	writes   = "remoteWrite: [{url: http://vminsert-zone-a:8480/insert}, {url: http://vminsert-zone-b:8480/insert}]"
)

// managed puts a field manager on an object.
func managed(document, manager, fields string) string {
	return strings.Replace(document, "metadata: {", "metadata: {managedFields: [{manager: "+manager+", operation: Update, fieldsType: FieldsV1, fieldsV1: "+fields+"}], ", 1)
}

// advised returns all advice on a write.
func advised(t *testing.T, object, old *object, around surroundings) []string {
	t.Helper()
	if same(object, old) {
		return nil
	}
	s, err := newScene(object, old, around)
	if err != nil {
		t.Fatal(err)
	}
	return onEverything(s)
}

func TestAdvice(t *testing.T) {
	well := around(t, wellKept)
	for _, test := range []struct {
		name        string
		object, old *object
		around      surroundings
		want        []string
	}{
		{name: "all is well", object: written(), around: well},
		{name: "all is well, and two are inline", object: written(zones(inline("zone-a", storage), inline("zone-b", storage))), around: without(without(well, "zone-a"), "zone-b")},

		// What does not exist.
		{name: "a VMCluster is absent", object: written(), around: without(well, "zone-b"), want: []string{
			list + `[1].ref: VMCluster "zone-b" does not exist yet; the zone waits for it`}},
		{name: "many are", object: written(zones(referred("zone-a", ""), referred("c", ""), referred("d", ""), referred("e", ""), referred("f", "")), users(), agent("")),
			old: written(zones(referred("zone-a", "")), users(), agent("")), around: well, want: []string{
				list + `: VMClusters "c", "d" and 2 more do not exist yet; their zones wait for them`}},
		{name: "the VMAgent is absent", object: written(agent("none")), around: well, want: []string{
			`spec.vmagent: VMAgent "none" does not exist yet; until it does, no healthy zone is changed`}},
		{name: "a VMUser is absent", object: written(users("reader", "none")), around: well, want: []string{
			`spec.vmusers[1]: VMUser "none" does not exist yet; until it does, no healthy zone is changed`}},
		{name: "VMUsers are absent", object: written(users("reader", "none", "neither")), around: well, want: []string{
			`spec.vmusers: VMUsers "none" and "neither" do not exist yet; until they do, no healthy zone is changed`}},
		{name: "it is absent as before", object: written(users("reader", "none", "other")), old: written(users("reader", "none")), around: around(t, wellKept, user("other", selects("zone-a")))},

		// Whose a VMCluster is.
		{name: "an inline VMCluster is there already", object: written(zones(inline("zone-a", storage), referred("zone-b", ""))), around: well, want: []string{
			list + `[0].name: VMCluster "zone-a" exists already and was not made by this object, so it is left alone; refer to it with ref, or choose another name`}},
		{name: "both are", object: written(zones(inline("zone-a", storage), inline("zone-b", storage))), around: well, want: []string{
			list + `: VMClusters "zone-a" and "zone-b" exist already and were not made by this object, so they are left alone; refer to them with ref, or choose another name`}},
		{name: "a VMCluster is another's", object: written(), around: around(t, wellKept, strings.Replace(clusterB, "metadata: {", "metadata: {annotations: {"+annotation+"owner: monitoring/other}, ", 1)), want: []string{
			list + `[1]: VMCluster "zone-b" is marked as another object's, so it is left alone; see annotation distributed.victoriametrics.com/owner`}},
		{name: "an inline VMCluster is its own", object: written(zones(inline("zone-a", storage), referred("zone-b", ""))), around: around(t, wellKept, applied(t, "zone-a"))},

		// Numbers.
		{name: "one zone", object: written(zones(referred("zone-a", ""))), around: well, want: []string{
			`spec.strategy.minAvailableZones: is 1, and there is no other zone, so that a healthy one is never changed; 0 allows it, with reads failing meanwhile`}},
		{name: "one zone, as the user wants it", object: written(zones(referred("zone-a", "")), leastAvailable(0)), around: well},
		{name: "one zone as before", object: written(zones(referred("zone-a", "")), users("reader", "other")), old: written(zones(referred("zone-a", ""))),
			around: around(t, wellKept, user("other", selects("zone-a")))},
		{name: "more zones wanted than there are", object: written(leastAvailable(2)), old: written(), around: well, want: []string{
			`spec.strategy.minAvailableZones: is 2, and of 2 zones only 1 can be in service beside the one to be changed, so that no healthy zone ever is`}},
		{name: "many more", object: written(leastAvailable(9), zones(referred("zone-a", ""), referred("zone-b", ""), inline("zone-c", storage)), users(), agent("")),
			old: written(leastAvailable(1), users(), agent("")), around: without(well, "reader"), want: []string{
				`spec.strategy.minAvailableZones: is 9, and of 3 zones only 2 can be in service beside the one to be changed, so that no healthy zone ever is`}},

		// The read path.
		{name: "no VMUser", object: written(users()), around: without(well, "reader"), want: []string{
			`spec.vmusers: none is listed, so that no reads are taken from a zone before it is changed`}},
		{name: "no VMUser any more, and one leads there", object: written(users()), old: written(), around: well, want: []string{
			`spec.vmusers: none is listed, so that no reads are taken from a zone before it is changed; VMUser "reader" leads there`}},
		{name: "a VMUser leads elsewhere", object: written(users("reader", "astray")), around: around(t, wellKept, user("astray", selects("zone-z"))), want: []string{
			`spec.vmusers[1]: VMUser "astray" reads from none of the zones`}},
		{name: "VMUsers lead elsewhere", object: written(users("reader", "astray", "writes")),
			around: around(t, wellKept, user("astray", selects("zone-z")), user("writes", "{crd: {kind: VMCluster/vminsert, name: zone-a, namespace: monitoring}}")), want: []string{
				`spec.vmusers: VMUsers "astray" and "writes" read from none of the zones`}},
		{name: "no VMUser leads to a zone", object: written(), around: around(t, wellKept, user("reader", selects("zone-a"))), want: []string{
			`spec.vmusers: none of those listed leads to zone "zone-b", whose reads are not taken away before it is changed`}},
		{name: "none leads to zones any more", object: written(users("other")), old: written(users("reader", "other")), around: around(t, wellKept, user("other", selects("zone-a"))), want: []string{
			`spec.vmusers: none of those listed leads to zone "zone-b", whose reads are not taken away before it is changed`,
			`spec.vmusers: VMUser "reader" leads to zones and is not listed, so that its reads may fail while a zone is changed`}},
		{name: "a drain has taken the zone out for a while", object: written(), around: around(t, wellKept, drained(t, "zone-b"))},
		{name: "VMUsers that are not listed", object: written(), around: around(t, wellKept, user("z", selects("zone-a")), user("a", selects("zone-b")), user("c", selects("zone-c"))), want: []string{
			`spec.vmusers: VMUsers "a" and "z" lead to zones and are not listed, so that their reads may fail while a zone is changed`}},
		{name: "VMUsers of other namespaces", object: written(), around: around(t, wellKept, user("team/reader", selects("zone-a"))), want: []string{
			`spec.vmusers: VMUser "team/reader" of another namespace leads to zones and can't be listed, so that its reads may fail while a zone is changed`}},
		{name: "they were not listed before", object: written(leastAvailable(0)), old: written(), around: around(t, wellKept, user("z", selects("zone-a")))},
		{name: "one leads to the zone that is new", object: written(zones(referred("zone-a", ""), referred("zone-b", ""), referred("zone-c", "")), users(), agent("")), old: written(users(), agent("")),
			around: around(t, wellKept, strings.ReplaceAll(clusterB, "zone-b", "zone-c"), user("z", selects("zone-c"))), want: []string{
				`spec.vmusers: VMUser "z" leads to zones and is not listed, so that its reads may fail while a zone is changed`}},

		// What can't be drained.
		{name: "a target that is no component", object: written(), around: around(t, wellKept, user("reader", selects("zone-a")+", "+selects("zone-b")+", {crd: {kind: VMCluster, name: zone-b, namespace: monitoring}}")), want: []string{
			`spec.vmusers[0]: VMUser monitoring/reader: spec.targetRefs[2].crd leads to zone zone-b as VMCluster, which is never taken out; such a zone is not changed while it is healthy`}},
		{name: "targets that the VMAuth adds", object: written(), around: around(t, wellKept, user("reader", selects("zone-a")+", {name: all}"),
			"kind: VMAuth\nmetadata: {name: auth, namespace: monitoring}\nspec: {defaultTargetRefs: [{name: all, crd: {kind: VMCluster/vmselect, name: zone-b, namespace: monitoring}}]}"), want: []string{
			`spec.vmusers[0]: VMUser monitoring/reader: spec.targetRefs[1], put together with spec.defaultTargetRefs[0] of VMAuth monitoring/auth by name "all",.crd leads to zone zone-b and cannot be taken out; such a zone is not changed while it is healthy`}},
		{name: "a VMAuth for requests without a VMUser", object: written(), around: around(t, wellKept,
			"kind: VMAuth\nmetadata: {name: open, namespace: monitoring}\nspec: {unauthorizedUserAccessSpec: {targetRefs: ["+selects("zone-a")+", "+selects("zone-b")+"]}}"), want: []string{
			`spec.vmusers: VMAuth monitoring/open: spec.unauthorizedUserAccessSpec.targetRefs[0].crd leads to zone zone-a and cannot be taken out (and 1 more like this); such a zone is not changed while it is healthy`}},
		{name: "one that was there before", object: written(leastAvailable(0)), old: written(), around: around(t, wellKept,
			"kind: VMAuth\nmetadata: {name: open, namespace: monitoring}\nspec: {unauthorizedUserAccessSpec: {targetRefs: ["+selects("zone-a")+"]}}")},
		{name: "nothing else may take over", object: written(refusingLastTarget), old: written(), around: around(t, wellKept, user("reader", selects("zone-a")+", {paths: [/b], "+selects("zone-b")[1:])), want: []string{
			`spec.vmusers[0]: VMUser "reader" can't be drained of zones "zone-a" and "zone-b" (spec.strategy.drain.lastTarget is Refuse); while healthy, they are not changed`}},

		// The write path.
		{name: "no VMAgent", object: written(agent("")), around: well, want: []string{
			`spec.vmagent: none is named, so that a zone gets its reads back without a wait for what was written meanwhile`}},
		{name: "no remote write", object: written(), around: around(t, wellKept, agentWith(stateful+", remoteWrite: [{url: http://vminsert-zone-a:8480/insert}]")), want: []string{
			`spec.vmagent: VMAgent "agent" has no remote write to zone "zone-b", so that reads come back without a wait for what was written meanwhile`}},
		{name: "through a balancer", object: written(), around: around(t, wellKept, agentWith(stateful+", remoteWrite: [{url: http://user:password@balancer:8480/insert}]")), want: []string{
			`spec.vmagent: how VMAgent "agent" writes to zones "zone-a" and "zone-b" can't be told (proxy, load balancer, unknown host or arguments), so that the rollout will ask for your word there`}},
		{name: "sharded", object: written(), around: around(t, wellKept, agentWith(stateful+", "+writes+`, extraArgs: {remoteWrite.shardByURL: "true"}`)), want: []string{
			`spec.vmagent: VMAgent "agent" shards by URL, so that zones are no replicas of each other and the rollout will ask for your word`}},
		{name: "no queue on disk", object: written(), around: around(t, wellKept, agentWith(writes+`, extraArgs: {remoteWrite.disableOnDiskQueue: "true"}`)), want: []string{
			`spec.vmagent: VMAgent "agent" keeps no queue on disk for zones "zone-a" and "zone-b" and may drop samples meanwhile, so that the rollout will ask for your word`}},
		{name: "no queue on disk, and a zone that is not written to", object: written(), around: without(around(t, wellKept, agentWith(`remoteWrite: [{url: http://vminsert-zone-a:8480/insert}], extraArgs: {remoteWrite.disableOnDiskQueue: "true"}`)), "zone-b"), want: []string{
			list + `[1].ref: VMCluster "zone-b" does not exist yet; the zone waits for it`,
			`spec.vmagent: VMAgent "agent" has no remote write to zone "zone-b", so that reads come back without a wait for what was written meanwhile`,
			`spec.vmagent: VMAgent "agent" keeps no queue on disk for zone "zone-a" and may drop samples meanwhile, so that the rollout will ask for your word`}},
		{name: "no queue on disk, through a balancer", object: written(), around: around(t, wellKept, agentWith(`remoteWrite: [{url: http://balancer:8480/insert}], extraArgs: {remoteWrite.disableOnDiskQueue: "true"}`)), want: []string{
			`spec.vmagent: how VMAgent "agent" writes to zones "zone-a" and "zone-b" can't be told (proxy, load balancer, unknown host or arguments), so that the rollout will ask for your word there`}},
		{name: "a queue on an emptyDir for an archive only", object: written(), around: around(t, wellKept, agentWith(`remoteWrite: [{url: http://vminsert-zone-a:8480/insert}, {url: http://archive/}, {url: http://vminsert-zone-b:8480/insert}], extraArgs: {remoteWrite.disableOnDiskQueue: "true,false,true"}`)), want: []string{
			`spec.vmagent: VMAgent "agent" keeps no queue on disk for zones "zone-a" and "zone-b" and may drop samples meanwhile, so that the rollout will ask for your word`}},
		{name: "queues on an emptyDir", object: written(), around: around(t, wellKept, agentWith(writes)), want: []string{
			`spec.vmagent: VMAgent "agent" keeps its queues on no persistent volume, so that they go with its pods; use statefulMode and statefulStorage`}},
		{name: "the least queue there is", object: written(), around: around(t, wellKept, agentWith(stateful+", "+writes+", remoteWriteSettings: {maxDiskUsagePerURL: 10MB}")), want: []string{
			`spec.vmagent: VMAgent "agent" has the smallest possible queue for zones "zone-a" and "zone-b"; what a change outlasts is lost: raise maxDiskUsage`}},
		{name: "it only takes in", object: written(), around: around(t, wellKept, agentWith(stateful+", "+writes+", ingestOnlyMode: true")), want: []string{
			`spec.vmagent: VMAgent "agent" is in ingestOnlyMode and scrapes nothing, the zones neither`}},
		{name: "it scrapes pods", object: written(), around: around(t, wellKept, agentWith(writes+", daemonSetMode: true, volumes: [{name: persistent-queue-data, hostPath: {path: /q}}]")), want: []string{
			`spec.vmagent: VMAgent "agent" is in daemonSetMode and scrapes pods only, not the zones`}},
		{name: "it scrapes others", object: written(), around: around(t, wellKept, agentWith(stateful+", "+writes+", serviceScrapeSelector: {matchLabels: {app: secret}}")), want: []string{
			`spec.vmagent: the scrape selectors of VMAgent "agent" are not ours to change and leave out components of the zones`}},
		{name: "the same VMAgent as before", object: written(leastAvailable(0)), old: written(), around: around(t, wellKept, agentWith("ingestOnlyMode: true"))},
		{name: "a new zone for the same VMAgent", object: written(zones(referred("zone-a", ""), referred("zone-b", ""), inline("zone-c", storage)), users()), old: written(users()),
			around: around(t, wellKept, agentWith(writes+", ingestOnlyMode: true")), want: []string{
				`spec.vmagent: VMAgent "agent" has no remote write to zone "zone-c", so that reads come back without a wait for what was written meanwhile`}},

		// Overrides.
		{name: "an override that says what is", object: written(zones(referred("zone-a", `{"vmselect":{"replicaCount":2}}`), referred("zone-b", ""))), around: well, want: []string{
			list + `[0].overrideSpec: changes nothing of VMCluster "zone-a", which has these values by itself`}},
		{name: "two of them", object: written(zones(referred("zone-a", `{"vmselect":{"replicaCount":2}}`), referred("zone-b", `{"vmstorage":{"hpa":null}}`))), around: well, want: []string{
			list + `: overrides change nothing of VMClusters "zone-a" and "zone-b", which have these values by themselves`}},
		{name: "an empty one, of which others tell", object: written(zones(referred("zone-a", `{}`), referred("zone-b", ""))), around: well},
		{name: "one that is in place", object: written(zones(referred("zone-a", ""), referred("zone-b", `{"vmselect":{"replicaCount":3}}`))), around: around(t, wellKept, taken(t, clusterB, `{"vmselect":{"replicaCount":3}}`))},
		{name: "one that says what was", object: written(zones(referred("zone-a", ""), referred("zone-b", `{"retentionPeriod":"1"}`))), around: around(t, wellKept, taken(t, clusterB, `{"retentionPeriod":"3"}`)), want: []string{
			list + `[1].overrideSpec: changes nothing of VMCluster "zone-b", which has these values by itself`}},
		{name: "one that says what is as before", object: written(zones(referred("zone-a", ""), referred("zone-b", `{"retentionPeriod":"1"}`)), leastAvailable(0)),
			old: written(zones(referred("zone-a", ""), referred("zone-b", `{"retentionPeriod":"1"}`))), around: well},

		// Other hands.
		{name: "somebody else sets what is overridden", object: written(zones(referred("zone-a", ""), referred("zone-b", `{"vmselect":{"replicaCount":3}}`))),
			around: around(t, wellKept, managed(clusterB, "argocd-controller", `{"f:spec": {"f:vmselect": {"f:replicaCount": {}}}}`)), want: []string{
				list + `[1].overrideSpec: field manager "argocd-controller" also sets vmselect.replicaCount of VMCluster "zone-b" and may put that back; have it ignore what is overridden`}},
		{name: "somebody sets what is not", object: written(zones(referred("zone-a", ""), referred("zone-b", `{"vmselect":{"replicaCount":3}}`))),
			around: around(t, wellKept, managed(clusterB, "argocd-controller", `{"f:spec": {"f:vmstorage": {}}}`))},
		{name: "somebody else sets targets", object: written(), around: around(t, wellKept, managed(user("reader", selects("zone-a")+", "+selects("zone-b")), "kubectl-client-side-apply", `{"f:spec": {"f:targetRefs": {}}}`)), want: []string{
			`spec.vmusers[0]: field manager "kubectl-client-side-apply" also sets spec.targetRefs of VMUser "reader"; applied in a drain, that brings the zone back, so have it ignore spec.targetRefs`}},
		{name: "somebody else sets targets of VMUsers of which one is never drained", object: written(users("reader", "astray")), around: around(t, wellKept,
			managed(user("reader", selects("zone-a")+", "+selects("zone-b")), "helm", `{"f:spec": {"f:targetRefs": {}}}`),
			managed(user("astray", selects("zone-z")), "argocd-controller", `{"f:spec": {"f:targetRefs": {}}}`)), want: []string{
			`spec.vmusers[1]: VMUser "astray" reads from none of the zones`,
			`spec.vmusers[0]: field manager "helm" also sets spec.targetRefs of VMUser "reader"; applied in a drain, that brings the zone back, so have it ignore spec.targetRefs`}},
		{name: "somebody else sets targets that no drain may take", object: written(refusingLastTarget), around: around(t, wellKept,
			managed(user("reader", selects("zone-a")+", {paths: [/b], "+selects("zone-b")[1:]), "helm", `{"f:spec": {"f:targetRefs": {}}}`)), want: []string{
			`spec.vmusers[0]: VMUser "reader" can't be drained of zones "zone-a" and "zone-b" (spec.strategy.drain.lastTarget is Refuse); while healthy, they are not changed`}},
		{name: "somebody else sets targets that a drain may take of one zone", object: written(refusingLastTarget), around: around(t, wellKept,
			managed(user("reader", selects("zone-a")+", {paths: [/b], "+selects("zone-b")[1:]+", {paths: [/b], "+selects("zone-a")[1:]), "helm", `{"f:spec": {"f:targetRefs": {}}}`)), want: []string{
			`spec.vmusers[0]: VMUser "reader" can't be drained of zone "zone-a" (spec.strategy.drain.lastTarget is Refuse); while healthy, it is not changed`,
			`spec.vmusers[0]: field manager "helm" also sets spec.targetRefs of VMUser "reader"; applied in a drain, that brings the zone back, so have it ignore spec.targetRefs`}},
		{name: "somebody else sets targets that a drain is on", object: written(), around: around(t, wellKept, strings.Replace(drained(t, "zone-b"), `"metadata":{`, `"metadata":{"managedFields":[{"manager":"helm","operation":"Update","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:targetRefs":{}}}}],`, 1)), want: []string{
			`spec.vmusers[0]: field manager "helm" also sets spec.targetRefs of VMUser "reader"; applied in a drain, that brings the zone back, so have it ignore spec.targetRefs`}},
		{name: "they did before", object: written(leastAvailable(0)), old: written(), around: around(t, wellKept, managed(user("reader", selects("zone-a")), "helm", `{"f:spec": {"f:targetRefs": {}}}`))},

		// Storage.
		{name: "all storage at once", object: written(zones(referred("zone-a", `{"vmstorage":{"image":{"tag":"x"}}}`), referred("zone-b", `{"vmstorage":{"replicaCount":3}}`))), old: written(), around: well, want: []string{
			list + `: one request changes vmstorage (image and replicaCount) of all 2 zones, so that a mistake reaches every copy of the data; change one zone first`}},
		{name: "all inline storage at once", object: written(zones(inline("zone-a", strings.Replace(storage, "2", "3", 1)), inline("zone-b", strings.Replace(storage, "2", "4", 1)))),
			old: written(zones(inline("zone-a", storage), inline("zone-b", storage))), around: around(t, wellKept, applied(t, "zone-a"), applied(t, "zone-b")), want: []string{
				list + `: one request changes vmstorage (replicaCount) of all 2 zones, so that a mistake reaches every copy of the data; change one zone first`}},
		{name: "none after a restart, which is not undone", object: written(restarted(noon), zones(inline("zone-a", moreSelects), inline("zone-b", moreSelects))),
			old: written(restarted(noon), zones(inline("zone-a", storage), inline("zone-b", storage))), around: around(t, wellKept, appliedAndRestarted(t, "zone-a", noon), appliedAndRestarted(t, "zone-b", noon))},
		{name: "storage of one zone", object: written(zones(referred("zone-a", `{"vmstorage":{"replicaCount":3}}`), referred("zone-b", `{"vmselect":{"replicaCount":3}}`))), old: written(), around: well},
		{name: "storage of the second zone after the first", object: written(zones(referred("zone-a", `{"vmstorage":{"replicaCount":3}}`), referred("zone-b", `{"vmstorage":{"replicaCount":3}}`))),
			old: written(zones(referred("zone-a", `{"vmstorage":{"replicaCount":3}}`), referred("zone-b", ""))), around: well},
		{name: "an override takes storage away", object: written(zones(referred("zone-a", ""), referred("zone-b", `{"vmstorage":{"replicaCount":1}}`))), old: written(), around: well, want: []string{
			list + `[1]: takes storage away, which the rollout refuses; to permit it, annotate the object with distributed.victoriametrics.com/permit-storage-shrink: zone-b:vmstorage.replicaCount=1`}},
		{name: "a permitted one does", object: written(zones(referred("zone-a", ""), referred("zone-b", `{"vmstorage":{"replicaCount":1}}`)), permitted("zone-b:vmstorage.replicaCount=1")), old: written(), around: well},
		{name: "the permission is withdrawn", object: written(zones(referred("zone-a", ""), referred("zone-b", `{"vmstorage":{"replicaCount":1}}`)), permitted("zone-a:vmstorage.replicaCount=1")),
			old: written(zones(referred("zone-a", ""), referred("zone-b", `{"vmstorage":{"replicaCount":1}}`)), permitted("zone-b:vmstorage.replicaCount=1")), around: well, want: []string{
				list + `[1]: takes storage away, which the rollout refuses; to permit it, annotate the object with distributed.victoriametrics.com/permit-storage-shrink: zone-b:vmstorage.replicaCount=1`}},
		{name: "a definition without a number takes storage away", object: written(zones(inline("zone-a", strings.Replace(storage, `"replicaCount":2`, "", 1)), referred("zone-b", ""))),
			old: written(zones(inline("zone-a", storage), referred("zone-b", ""))), around: around(t, wellKept, applied(t, "zone-a")), want: []string{
				list + `[0]: takes storage away, which the rollout refuses; to permit it, annotate the object with distributed.victoriametrics.com/permit-storage-shrink: zone-a:vmstorage.replicaCount=1`}},
		{name: "taking an override away does, and the original is nobody's business", object: written(), old: written(zones(referred("zone-a", ""), referred("zone-b", `{"vmstorage":{"replicaCount":5}}`))),
			around: around(t, wellKept, taken(t, clusterB, `{"vmstorage":{"replicaCount":5}}`)), want: []string{
				list + `[1]: takes storage from zone "zone-b", which the rollout refuses without annotation distributed.victoriametrics.com/permit-storage-shrink; status will say which`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := advised(t, test.object, test.old, test.around)
			if !slices.Equal(got, test.want) {
				t.Errorf("advice is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			for _, text := range got {
				if utf8.RuneCountInString(text) > wording.MaxRunes {
					t.Errorf("too long: %s", text)
				}
			}
			if again := advised(t, test.object, test.object, test.around); len(again) > 0 {
				t.Errorf("a write that changes nothing is advised of %q", again)
			}
		})
	}
}

// TestLongListsStayShort: there may be a hundred zones with the longest names.
func TestLongListsStayShort(t *testing.T) {
	long := func(i int) string { return fmt.Sprintf("%03d-%s", i, strings.Repeat("x", 59)) }
	var entries, existing []string
	var all []vmdistributed.Zone
	for i := range 50 {
		all = append(all, referred(long(i), `{"vmstorage":{"replicaCount":1}}`), referred(long(100+i), ""), inline(long(200+i), storage))
		existing = append(existing, managed(strings.ReplaceAll(clusterB, "zone-b", long(i)), "argocd-controller", `{"f:spec": {"f:vmstorage": {}}}`), strings.ReplaceAll(clusterB, "zone-b", long(200+i)))
		entries = append(entries, user(long(i), selects(long(i))+", {static: {url: http://somewhere-*.example.com}}"), user("other/"+long(i), selects(long(i))), user(long(100+i), selects(long(i))))
	}
	object := written(zones(all...), users(long(1), long(2), "none"), agent("none"), leastAvailable(99+51))
	texts := advised(t, object, nil, around(t, append(existing, entries...)...))
	total := 0
	for _, text := range few(texts) {
		length := utf8.RuneCountInString(text)
		if total += length; length > wording.MaxRunes {
			t.Errorf("too long: %s", text)
		}
		if !strings.HasPrefix(text, "spec.") && !strings.HasPrefix(text, "spec:") {
			t.Errorf("begins with no path: %s", text)
		}
	}
	if len(texts) < 8 || total > 3000 {
		t.Errorf("%d warnings with %d characters", len(texts), total)
	}
	if again := advised(t, object, nil, around(t, append(existing, entries...)...)); !slices.Equal(again, texts) {
		t.Error("the same write is advised in another way")
	}
}

func TestOfManyWarningsTheFirstAreSaid(t *testing.T) {
	var texts []string
	for i := range 12 {
		texts = append(texts, fmt.Sprint(i))
	}
	if got := few(texts[:10]); !slices.Equal(got, texts[:10]) {
		t.Errorf("said are %q", got)
	}
	if got := few(texts[:11]); len(got) != 11 || got[10] != "spec: and 1 more warning like these" {
		t.Errorf("said are %q", got)
	}
	if got := few(texts); len(got) != 11 || got[9] != "9" || got[10] != "spec: and 2 more warnings like these" {
		t.Errorf("said are %q", got)
	}
}

// TestWhatNobodyCanSeeIsSaidOnce, beside what the object says by itself.
func TestWhatNobodyCanSeeIsSaidOnce(t *testing.T) {
	s, err := newScene(written(zones(referred("zone-a", "")), users(), agent("")), nil, surroundings{})
	if err != nil {
		t.Fatal(err)
	}
	got := onItself(s)
	if len(got) != 3 || !strings.HasPrefix(got[0], "spec.strategy.minAvailableZones: ") || !strings.HasPrefix(got[1], "spec.vmusers: ") || !strings.HasPrefix(got[2], "spec.vmagent: ") {
		t.Errorf("advice is %q", got)
	}
}

// TestWhatCouldNotBeReadIsNotCalledAbsent.
func TestWhatCouldNotBeReadIsNotCalledAbsent(t *testing.T) {
	object := written()
	nothing := surroundings{unsure: namedBy(object)}
	for _, text := range advised(t, object, nil, nothing) {
		if strings.Contains(text, "exist") {
			t.Errorf("advised: %s", text)
		}
	}
}

func TestNoValueOfAnotherObjectIsTold(t *testing.T) {
	const secret = "s3cr3t"
	object := written(zones(referred("zone-a", `{"vmstorage":{"hpa":null}}`), referred("zone-b", `{"vmselect":{"replicaCount":7}}`)), refusingLastTarget, users("reader", "other"))
	seen := around(t, wellKept,
		strings.ReplaceAll(strings.Replace(clusterB, "zone-b", "zone-a", 1), "replicaCount: 2", "logLevel: "+secret+", hpa: {maxReplicas: 77}, replicaCount: 33"),
		agentWith("remoteWrite: [{url: http://"+secret+".example.com/insert}], serviceScrapeSelector: {matchLabels: {app: "+secret+"}}"),
		user("reader", "{static: {url: http://vmselect-zone-a.monitoring.svc/"+secret+"}}, {paths: [/"+secret+"], "+selects("zone-b")[1:]),
		user("other", "{static: {url: http://"+secret+"-*.example.com}}"),
		managed(clusterB, "argocd-controller", `{"f:spec": {"f:vmselect": {}}}`),
	)
	texts := advised(t, object, nil, seen)
	if len(texts) < 5 {
		t.Fatalf("the test says little: %q", texts)
	}
	for _, text := range texts {
		if strings.Contains(text, secret) || strings.Contains(text, "33") || strings.Contains(text, "77") {
			t.Errorf("told: %s", text)
		}
	}
}
