// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

type object = vmdistributed.VMDistributedCluster

func inline(name, spec string) vmdistributed.Zone {
	return vmdistributed.Zone{Name: name, Spec: &rawjson.Object{Raw: []byte(spec)}}
}

func referred(name, override string) vmdistributed.Zone {
	zone := vmdistributed.Zone{Ref: &vmdistributed.ObjectReference{Name: name}}
	if override != "" {
		zone.OverrideSpec = &rawjson.Object{Raw: []byte(override)}
	}
	return zone
}

func stored(change ...func(*object)) *object {
	o := &object{ObjectMeta: metav1.ObjectMeta{Name: "x", Namespace: "ns", UID: "1"}}
	o.Spec.DeletionPolicy = vmdistributed.DeletionPolicyDelete
	o.Spec.VMAgent = &vmdistributed.ObjectReference{Name: "agent"}
	o.Spec.VMUsers = []vmdistributed.ObjectReference{{Name: "user"}}
	o.Spec.Zones.VMClusters = []vmdistributed.Zone{inline("a", `{}`), referred("b", `{"x":1}`)}
	for _, c := range change {
		c(o)
	}
	return o
}

func zones(zones ...vmdistributed.Zone) func(*object) {
	return func(o *object) { o.Spec.Zones.VMClusters = zones }
}

