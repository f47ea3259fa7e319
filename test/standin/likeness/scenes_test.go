// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package likeness

// cluster creates a VMCluster, updates it, pauses it, takes a component away
// and deletes it.
func (s *scene) cluster() {
	s.t.Helper()
	cluster := s.create(clusters, "VMCluster", "zone", `{
		clusterVersion: v1.149.0-cluster, requestsLoadBalancer: {enabled: true}, managedMetadata: {labels: {team: a}, annotations: {note: hello}},
		vmstorage: {replicaCount: 2}, vmselect: {replicaCount: 2, rollingUpdateStrategy: RollingUpdate, podMetadata: {labels: {tier: read}}}, vminsert: {replicaCount: 1}}`)
	cluster.until("operational@1")
	for name, resource := range map[string]string{
		"zone": clusters, "vmstorage-zone": statefulSets, "vmselect-zone": statefulSets, "vminsert-zone": deployments, "vmclusterlb-zone": deployments,
	} {
		s.keep("created", resource, name)
	}
	s.change(clusters, "zone", "{paused: true, clusterVersion: v1.148.0-cluster}")
	cluster.until("paused@2")
	s.change(clusters, "zone", "{paused: false}")
	cluster.until("operational@3")
	s.keep("updated", statefulSets, "vmstorage-zone")
	s.change(clusters, "zone", "{paused: true}")
	cluster.until("paused@4")
	s.change(clusters, "zone", "{paused: false}")
	cluster.until("operational@5")
	s.change(clusters, "zone", "{vminsert: null}")
	cluster.until("operational@6")
	s.keep("at its end", clusters, "zone")
	s.remove(clusters, "zone")
	cluster.until("deleted")
	s.record["what the VMCluster said"] = cluster.said
}

// agent creates a VMAgent of two shards.
func (s *scene) agent() {
	s.t.Helper()
	agent := s.create(agents, "VMAgent", "main", `{remoteWrite: [{url: "http://x"}], replicaCount: 2, shardCount: 2, statefulMode: true}`)
	agent.until("operational@1")
	s.keep("created", agents, "main")
	s.keep("created", statefulSets, "vmagent-main-0")
	s.keep("created", statefulSets, "vmagent-main-1")
	s.record["what the VMAgent said"] = agent.said
}

// user creates a VMUser whose target does not exist, gives it one that does, and
// takes it away; then the VMAuth selects others.
func (s *scene) user() {
	s.t.Helper()
	auth := s.create(auths, "VMAuth", "main", "{userSelector: {}}")
	auth.until("operational@1")
	s.keep("created", auths, "main")
	s.keep("created", deployments, "vmauth-main")

	user := s.create(users, "VMUser", "reader", "{targetRefs: [{crd: {kind: VMCluster/vmselect, name: absent, namespace: scene}}]}")
	user.until("False@1")
	s.keep("with a dangling target", users, "reader")
	s.change(users, "reader", `{targetRefs: [{static: {url: "http://x"}}]}`)
	user.until("True@2")
	s.keep("with a target", users, "reader")
	s.change(users, "reader", "{targetRefs: []}")
	user.until("False@3")
	s.keep("without target", users, "reader")
	s.change(auths, "main", "{userSelector: {matchLabels: {team: b}}}")
	user.until("")
	s.keep("released", users, "reader")
	s.remove(users, "reader")
	user.until("deleted")
	s.record["what the VMAuth said"], s.record["what the VMUser said"] = auth.said, user.said
}
