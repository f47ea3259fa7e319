// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// scene is a set-up in which warnings are due: the host, with more objects, and an
// object that is written over an old one, if there is one.
type scene struct {
	name string
	// told are the rows of docs/validation.md, in order.
	told                     []string
	manager, more, old, spec string
}

// remoteWrites are what a VMAgent needs to write to both zones.
const remoteWrites = `remoteWrite: [{url: "http://vminsert-zone-a.NS.svc:8480/insert"}, {url: "http://vminsert-zone-b.NS.svc:8480/insert"}]`

const stateful = `statefulMode: true, statefulStorage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 4Gi}}}}}`

// withAgent is wellKept(both) with another VMAgent.
func withAgent(name string) string {
	return strings.Replace(wellKept(both), `"agent"`, `"`+name+`"`, 1)
}

// overriding is wellKept with an override of zone-b.
func overriding(override string) string {
	return wellKept(`{"ref":{"name":"zone-a"}},{"ref":{"name":"zone-b"},"overrideSpec":` + override + `}`)
}

func strategic(strategy, spec string) string {
	return strings.Replace(spec, `{`, `{"strategy":`+strategy+`,`, 1)
}

// toldOfDeletion is for TestDeletingTellsWhatGoesToo, toldWithoutOperator for
// TestWithoutTheOperatorObjectsAreStoredAndWait.
var toldOfDeletion = []string{"`kubectl delete` deletes VMClusters", "and waits"}

const toldWithoutOperator = "the operator is not installed"