// told writes each touch as resource/name:verbs.
func told(found []touch) string {
	var all []string
	for _, t := range found {
		all = append(all, strings.TrimPrefix(t.resource.Resource, "vm")+"/"+t.name+":"+strings.Join(t.verbs, ","))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

const (
	everything = "agents/agent:update,patch clusters/a:update,patch clusters/b:update,patch users/user:update,patch"
	annotation = "distributed.victoriametrics.com/"
)

func TestWritesTouchWhatTheyChangeAndWhatTheyLetGo(t *testing.T) {
	annotate := func(key, value string) func(*object) {
		return func(o *object) { metav1.SetMetaDataAnnotation(&o.ObjectMeta, key, value) }
	}
	paused := func(o *object) { o.Spec.Paused = true }
	observed := func(o *object) { o.Spec.ManagementPolicy = vmdistributed.ManagementPolicyObserve }
	leaving := func(o *object) { o.DeletionTimestamp = &metav1.Time{} }
	for _, test := range []struct {
		name        string
		object, old *object
		existing    []string
		want        string
	}{
		{"create", stored(), nil, nil, "agents/agent:update,patch clusters/a:create clusters/b:update,patch users/user:update,patch"},
		{"create over what is there", stored(), nil, []string{"a", "b"}, "agents/agent:update,patch clusters/a:create,update,patch clusters/b:update,patch users/user:update,patch"},
		{"create paused", stored(paused), nil, nil, "agents/agent:update,patch clusters/a:create clusters/b:update,patch users/user:update,patch"},
		{"nothing", stored(), stored(), nil, ""},
		{"a label", stored(func(o *object) { o.Labels = map[string]string{"a": "b"} }), stored(), nil, ""},
		{"another order", stored(zones(referred("b", `{"x":1}`), inline("a", `{}`))), stored(), nil, ""},

		{"another definition", stored(zones(inline("a", `{"y":1}`), referred("b", `{"x":1}`))), stored(), []string{"a", "b"}, "clusters/a:update,patch users/user:update,patch"},
		{"another override", stored(zones(inline("a", `{}`), referred("b", `{"x":2}`))), stored(), nil, "clusters/b:update,patch users/user:update,patch"},
		{"no override", stored(zones(inline("a", `{}`), referred("b", ""))), stored(), nil, "clusters/b:update,patch users/user:update,patch"},
		{"a new zone", stored(zones(inline("a", `{}`), referred("b", `{"x":1}`), inline("c", `{}`))), stored(), nil, "agents/agent:update,patch clusters/c:create users/user:update,patch"},
		{"a zone less", stored(zones(inline("a", `{}`))), stored(), nil, "agents/agent:update,patch clusters/b:update,patch users/user:update,patch"},
		{"a zone in the place of another", stored(zones(inline("a", `{}`), referred("c", `{"x":1}`))), stored(), nil,
			"agents/agent:update,patch clusters/b:update,patch clusters/c:update,patch users/user:update,patch"},
		{"defined here from now on", stored(zones(inline("a", `{}`), inline("b", `{"x":1}`))), stored(), []string{"b"}, "clusters/b:create,update,patch users/user:update,patch"},
		{"referred to from now on", stored(zones(referred("a", ""), referred("b", `{"x":1}`))), stored(), []string{"a"}, "clusters/a:update,patch users/user:update,patch"},

		{"another VMAgent", stored(func(o *object) { o.Spec.VMAgent.Name = "other" }), stored(), nil, "agents/agent:update,patch agents/other:update,patch"},
		{"no VMAgent", stored(func(o *object) { o.Spec.VMAgent = nil }), stored(), nil, "agents/agent:update,patch"},
		{"another VMUser", stored(func(o *object) { o.Spec.VMUsers[0].Name = "other" }), stored(), nil, "users/other:update,patch users/user:update,patch"},

		{"paused", stored(paused), stored(), nil, ""},
		{"not paused any more", stored(), stored(paused), nil, everything},
		{"observed", stored(observed), stored(), nil, ""},
		{"not only observed any more", stored(), stored(observed), nil, everything},
		{"strategy", stored(func(o *object) { o.Spec.Strategy.MinAvailableZones = new(int32) }), stored(), nil, everything},
		{"promoted", stored(annotate(annotation+"promote", "a:1")), stored(), nil, everything},
		{"called off", stored(annotate(annotation+"abort", "1")), stored(), nil, everything},
		{"no longer called off", stored(), stored(annotate(annotation+"abort", "1")), nil, everything},
		{"storage may shrink", stored(annotate(annotation+"permit-storage-shrink", "a:x=1")), stored(), nil, everything},
		{"another deletion policy", stored(func(o *object) { o.Spec.DeletionPolicy = "Retain" }), stored(), nil, ""},

		{"on its way out", stored(leaving), stored(leaving), nil, ""},
		{"another deletion policy on the way out", stored(leaving), stored(leaving, func(o *object) { o.Spec.DeletionPolicy = "Retain" }), nil,
			"agents/agent:update,patch clusters/a:delete clusters/b:update,patch users/user:update,patch"},
	} {
		t.Run(test.name, func(t *testing.T) {
			exists := func(namespace, name string) bool { return namespace == "ns" && slices.Contains(test.existing, name) }
			if got := told(ofWrite(test.object, test.old, exists)); got != test.want {
				t.Errorf("touched are\n%s, want\n%s", got, test.want)
			}
		})
	}
}

func TestDeletingTouchesWhatItEnds(t *testing.T) {
	const kept = "agents/agent:update,patch clusters/a:update,patch clusters/b:update,patch users/user:update,patch"
	for _, test := range []struct {
		name string
		old  *object
		want string
	}{
		{"by default", stored(), "agents/agent:update,patch clusters/a:delete clusters/b:update,patch users/user:update,patch"},
		{"retained", stored(func(o *object) { o.Spec.DeletionPolicy = vmdistributed.DeletionPolicyRetain }), kept},
		{"once more", stored(func(o *object) { o.DeletionTimestamp = &metav1.Time{} }), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := told(ofDelete(test.old)); got != test.want {
				t.Errorf("touched are\n%s, want\n%s", got, test.want)
			}
		})
	}
}

func TestStatusIsForThoseWhoMayChangeTheZones(t *testing.T) {
	changed := stored(func(o *object) { o.Status.ObservedGeneration = 7 })
	if got, want := told(ofStatus(changed, stored())), "clusters/a:update,patch clusters/b:update,patch users/user:update,patch"; got != want {
		t.Errorf("touched are\n%s, want\n%s", got, want)
	}
	if got := told(ofStatus(stored(), stored())); got != "" {
		t.Errorf("a status that stays touches %s", got)
	}
}

// TestEveryTouchSaysWhy, for the refusal to tell.
func TestEveryTouchSaysWhy(t *testing.T) {
	none := func(string, string) bool { return false }
	found := slices.Concat(ofWrite(stored(), nil, none), ofWrite(stored(zones()), stored(), none), ofDelete(stored()))
	for _, touched := range found {
		if touched.reason == "" || touched.name == "" || touched.resource.Group != victoriametrics.GroupVersion.Group {
			t.Errorf("%+v", touched)
		}
	}
}
