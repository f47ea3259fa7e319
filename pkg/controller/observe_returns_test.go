// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

var ourObject = &vmdistributed.VMDistributedCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "here", Name: "metrics"}}

// reader is a VMUser with an entry for each path, which leads to some zones.
func reader(zonesByPath ...string) *unstructured.Unstructured {
	var targets []any
	for _, entry := range zonesByPath {
		path, zones, _ := strings.Cut(entry, " ")
		var objects []any
		for _, zone := range strings.Fields(zones) {
			objects = append(objects, map[string]any{"name": zone, "namespace": "here"})
		}
		targets = append(targets, map[string]any{
			"crd": map[string]any{"kind": "VMCluster/vmselect", "name": "", "namespace": "", "objects": objects}, "paths": []any{path},
		})
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"kind": "VMUser", "metadata": map[string]any{"namespace": "here", "name": "reader", "resourceVersion": "7"}, "spec": map[string]any{"targetRefs": targets},
	}}
}

// pathsOf is what reader made it of, but that crd.name counts too.
func pathsOf(user *unstructured.Unstructured) (all []string) {
	targets, _, _ := unstructured.NestedSlice(user.Object, "spec", "targetRefs")
	for _, entry := range targets {
		entry := entry.(map[string]any)
		crd := entry["crd"].(map[string]any)
		text := entry["paths"].([]any)[0].(string)
		if name := crd["name"].(string); name != "" {
			text += " " + name
		}
		objects, _ := crd["objects"].([]any)
		for _, object := range objects {
			text += " " + object.(map[string]any)["name"].(string)
		}
		all = append(all, text)
	}
	return all
}

func clusterNamed(name string) victoriametrics.Cluster {
	return victoriametrics.Cluster{Namespace: "here", Name: name, Spec: map[string]any{"vmselect": map[string]any{}}}
}

// drainedOf is a VMUser after the drains of some zones, one after the other, in which
// those of some others take over that are not drained.
func drainedOf(t *testing.T, user *unstructured.Unstructured, drained []string, others ...string) *unstructured.Unstructured {
	t.Helper()
	for _, zone := range drained {
		drain := victoriametrics.Drain{Owner: nameOf(ourObject), Zone: clusterNamed(zone), LastTarget: victoriametrics.LastTargetFailOver}
		for _, other := range others {
			drain.Others = append(drain.Others, clusterNamed(other))
		}
		plan, err := victoriametrics.PlanDrain(user, drain)
		if err != nil || plan.Patch == nil {
			t.Fatalf("draining %s: plan is %+v, error %v", zone, plan, err)
		}
		user = &unstructured.Unstructured{Object: override.Apply(user.Object, plan.Patch)}
	}
	return user
}

// viewOfDrained sees zones and a VMUser that is drained of some of them. One that
// begins with a minus is not healthy, with a plus off the list, with an x gone.
func viewOfDrained(user *unstructured.Unstructured, zones ...string) *observation {
	view := &observation{
		owner: nameOf(ourObject), zones: map[string]*zoneView{}, strays: map[string]*zoneView{},
		readers: &readers{drained: []*unstructured.Unstructured{user}},
	}
	for _, name := range zones {
		bare := strings.TrimLeft(name, "-+x")
		zone := rollout.Zone{Name: bare, Cluster: &rollout.Cluster{}}
		seen := &zoneView{cluster: clusterNamed(bare)}
		if strings.Contains(name, "-") {
			zone.Cluster.Unhealthy = "nothing is ready"
		}
		if strings.Contains(name, "x") {
			zone.Cluster, seen.cluster = nil, victoriametrics.Cluster{}
		}
		noteDrained(view, &zone, seen)
		if strings.Contains(name, "+") {
			view.strays[bare], view.Strays = seen, append(view.Strays, rollout.Stray{Zone: zone})
			continue
		}
		view.zones[bare], view.Zones = seen, append(view.Zones, zone)
	}
	return view
}

func TestWhoTakesOverWhatStaysDrainedWhenAZoneIsGivenBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user  *unstructured.Unstructured
		zones []string
		want  []string
	}{
		"those in good health, and the zone itself": {
			reader("/x a", "/y b", "/z c d"), []string{"a", "b", "c", "-d"}, []string{"/x a", "/y a c", "/z c d"},
		},
		"the zone alone, where no other is in good health": {
			reader("/x a", "/y b", "/z c"), []string{"a", "b", "-c"}, []string{"/x a", "/y a", "/z c"},
		},
		"not the zone, where the list does not name it any more": {
			reader("/x a", "/y b", "/z c"), []string{"+a", "b", "c"}, []string{"/x a", "/y c", "/z c"},
		},
		"the zone, though the list does not name it any more, for want of others": {
			reader("/x a", "/y b"), []string{"+a", "b", "xc"}, []string{"/x a", "/y a"},
		},
		"one that is not in good health, where the zone is off the list": {
			reader("/x a", "/y b"), []string{"+a", "b", "-c"}, []string{"/x a", "/y c a"},
		},
		"no zone that is gone": {
			reader("/x a", "/y b a", "/z c"), []string{"+xa", "b", "c"}, []string{"/x c", "/y c", "/z c"},
		},
		"one that is not in good health, where the zone is gone": {
			reader("/x a", "/y b"), []string{"+xa", "b", "-c"}, []string{"/x c", "/y c"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			user := drainedOf(t, c.user, []string{"a", "b"}, "c")
			view := viewOfDrained(user, c.zones...)
			planReturns(ourObject, view)
			returns := view.viewOf("a").readers.returns
			if len(returns) != 1 {
				t.Fatalf("%d writes; %+v", len(returns), view.Observed)
			}
			after := &unstructured.Unstructured{Object: override.Apply(user.Object, returns[0].body.(map[string]any))}
			if have := pathsOf(after); !slices.Equal(have, c.want) {
				t.Errorf("leads to %q, want %q", have, c.want)
			}
			if !victoriametrics.HasDrained(after, nameOf(ourObject), "b") || victoriametrics.HasDrained(after, nameOf(ourObject), "a") {
				t.Errorf("the record is %v", after.GetAnnotations())
			}
		})
	}
}