// scenes are of everything else.
var scenes = []scene{
	{name: "all is well", spec: wellKept(both)},
	{name: "absent", spec: `{"paused":true,"vmagent":{"name":"none"},"vmusers":[{"name":"reader"},{"name":"nobody"}],"zones":[` + both + `,{"ref":{"name":"zone-z"}}]}`,
		told: []string{"what a zone refers to does not exist", "nor does the VMAgent", "nor does a VMUser"}},
	{name: "not ours", spec: wellKept(`{"name":"zone-a","spec":{"vmselect":{}}},{"ref":{"name":"zone-b"}}`),
		told: []string{"a zone is defined where there is a VMCluster that is not ours"}},
	{name: "another's", more: "\n---\napiVersion: operator.victoriametrics.com/v1beta1\nkind: VMCluster\nmetadata: {name: zone-a, annotations: {distributed.victoriametrics.com/owner: NS/other}}\nspec: {vmselect: {replicaCount: 2}}\n",
		spec: wellKept(both), told: []string{"a VMCluster carries the mark of another object"}},
	{name: "one zone", spec: wellKept(`{"ref":{"name":"zone-a"}}`), told: []string{"there is one zone"}},
	{name: "too many wanted", old: wellKept(both), spec: strategic(`{"minAvailableZones":2}`, wellKept(both)), told: []string{"more zones must be in service than there are"}},
	{name: "nothing named", spec: `{"paused":true,"zones":[` + both + `]}`,
		told: []string{"no VMUser is listed, and one leads to the zones", "no VMAgent is named"}},
	{name: "nothing named and nothing there", spec: `{"paused":true,"vmagent":{"name":"agent"},"zones":[` + both + `]}`,
		more: operators("VMUser", "reader", `{bearerToken: x, targetRefs: [{static: {url: "http://example.com"}}]}`),
		told: []string{"no VMUser is listed"}},
	{name: "other VMUsers",
		more: operators("VMUser", "spare", `{bearerToken: x, targetRefs: [{name: everything}]}`) +
			operators("VMUser", "astray", `{bearerToken: astray, targetRefs: [{static: {url: "http://example.com"}}]}`),
		spec: `{"paused":true,"vmagent":{"name":"agent"},"vmusers":[{"name":"spare"},{"name":"astray"}],"zones":[` + both + `]}`,
		told: []string{"a VMAuth adds a zone to what a VMUser reads from", "a VMUser leads to no zone", "no VMUser leads to a zone", "a VMUser leads to the zones and is not listed"}},
	{name: "requests without a VMUser",
		more: operators("VMAuth", "open", `{unauthorizedUserAccessSpec: {targetRefs: [{crd: {kind: VMCluster/vmselect, name: zone-a, namespace: NS}}]}}`),
		spec: wellKept(both), told: []string{"a VMAuth passes requests to a zone without a VMUser"}},
	{name: "zones one by one",
		more: operators("VMUser", "reader", `{bearerToken: z, targetRefs: [`+
			`{paths: [/a], crd: {kind: VMCluster/vmselect, name: zone-a, namespace: NS}}, {paths: [/b], crd: {kind: VMCluster/vmselect, name: zone-b, namespace: NS}}]}`),
		old: wellKept(both), spec: strategic(`{"drain":{"lastTarget":"Refuse"}}`, wellKept(both)), told: []string{"a drain would be refused"}},

	{name: "a careless VMAgent", more: operators("VMAgent", "careless", `{ingestOnlyMode: true, remoteWrite: [{url: "http://vminsert-zone-a.NS.svc:8480/insert"}]}`),
		spec: withAgent("careless"), told: []string{"the VMAgent does not write to a zone", "its queue goes with the pod", "it scrapes nothing"}},
	{name: "before a balancer", more: operators("VMAgent", "balanced", `{`+stateful+`, remoteWrite: [{url: "http://user:secret@balancer.example.com"}]}`),
		spec: withAgent("balanced"), told: []string{"it can't be told whether it does"}},
	{name: "sharding", more: operators("VMAgent", "sharded", `{`+stateful+`, `+remoteWrites+`, extraArgs: {remoteWrite.shardByURL: "true"}}`),
		spec: withAgent("sharded"), told: []string{"it shards"}},
	{name: "without a queue", more: operators("VMAgent", "forgetful", `{`+remoteWrites+`, extraArgs: {remoteWrite.disableOnDiskQueue: "true"}}`),
		spec: withAgent("forgetful"), told: []string{"it has no queue on disk"}},
	{name: "a small queue", more: operators("VMAgent", "small", `{`+stateful+`, `+remoteWrites+`, remoteWriteSettings: {maxDiskUsagePerURL: 10MB}}`),
		spec: withAgent("small"), told: []string{"it has the least queue there is"}},
	{name: "on every node", more: operators("VMAgent", "everywhere", `{daemonSetMode: true, volumes: [{name: persistent-queue-data, hostPath: {path: /q}}], `+remoteWrites+`}`),
		spec: withAgent("everywhere"), told: []string{"it scrapes pods only"}},
	{name: "scraping others", more: operators("VMAgent", "elsewhere", `{`+stateful+`, `+remoteWrites+`, serviceScrapeSelector: {matchLabels: {app: other}}}`),
		spec: withAgent("elsewhere"), told: []string{"it scrapes others than the zones"}},

	{name: "another hand", manager: "argocd-controller", old: wellKept(both), spec: overriding(`{"vmselect":{"replicaCount":3},"vminsert":{"logLevel":"ERROR"}}`),
		told: []string{"somebody else sets what an override does"}},
	{name: "another hand in the routes", manager: "argocd-controller", spec: wellKept(both), told: []string{"or what a drain does"}},
	{name: "an override that changes nothing", old: wellKept(both), spec: overriding(`{"vmselect":{"replicaCount":2}}`), told: []string{"an override changes nothing"}},
	{name: "an empty override beside a name", old: wellKept(both), spec: wellKept(`{"ref":{"name":"zone-a"}},{"name":"b","ref":{"name":"zone-b"},"overrideSpec":{}}`),
		told: []string{"`name` stands beside `ref`", "an override is empty"}},
	{name: "a zone is taken out", old: wellKept(both), spec: strategic(`{"minAvailableZones":0}`, wellKept(`{"ref":{"name":"zone-a"}}`)), told: []string{"a zone is left out"}},
	{name: "storage goes", old: wellKept(both), spec: overriding(`{"vmstorage":{"replicaCount":1}}`), told: []string{"a change takes storage away"}},
	{name: "storage goes with an override",
		more: `
---
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMCluster
metadata:
  name: zone-b
  annotations:
    distributed.victoriametrics.com/owner: NS/x
    distributed.victoriametrics.com/override: '{"applied":{"vmstorage":{"replicaCount":3}},"inverse":{"vmstorage":{"replicaCount":2}}}'
spec:
  retentionPeriod: "1"
  vmstorage: {replicaCount: 3, storage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 10Gi}}}}}}
  vmselect: {replicaCount: 2}
  vminsert: {replicaCount: 2}
`,
		old: overriding(`{"vmstorage":{"replicaCount":3}}`), spec: wellKept(both), told: []string{"an override that added storage goes"}},
	{name: "all storage at once", old: wellKept(both), told: []string{"one request changes the storage of all zones"},
		spec: wellKept(`{"ref":{"name":"zone-a"},"overrideSpec":{"vmstorage":{"replicaCount":3}}},{"ref":{"name":"zone-b"},"overrideSpec":{"vmstorage":{"storage":{"volumeClaimTemplate":{"spec":{"resources":{"requests":{"storage":"20Gi"}}}}}}}}`)},
}

