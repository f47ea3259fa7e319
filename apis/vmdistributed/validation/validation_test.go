// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

func inline(name string) vmdistributed.Zone {
	return vmdistributed.Zone{Name: name, Spec: &rawjson.Object{}}
}

func referred(name string) vmdistributed.Zone {
	return vmdistributed.Zone{Ref: &vmdistributed.ObjectReference{Name: name}}
}

// valid returns an object that uses every field that is looked at.
func valid() *vmdistributed.VMDistributedCluster {
	here := referred("zone-b")
	here.Ref.Namespace = "here"
	return &vmdistributed.VMDistributedCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "x", Namespace: "here", ResourceVersion: "1"},
		Spec: vmdistributed.VMDistributedClusterSpec{
			VMAgent: &vmdistributed.ObjectReference{Name: "agent.one"},
			VMUsers: []vmdistributed.ObjectReference{{Name: "a", Namespace: "here"}, {Name: "b"}},
			Strategy: vmdistributed.RolloutStrategy{
				ReadyTimeout: "1h30m", UpdatePause: "0s", ProgressDeadline: "1h",
				Drain: vmdistributed.DrainStrategy{Timeout: "3m", GracePeriod: "0s"},
				Flush: vmdistributed.FlushStrategy{Timeout: "30m", StableFor: "1s"},
			},
			Zones: vmdistributed.Zones{VMClusters: []vmdistributed.Zone{inline("zone-a"), here}},
		},
	}
}

// TestRules changes one thing of a valid object at a time. Each error is written
// as its type and its path; what a user reads is in the test of the strategy, and
// so are the rules that tags say.
func TestRules(t *testing.T) {
	type spec = vmdistributed.VMDistributedClusterSpec
	zones := func(zones ...vmdistributed.Zone) func(*spec) {
		return func(s *spec) { s.Zones.VMClusters = zones }
	}
	strategy := func(change func(*vmdistributed.RolloutStrategy)) func(*spec) {
		return func(s *spec) { change(&s.Strategy) }
	}
	for _, test := range []struct {
		name   string
		change func(*spec)
		want   []string
	}{
		{"valid", func(*spec) {}, nil},
		{"nothing optional", func(s *spec) { s.VMAgent, s.VMUsers = nil, nil }, nil},

		{"spec alone", zones(vmdistributed.Zone{Spec: &rawjson.Object{}}), []string{"Required spec.zones.vmclusters[0].name"}},
		{"spec beside ref", zones(vmdistributed.Zone{Ref: &vmdistributed.ObjectReference{Name: "a"}, Spec: &rawjson.Object{}}), nil}, // a tag tells
		{"ref with name", zones(vmdistributed.Zone{Ref: &vmdistributed.ObjectReference{Name: "a"}, Name: "No Label"}), nil},          // a warning
		{"name with a capital", zones(inline("A")), []string{"Invalid spec.zones.vmclusters[0].name"}},
		{"name with a dot", zones(inline("a.b")), []string{"Invalid spec.zones.vmclusters[0].name"}},
		{"name of 63", zones(inline(strings.Repeat("a", 63))), nil},
		{"name of 64", zones(inline(strings.Repeat("a", 64))), []string{"Invalid spec.zones.vmclusters[0].name"}},
		{"ref elsewhere", zones(vmdistributed.Zone{Ref: &vmdistributed.ObjectReference{Name: "a", Namespace: "there"}}),
			[]string{"Invalid spec.zones.vmclusters[0].ref.namespace"}},
		{"twice inline", zones(inline("a"), inline("b"), inline("a")), []string{"Duplicate spec.zones.vmclusters[2].name"}},
		{"twice referred to", zones(referred("a"), referred("a")), []string{"Duplicate spec.zones.vmclusters[1].ref.name"}},
		{"once each way", zones(referred("a"), inline("a")), []string{"Duplicate spec.zones.vmclusters[1].name"}},
		{"three times", zones(inline("a"), inline("a"), inline("a")),
			[]string{"Duplicate spec.zones.vmclusters[1].name", "Duplicate spec.zones.vmclusters[2].name"}},
		{"twice nameless", zones(referred(""), referred("")), nil}, // a tag tells
		{"far too many", zones(slices.Repeat([]vmdistributed.Zone{inline("A")}, MaxZones+1)...), nil},

		{"agent elsewhere", func(s *spec) { s.VMAgent.Namespace = "there" }, []string{"Invalid spec.vmagent.namespace"}},
		{"user elsewhere", func(s *spec) { s.VMUsers[1].Namespace = "there" }, []string{"Invalid spec.vmusers[1].namespace"}},
		{"user twice", func(s *spec) { s.VMUsers[1].Name = "a" }, []string{"Duplicate spec.vmusers[1].name"}},
		{"user twice nameless", func(s *spec) { s.VMUsers[0].Name, s.VMUsers[1].Name = "", "" }, nil}, // a tag tells

		{"no progress deadline", strategy(func(s *vmdistributed.RolloutStrategy) { s.ProgressDeadline = "0s" }), []string{"Invalid spec.strategy.progressDeadline"}},
		{"drain in no time", strategy(func(s *vmdistributed.RolloutStrategy) { s.Drain.Timeout = "0s" }), []string{"Invalid spec.strategy.drain.timeout"}},
		{"negative grace", strategy(func(s *vmdistributed.RolloutStrategy) { s.Drain.GracePeriod = "-1s" }), []string{"Invalid spec.strategy.drain.gracePeriod"}},
		{"flush in no time", strategy(func(s *vmdistributed.RolloutStrategy) { s.Flush.Timeout = "" }), []string{"Invalid spec.strategy.flush.timeout"}},
		{"stable for as long as it takes", strategy(func(s *vmdistributed.RolloutStrategy) { s.Flush.StableFor = "" }), nil},
		{"stable for no time", strategy(func(s *vmdistributed.RolloutStrategy) { s.Flush.StableFor = "0s" }), []string{"Invalid spec.strategy.flush.stableFor"}},
		{"no timeout", strategy(func(s *vmdistributed.RolloutStrategy) { s.ReadyTimeout = "" }), []string{"Invalid spec.strategy.readyTimeout"}},
		{"timeout of nothing", strategy(func(s *vmdistributed.RolloutStrategy) { s.ReadyTimeout = "0s" }), []string{"Invalid spec.strategy.readyTimeout"}},
		{"negative timeout", strategy(func(s *vmdistributed.RolloutStrategy) { s.ReadyTimeout = "-5m" }), []string{"Invalid spec.strategy.readyTimeout"}},
		{"pause in words", strategy(func(s *vmdistributed.RolloutStrategy) { s.UpdatePause = "a while" }), []string{"Invalid spec.strategy.updatePause"}},
		{"pause in days", strategy(func(s *vmdistributed.RolloutStrategy) { s.UpdatePause = "1d" }), []string{"Invalid spec.strategy.updatePause"}},
		{"pause out of range", strategy(func(s *vmdistributed.RolloutStrategy) { s.UpdatePause = "99999999999h" }), []string{"Invalid spec.strategy.updatePause"}},
		{"negative pause", strategy(func(s *vmdistributed.RolloutStrategy) { s.UpdatePause = "-1ns" }), []string{"Invalid spec.strategy.updatePause"}},

		{"spec of a little under 1 MiB", sized(MaxSpecBytes - 1000), nil},
		{"spec of a little over 1 MiB", sized(MaxSpecBytes), []string{"TooLong spec"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			object := valid()
			test.change(&object.Spec)
			wantErrors(t, "create", ValidateCreate(object), test.want)
			wantErrors(t, "update", ValidateUpdate(object, valid()), test.want)
			wantErrors(t, "status", ValidateStatusUpdate(object, valid()), nil)
		})
	}
}

