// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// surroundings are what exists beside an object.
type surroundings struct {
	// clusters, users and auths are those of all namespaces, agents those of the
	// object's.
	clusters, agents, users, auths []*unstructured.Unstructured
	// labels are those of the object's namespace.
	labels map[string]string
	// unsure are references of which nobody can say whether they resolve.
	unsure []reference
}

// scene is a write together with what exists.
type scene struct {
	// object is to be stored in the place of before, which is empty where there is
	// nothing yet.
	object, before *vmdistributed.VMDistributedCluster
	created        bool
	zones          []*zone
	// listed are the VMUsers of spec.vmusers, in order.
	listed []*listedUser
	// agent is that of spec.vmagent, nil where there is none.
	agent *unstructured.Unstructured
	// readMap is of all zones.
	readMap *victoriametrics.ReadMap
	left    budget
	surroundings
}

// zone is one entry of the list.
type zone struct {
	path   *field.Path
	name   string
	inline bool
	// added is true where the list did not name the zone before, or not in this way.
	added bool
	// changed is true where the entry says something else than before.
	changed bool
	// wanted is the definition or the override; nil for no override.
	wanted map[string]any
	// written is that as it is rolled out: what was restarted once keeps the mark of it.
	written map[string]any
	// live is the VMCluster, nil where there is none.
	live *unstructured.Unstructured
	// cluster is live, or what is to become of it.
	cluster victoriametrics.Cluster
}

// listedUser is one entry of spec.vmusers.
type listedUser struct {
	path *field.Path
	name string
	// added is true where the list did not name it before.
	added bool
	// live is nil where there is none.
	live *unstructured.Unstructured
	// reads are the zones that it leads to, unreadable that this can't be told.
	reads      []string
	unreadable bool
	// drains is what draining a zone does to it, as far as somebody has asked.
	drains map[string]drainOutcome
}

// newScene looks at a write. old is nil for a new object.
func newScene(object, old *vmdistributed.VMDistributedCluster, around surroundings) (*scene, error) {
	s := &scene{object: object, before: old, created: old == nil, left: newBudget(), surroundings: around}
	if s.created {
		s.before = &vmdistributed.VMDistributedCluster{}
	}
	if err := s.readZones(); err != nil {
		return nil, err
	}
	clusters := make([]victoriametrics.Cluster, len(s.zones))
	for i, zone := range s.zones {
		clusters[i] = zone.cluster
	}
	s.readMap = victoriametrics.NewReadMap(clusters, s.auths)
	s.readUsers()
	if object.Spec.VMAgent != nil {
		s.agent = find(s.agents, object.Namespace, object.Spec.VMAgent.Name)
	}
	return s, nil
}

func (s *scene) readZones() error {
	stored := s.before.ZonesByCluster()
	live := map[string]*unstructured.Unstructured{}
	for _, cluster := range s.clusters {
		if cluster.GetNamespace() == s.object.Namespace {
			live[cluster.GetName()] = cluster
		}
	}
	path := field.NewPath("spec", "zones", "vmclusters")
	for i := range s.object.Spec.Zones.VMClusters {
		entry := &s.object.Spec.Zones.VMClusters[i]
		name := entry.ClusterName()
		was := stored[name]
		z := &zone{
			path: path.Index(i), name: name, inline: entry.Ref == nil, live: live[name],
			added:   was == nil || (was.Ref == nil) != (entry.Ref == nil),
			changed: was == nil || !equality.Semantic.DeepEqual(*was, *entry),
		}
		var err error
		if z.wanted, err = entry.Text().Decode(); err != nil {
			return fmt.Errorf("decoding %s: %w", z.path, err)
		}
		z.written = z.restarted(s.before.Status.RestartedAt())
		z.cluster = z.known(s.object.Namespace)
		s.zones = append(s.zones, z)
	}
	return nil
}

