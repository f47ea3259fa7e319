// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
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

// told writes each touch as resource/name:verbs, and what is the same once.
func told(found []touch) string {
	var all []string
	for _, t := range found {
		all = append(all, strings.TrimPrefix(t.resource.Resource, "vm")+"/"+t.name+":"+strings.Join(t.verbs, ","))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

const (
	everything = "agents/agent:update,patch clusters/a:update,patch clusters/b:update,patch users/user:update,patch"
	// atCreation is all that a new object touches where there is no VMCluster a.
	atCreation = "agents/agent:update,patch clusters/a:create clusters/b:update,patch users/user:update,patch"
	// unmade is everything, with a VMCluster a that was never made.
	unmade     = "agents/agent:update,patch clusters/a:create,update,patch clusters/b:update,patch users/user:update,patch"
	annotation = "distributed.victoriametrics.com/"
)

// there is a host cluster that holds VMClusters, those that are to stay.
func there(names ...string) surroundings {
	s := surroundings{clusters: map[string]bool{}}
	for _, name := range names {
		s.clusters[name] = true
	}
	return s
}

// paused and the like change what is stored.
func paused(o *object)   { o.Spec.Paused = true }
func observed(o *object) { o.Spec.ManagementPolicy = vmdistributed.ManagementPolicyObserve }
func retained(o *object) { o.Spec.DeletionPolicy = vmdistributed.DeletionPolicyRetain }
func leaving(o *object)  { o.DeletionTimestamp = &metav1.Time{} }

func owned(by ...types.UID) func(*object) {
	return func(o *object) {
		for _, uid := range by {
			o.OwnerReferences = append(o.OwnerReferences, metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: uid})
		}
	}
}

func users(names ...string) func(*object) {
	return func(o *object) {
		o.Spec.VMUsers = nil
		for _, name := range names {
			o.Spec.VMUsers = append(o.Spec.VMUsers, vmdistributed.ObjectReference{Name: name})
		}
	}
}

func agent(name string) func(*object) {
	return func(o *object) { o.Spec.VMAgent = &vmdistributed.ObjectReference{Name: name} }
}

func annotated(key, value string) func(*object) {
	return func(o *object) { metav1.SetMetaDataAnnotation(&o.ObjectMeta, annotation+key, value) }
}

// write is a request with what it touches.
type write struct {
	name        string
	object, old *object
	around      surroundings
	want        string
}

func (w write) check(t *testing.T) {
	if got := told(ofWrite(w.object, w.old, w.around)); got != w.want {
		t.Errorf("touched are\n%s, want\n%s", got, w.want)
	}
}

func TestWritesTouchWhatTheyChange(t *testing.T) {
	a, b, override := inline("a", `{}`), referred("b", `{"x":1}`), referred("b", `{"x":2}`)
	for _, test := range []write{
		{"create", stored(), nil, there(), atCreation},
		{"create over what is there", stored(), nil, there("a", "b"), unmade},
		{"create over what goes", stored(), nil, surroundings{clusters: map[string]bool{"a": false}}, unmade},
		{"create, nobody knows over what", stored(), nil, surroundings{unknown: true}, unmade},
		{"create paused", stored(paused), nil, there(), atCreation},
		{"nothing", stored(), stored(), there(), ""},
		{"a label", stored(func(o *object) { o.Labels = map[string]string{"a": "b"} }), stored(), there(), ""},

		{"another definition", stored(zones(inline("a", `{"y":1}`), b)), stored(), there("a", "b"), "clusters/a:update,patch users/user:update,patch"},
		{"another definition of what was never made", stored(zones(inline("a", `{"y":1}`), b)), stored(), there("b"), "clusters/a:create,update,patch users/user:update,patch"},
		{"another definition of what goes", stored(zones(inline("a", `{"y":1}`), b)), stored(), surroundings{clusters: map[string]bool{"a": false}}, "clusters/a:create,update,patch users/user:update,patch"},
		{"another definition of nobody knows what", stored(zones(inline("a", `{"y":1}`), b)), stored(), surroundings{unknown: true}, "clusters/a:create,update,patch users/user:update,patch"},
		{"another override", stored(zones(a, override)), stored(), there("a"), "clusters/b:update,patch users/user:update,patch"},
		{"no override", stored(zones(a, referred("b", ""))), stored(), there(), "clusters/b:update,patch users/user:update,patch"},
		{"a new zone", stored(zones(a, b, inline("c", `{}`))), stored(), there(), "agents/agent:update,patch clusters/c:create users/user:update,patch"},
		{"a zone less", stored(zones(a)), stored(), there(), "agents/agent:update,patch clusters/b:update,patch users/user:update,patch"},
		{"a zone in the place of another", stored(zones(a, referred("c", `{"x":1}`))), stored(), there(),
			"agents/agent:update,patch clusters/b:update,patch clusters/c:update,patch users/user:update,patch"},
		{"a new zone before the others", stored(zones(referred("c", ""), a, b)), stored(), there(), "agents/agent:update,patch clusters/c:update,patch users/user:update,patch"},

		// Whose it is decides whether the VMAgent scrapes it.
		{"defined here from now on", stored(zones(a, inline("b", `{"x":1}`))), stored(), there("b"), "agents/agent:update,patch clusters/b:create,update,patch users/user:update,patch"},
		{"defined here from now on, and not there", stored(zones(a, inline("b", `{"x":1}`))), stored(), there(), "agents/agent:update,patch clusters/b:create users/user:update,patch"},
		{"referred to from now on", stored(zones(referred("a", ""), b)), stored(), there("a"), "agents/agent:update,patch clusters/a:update,patch users/user:update,patch"},
	} {
		t.Run(test.name, test.check)
	}
}

func TestWritesTouchAllThatTheyLetGoOn(t *testing.T) {
	both := there("a", "b")
	for _, test := range []write{
		{"paused", stored(paused), stored(), both, ""},
		{"not paused any more", stored(), stored(paused), both, everything},
		{"not paused any more, with what was never made", stored(), stored(paused), there("b"), unmade},
		{"observed", stored(observed), stored(), both, ""},
		{"not only observed any more", stored(), stored(observed), both, everything},
		{"not only observed any more, with what was never made", stored(), stored(observed), there(), unmade},
		{"strategy", stored(func(o *object) { o.Spec.Strategy.MinAvailableZones = new(int32) }), stored(), both, everything},
		{"storage may shrink", stored(annotated("permit-storage-shrink", "a:x=1")), stored(), both, everything},

		// What the rollout waits for, by what a zone comes after and by what the VMUsers
		// and the VMAgent say.
		{"another order", stored(zones(referred("b", `{"x":1}`), inline("a", `{}`))), stored(), both, everything},
		{"another order around a new zone", stored(zones(referred("b", `{"x":1}`), referred("c", ""), inline("a", `{}`))), stored(), both,
			"agents/agent:update,patch clusters/a:update,patch clusters/b:update,patch clusters/c:update,patch users/user:update,patch"},
		{"another VMAgent", stored(agent("other")), stored(), both, "agents/agent:update,patch agents/other:update,patch clusters/a:update,patch clusters/b:update,patch users/user:update,patch"},
		{"no VMAgent", stored(func(o *object) { o.Spec.VMAgent = nil }), stored(), both, everything},
		{"a VMAgent", stored(), stored(func(o *object) { o.Spec.VMAgent = nil }), both, everything},
		{"another VMUser", stored(users("other")), stored(), both, "agents/agent:update,patch clusters/a:update,patch clusters/b:update,patch users/other:update,patch users/user:update,patch"},
		{"no VMUser", stored(users()), stored(), both, everything},
		{"VMUsers in another order", stored(users("u", "v")), stored(users("v", "u")), both, ""},
	} {
		t.Run(test.name, test.check)
	}
}

func TestWritesToWhatIsOnItsWayOutTouchWhatTheyEnd(t *testing.T) {
	const ended = "agents/agent:update,patch clusters/a:delete clusters/b:update,patch users/user:update,patch"
	both := there("a", "b")
	for _, test := range []write{
		{"another deletion policy before", stored(retained), stored(), both, ""},
		{"nothing", stored(leaving), stored(leaving), both, ""},
		{"to be deleted after all", stored(leaving), stored(leaving, retained), both, ended},
		{"to be retained after all", stored(leaving, retained), stored(leaving), both, everything},
		{"only observed, whatever the policy", stored(leaving, observed), stored(leaving, observed, retained), both, everything},
		{"only observed from now on", stored(leaving, observed), stored(leaving), both, everything},
		{"not only observed any more", stored(leaving), stored(leaving, observed), both,
			"agents/agent:update,patch clusters/a:delete clusters/a:update,patch clusters/b:update,patch users/user:update,patch"},
		{"not only observed any more, and retained", stored(leaving, retained), stored(leaving, observed, retained), both, everything},
	} {
		t.Run(test.name, test.check)
	}
}

// TestLeftoversAreTouchedByWhatTakesThemUp: the controller knows what is an object's
// by the object's name, and takes up what it finds.
// TestWritesTouchWhatTheGarbageCollectorWouldEnd: it asks nobody whose right that is.
func TestWritesTouchWhatTheGarbageCollectorWouldEnd(t *testing.T) {
	const end = "agents/agent:update,patch clusters/a:delete clusters/b:update,patch users/user:update,patch"
	const kept = everything
	both := there("a", "b")
	for _, test := range []write{
		{"an owner", stored(owned("1")), stored(), both, end},
		{"another owner", stored(owned("1", "2")), stored(owned("1")), both, end},
		{"one owner in the place of another", stored(owned("2")), stored(owned("1")), both, end},
		{"the same owner", stored(owned("1")), stored(owned("1")), both, ""},
		{"an owner less", stored(owned("1")), stored(owned("1", "2")), both, ""},
		{"no owner any more", stored(), stored(owned("1")), both, ""},
		{"an owner of what is to be kept", stored(owned("1"), retained), stored(retained), both, kept},
		{"an owner of what is only observed", stored(owned("1"), observed), stored(observed), both, kept},
		{"created with an owner", stored(owned("1")), nil, there(), "agents/agent:update,patch clusters/a:create clusters/a:delete clusters/b:update,patch users/user:update,patch"},
		{"to be kept no more", stored(), stored(retained), both, end},
		{"to be kept from now on", stored(retained), stored(), both, ""},
		{"to be kept no more, of an owner", stored(owned("1")), stored(owned("1"), retained), both, end},
		{"not only observed any more, of an owner", stored(owned("1")), stored(owned("1"), observed), both,
			"agents/agent:update,patch clusters/a:delete clusters/a:update,patch clusters/b:update,patch users/user:update,patch"},
	} {
		t.Run(test.name, test.check)
	}
}

func TestLeftoversAreTouchedByWhatTakesThemUp(t *testing.T) {
	around := there("a", "b")
	around.leftovers = []touch{{victoriametrics.VMClusterResource, "left", changing, releasing}}
	status := stored(func(o *object) { o.Status.ObservedGeneration = 7 })
	for name, test := range map[string]struct {
		found []touch
		want  bool
	}{
		"create":                 {ofWrite(stored(), nil, around), true},
		"nothing":                {ofWrite(stored(), stored(), around), false},
		"another override":       {ofWrite(stored(zones(inline("a", `{}`), referred("b", ""))), stored(), around), false},
		"not paused any more":    {ofWrite(stored(), stored(paused), around), true},
		"to be deleted, leaving": {ofWrite(stored(leaving), stored(leaving, retained), around), true},
		"delete":                 {ofDelete(stored(), around), true},
		"delete once more":       {ofDelete(stored(leaving), around), false},
		"status":                 {ofStatus(status, stored(), around), true},
		"the same status":        {ofStatus(stored(), stored(), around), false},
	} {
		if got := strings.Contains(told(test.found), "clusters/left:update,patch"); got != test.want {
			t.Errorf("%s: touched are %s, leftovers among them: want %t", name, told(test.found), test.want)
		}
	}
}

func TestDeletingTouchesWhatItEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		old  *object
		want string
	}{
		{"by default", stored(), "agents/agent:update,patch clusters/a:delete clusters/b:update,patch users/user:update,patch"},
		{"retained", stored(retained), everything},
		{"only observed", stored(observed), everything},
		{"only observed, and retained", stored(observed, retained), everything},
		{"paused", stored(paused), "agents/agent:update,patch clusters/a:delete clusters/b:update,patch users/user:update,patch"},
		{"once more", stored(leaving), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := told(ofDelete(test.old, there())); got != test.want {
				t.Errorf("touched are\n%s, want\n%s", got, test.want)
			}
		})
	}
}