// sized makes the inner specs that large together.
func sized(bytes int) func(*vmdistributed.VMDistributedClusterSpec) {
	return func(s *vmdistributed.VMDistributedClusterSpec) {
		half := rawjson.Object{Raw: fmt.Appendf(nil, `{"x":%q}`, strings.Repeat("x", bytes/2))}
		s.Zones.VMClusters[0].Spec, s.Zones.VMClusters[1].OverrideSpec = &half, &half
	}
}

func wantErrors(t *testing.T, how string, errs field.ErrorList, want []string) {
	t.Helper()
	kinds := map[field.ErrorType]string{
		field.ErrorTypeRequired: "Required", field.ErrorTypeInvalid: "Invalid",
		field.ErrorTypeDuplicate: "Duplicate", field.ErrorTypeTooLong: "TooLong",
	}
	var got []string
	for _, err := range errs {
		got = append(got, kinds[err.Type]+" "+err.Field)
		if len(err.Error()) > 1000 {
			t.Errorf("%s: the message for %s has %d bytes", how, err.Field, len(err.Error()))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q (%v)", how, got, want, errs)
	}
}

// TestMetadataIsChecked like that of any object.
func TestMetadataIsChecked(t *testing.T) {
	object := valid()
	object.Name, object.Labels = "No Name", map[string]string{"a b": ""}
	wantErrors(t, "create", ValidateCreate(object), []string{"Invalid metadata.name", "Invalid metadata.labels"})
	object = valid()
	object.UID = "other"
	wantErrors(t, "update", ValidateUpdate(object, func() *vmdistributed.VMDistributedCluster {
		old := valid()
		old.UID = "one"
		return old
	}()), []string{"Invalid metadata.uid"})
}

// TestStatusGoesBackToNoEarlierTerm, unless somebody takes the record away first.
func TestStatusGoesBackToNoEarlierTerm(t *testing.T) {
	record := func(number int32) *vmdistributed.ControllerRecord {
		return &vmdistributed.ControllerRecord{HolderIdentity: "host_1", LeaseTransitions: number}
	}
	for name, c := range map[string]struct {
		now, before *vmdistributed.ControllerRecord
		refused     bool
	}{
		"first":                       {record(1), nil, false},
		"same":                        {record(1), record(1), false},
		"later":                       {record(2), record(1), false},
		"earlier":                     {record(1), record(2), true},
		"taken away":                  {nil, record(2), false},
		"by a server that knows none": {nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			now, before := &vmdistributed.VMDistributedCluster{}, &vmdistributed.VMDistributedCluster{}
			for _, object := range []*vmdistributed.VMDistributedCluster{now, before} {
				object.Name, object.Namespace, object.ResourceVersion = "demo", "ns", "1"
			}
			now.Status.Controller, before.Status.Controller = c.now, c.before
			errs := ValidateStatusUpdate(now, before)
			if refused := len(errs) > 0; refused != c.refused {
				t.Errorf("refused: %v, want %t", errs, c.refused)
			}
			if c.refused && errs[0].Field != "status.controller.leaseTransitions" {
				t.Errorf("the field is %q", errs[0].Field)
			}
		})
	}
}