// restarted is what is wanted of a zone that was rolled out once more at a time; "" for
// never.
func (z *zone) restarted(at string) map[string]any {
	if z.inline {
		return victoriametrics.WithRestart(z.wanted, at)
	}
	if z.live != nil {
		if patch, err := victoriametrics.OverrideWithRestart(z.live, z.wanted, at); err == nil {
			return patch
		}
	}
	return z.wanted
}

// known is what can be told of the zone's VMCluster.
func (z *zone) known(namespace string) victoriametrics.Cluster {
	if z.live != nil {
		if cluster, err := victoriametrics.ParseCluster(z.live); err == nil {
			return cluster
		}
	}
	cluster := victoriametrics.Cluster{Namespace: namespace, Name: z.name}
	if z.inline && z.live == nil {
		cluster.Spec = z.wanted
	}
	return cluster
}

// ours is true for a zone that the rollout writes to, as far as whose it is goes.
func (z *zone) ours(owner types.NamespacedName) bool {
	if z.live == nil {
		return false
	}
	have, marked, err := victoriametrics.OwnerOf(z.live)
	return err == nil && (marked && have == owner || !marked && !z.inline)
}

func (s *scene) readUsers() {
	listed := map[string]bool{}
	for _, user := range s.before.Spec.VMUsers {
		listed[user.Name] = true
	}
	for i, user := range s.object.Spec.VMUsers {
		u := &listedUser{
			path: field.NewPath("spec", "vmusers").Index(i), name: user.Name, added: !listed[user.Name],
			live: find(s.users, s.object.Namespace, user.Name),
		}
		if u.live != nil {
			var err error
			u.reads, err = s.readMap.ZonesOf(u.live)
			u.unreadable = err != nil
		}
		s.listed = append(s.listed, u)
	}
}

func (s *scene) owner() types.NamespacedName {
	return types.NamespacedName{Namespace: s.object.Namespace, Name: s.object.Name}
}

// usersChanged is true where spec.vmusers names others than before.
func (s *scene) usersChanged() bool {
	return len(s.object.Spec.VMUsers) != len(s.before.Spec.VMUsers) ||
		slices.ContainsFunc(s.listed, func(u *listedUser) bool { return u.added })
}

// zonesChanged is true where the list names other zones than before.
func (s *scene) zonesChanged() bool {
	return len(s.object.Spec.Zones.VMClusters) != len(s.before.Spec.Zones.VMClusters) || len(s.where(isAdded)) > 0
}

func (s *scene) agentChanged() bool { return agentOf(s.object) != agentOf(s.before) }

func agentOf(object *vmdistributed.VMDistributedCluster) string {
	if object.Spec.VMAgent == nil {
		return ""
	}
	return object.Spec.VMAgent.Name
}

// where returns the zones of which something is true.
func (s *scene) where(conditions ...func(*zone) bool) []*zone {
	var found []*zone
	for _, z := range s.zones {
		if !slices.ContainsFunc(conditions, func(holds func(*zone) bool) bool { return !holds(z) }) {
			found = append(found, z)
		}
	}
	return found
}

func isAdded(z *zone) bool   { return z.added }
func isChanged(z *zone) bool { return z.changed }
func exists(z *zone) bool    { return z.live != nil }
func isInline(z *zone) bool  { return z.inline }

func not(holds func(*zone) bool) func(*zone) bool {
	return func(z *zone) bool { return !holds(z) }
}

func namesOf(zones []*zone) []string {
	names := make([]string, len(zones))
	for i, zone := range zones {
		names[i] = zone.name
	}
	return names
}

// placeOf is the path of a field of one zone, or that of the list where there are
// several.
func placeOf(zones []*zone, child string) string {
	switch {
	case len(zones) != 1:
		return "spec.zones.vmclusters"
	case child == "":
		return zones[0].path.String()
	}
	return zones[0].path.Child(child).String()
}

func find(objects []*unstructured.Unstructured, namespace, name string) *unstructured.Unstructured {
	for _, object := range objects {
		if object.GetName() == name && object.GetNamespace() == namespace {
			return object
		}
	}
	return nil
}