// TestAZoneThatNothingElseMayServeForIsKeptAndSaysSo, and the other one is not.
func TestAZoneThatNothingElseMayServeForIsKeptAndSaysSo(t *testing.T) {
	t.Parallel()
	user := drainedOf(t, reader("/x a", "/y b"), []string{"a", "b"}, "c")
	targets, _, _ := unstructured.NestedSlice(user.Object, "spec", "targetRefs")
	targets = append(targets, map[string]any{"name": "default", "crd": map[string]any{"kind": "VMCluster/vmselect", "name": "b", "namespace": "here"}})
	if err := unstructured.SetNestedSlice(user.Object, targets, "spec", "targetRefs"); err != nil {
		t.Fatal(err)
	}
	view := viewOfDrained(user, "a", "b", "c")
	planReturns(ourObject, view)
	if why := view.Zones[0].Reads.Kept; !strings.Contains(why, "drain of zone a of VMUser here/reader while it stays drained of zone b") || view.zones["a"].readers.returns != nil {
		t.Errorf("a is kept for %q, with %v", why, view.zones["a"].readers.returns)
	}
	if why := view.Zones[1].Reads.Kept; why != "" || len(view.zones["b"].readers.returns) != 1 {
		t.Errorf("b is kept for %q, with %v", why, view.zones["b"].readers.returns)
	}
}

func TestInReserveIsWhatExistsAndIsNotDrained(t *testing.T) {
	t.Parallel()
	user := drainedOf(t, reader("/x a b c d"), []string{"a", "b"}, "c", "d")
	view := viewOfDrained(user, "a", "b", "-c", "d", "xe", "+f", "g", "h")
	view.Zones[3].Record.Drained = time.Unix(1, 0) // decided, and not written yet
	for i := range view.Zones {
		if view.Zones[i].Name == "g" {
			view.Zones[i].Cluster.Ownership = rollout.Foreign
		}
	}
	var have []string
	for _, cluster := range inReserve(view, "h") {
		have = append(have, cluster.Name)
	}
	if want := []string{"c", "d"}; !slices.Equal(have, want) {
		t.Errorf("in reserve are %q, want %q", have, want)
	}
}

// TestEveryZoneOfADrainWithoutAnOwnerCounts, and what can't be read as one.
func TestEveryZoneOfADrainWithoutAnOwnerCounts(t *testing.T) {
	t.Parallel()
	c := crowd(t)
	c.Controller = &Controller{inventory: knownUsers(t,
		drainedOf(t, called(reader("/x a b c"), "several"), []string{"a", "b"}, "c"), // of here/metrics, which is gone
		recorded("owned", "one", `{"drain":{"owner":"here/one","zones":["a","b"],"taken":[]},"spec":{"targetRefs":[{}]}}`),
		recorded("single", "namesake", `{"drain":{"owner":"here/namesake","zone":"a","taken":[]},"spec":{"targetRefs":[{}]}}`),
		recorded("broken", "one", "no JSON"),
		called(reader("/x a"), "undrained"),
	)}
	if count := c.OwnerlessDrains(); count != 4 {
		t.Errorf("%d drains without an owner, want 2 of several, 1 of single and 1 of broken", count)
	}
}

func called(user *unstructured.Unstructured, name string) *unstructured.Unstructured {
	user.SetName(name)
	return user
}

func recorded(name, owner, record string) *unstructured.Unstructured {
	user := called(reader("/x c"), name)
	user.SetAnnotations(map[string]string{victoriametrics.DrainAnnotation(types.NamespacedName{Namespace: "here", Name: owner}): record})
	return user
}

// knownUsers is an inventory that has heard of some VMUsers.
func knownUsers(t *testing.T, users ...*unstructured.Unstructured) *inventory.Inventory {
	t.Helper()
	known := cache.NewSharedIndexInformer(&cache.ListWatch{}, &unstructured.Unstructured{}, 0, cache.Indexers{})
	for _, user := range users {
		if err := known.GetIndexer().Add(user); err != nil {
			t.Fatal(err)
		}
	}
	return &inventory.Inventory{VMUsers: known}
}