// TestEveryDocumentedWarningIsToldAsDocumented applies the object of each scene with
// kubectl, and wants the warnings that docs/validation.md has for it, and no other.
func TestEveryDocumentedWarningIsToldAsDocumented(t *testing.T) {
	t.Parallel()
	documented := documentedWarnings(t)
	for _, scene := range scenes {
		t.Run(scene.name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			setUp(t, namespace, cmp.Or(scene.manager, ourName), host+scene.more)
			if scene.old != "" {
				kubectl(t, namespace, "apply", "-f", file(t, "old.json", object("x", scene.old)))
			}
			path := file(t, "x.json", object("x", scene.spec))
			want := documented.printed(t, namespace, scene.told...)
			var got string
			// What the server knows of others may be a moment behind.
			defer func() {
				if t.Failed() {
					t.Logf("kubectl prints\n%swant\n%s", got, want)
				}
			}()
			eventually(t, fmt.Sprintf("kubectl prints %d warnings", len(scene.told)), func() bool {
				got = kubectl(t, namespace, "apply", "--dry-run=server", "-f", path).stderr
				return got == want
			})
		})
	}
}

// TestEveryDocumentedWarningHasAScene: nothing is documented that nobody has seen.
func TestEveryDocumentedWarningHasAScene(t *testing.T) {
	t.Parallel()
	seen := append(slices.Clone(toldOfDeletion), toldWithoutOperator)
	for _, scene := range scenes {
		seen = append(seen, scene.told...)
	}
	for when := range documentedWarnings(t) {
		if !slices.Contains(seen, when) {
			t.Errorf("no scene shows: %s", when)
		}
	}
}

// warningTable is the table of warnings, by when they are told.
type warningTable map[string]string

// documentedWarnings reads the table with the columns when and warning.
func documentedWarnings(t *testing.T) warningTable {
	t.Helper()
	found := warningTable{}
	for _, row := range documentedTables(t, "when", "warning") {
		when := row.cells[0]
		if _, twice := found[when]; twice || len(codeIn(row.cells[1])) != 1 {
			t.Fatalf("not a warning, or there twice: %q", row.cells)
		}
		found[when] = codeIn(row.cells[1])[0]
	}
	if len(found) < 30 {
		t.Fatalf("the document has %d warnings only", len(found))
	}
	return found
}

// printed is what kubectl makes of warnings about objects of a namespace.
func (w warningTable) printed(t *testing.T, namespace string, told ...string) string {
	t.Helper()
	var lines strings.Builder
	for _, when := range told {
		warning, ok := w[when]
		if !ok {
			t.Fatalf("the document has no warning for: %s", when)
		}
		lines.WriteString("Warning: " + strings.ReplaceAll(warning, "monitoring/", namespace+"/") + "\n")
	}
	return lines.String()
}