func TestGoingBackTouchesAllAndMakesAnewWhatIsGone(t *testing.T) {
	for want, around := range map[string]surroundings{everything: there("a", "b"), unmade: there("b")} {
		if got := told(ofUndo(stored(), around)); got != want {
			t.Errorf("touched is %s\nwant %s", got, want)
		}
	}
}

func TestAChangeOfZonesThatEndsOrBeginsAnUndoTouchesAll(t *testing.T) {
	other := zones(inline("a", `{}`), referred("b", `{"x":2}`))
	revisionOf := func(o *object) string {
		all, err := revision.Of(o)
		if err != nil {
			t.Fatal(err)
		}
		return revision.OfZones(all)
	}
	now, before := stored(other), stored()
	for name, test := range map[string]struct {
		undone string
		change func(*object)
		want   string
	}{
		"what was undone is left":       {revisionOf(before), other, everything},
		"what was undone comes again":   {revisionOf(now), other, everything},
		"another one was undone":        {"0123456789", other, "clusters/b:update,patch users/user:update,patch"},
		"nothing is changed but a flag": {revisionOf(before), paused, ""},
	} {
		old := stored()
		old.Status.Say(vmdistributed.Word{Verb: vmdistributed.WordUndo, Revision: test.undone, To: "good"})
		if got := told(ofWrite(stored(test.change), old, there("a", "b"))); got != test.want {
			t.Errorf("%s: touched is %s\nwant %s", name, got, test.want)
		}
	}
}

func TestStatusIsForThoseWhoMayChangeAllThatItIsAbout(t *testing.T) {
	changed := stored(func(o *object) { o.Status.ObservedGeneration = 7 })
	if got := told(ofStatus(changed, stored(), there())); got != everything {
		t.Errorf("touched are\n%s, want\n%s", got, everything)
	}
	if got := told(ofStatus(stored(), stored(), there())); got != "" {
		t.Errorf("a status that stays touches %s", got)
	}
}

// TestEveryTouchSaysWhy, for the refusal to tell.
func TestEveryTouchSaysWhy(t *testing.T) {
	changed := stored(func(o *object) { o.Status.ObservedGeneration = 7 })
	found := slices.Concat(ofWrite(stored(), nil, there()), ofWrite(stored(zones()), stored(), there()), ofDelete(stored(), there()), ofStatus(changed, stored(), there()))
	for _, touched := range found {
		if touched.reason == "" || touched.name == "" || touched.resource.Group != victoriametrics.GroupVersion.Group {
			t.Errorf("%+v", touched)
		}
	}
}
