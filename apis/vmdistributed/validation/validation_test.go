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

// valid returns an object that uses every field.
func valid() *vmdistributed.VMDistributedCluster {
	override := referred("zone-b")
	override.OverrideSpec = &rawjson.Object{Raw: []byte(`{"a":null}`)}
	override.Ref.Namespace = "here"
	return &vmdistributed.VMDistributedCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "x", Namespace: "here", ResourceVersion: "1"},
		Spec: vmdistributed.VMDistributedClusterSpec{
			VMAgent:        &vmdistributed.ObjectReference{Name: "agent.one"},
			VMUsers:        []vmdistributed.ObjectReference{{Name: "a", Namespace: "here"}, {Name: "b"}},
			DeletionPolicy: vmdistributed.DeletionPolicyRetain,
			Strategy: vmdistributed.RolloutStrategy{
				MaxUnavailable: new(int32(1)), MinAvailableZones: new(int32(1)), MaxFailures: new(int32(0)),
				ReadyTimeout: "1h30m", UpdatePause: "0s", ProgressDeadline: "1h",
				Drain: vmdistributed.DrainStrategy{Timeout: "3m", GracePeriod: "0s", LastTarget: vmdistributed.LastTargetRefuse},
				Flush: vmdistributed.FlushStrategy{Timeout: "30m", StableFor: "1s", MaxPendingBytes: new(int64(0))},
			},
			Zones: vmdistributed.Zones{VMClusters: []vmdistributed.Zone{inline("zone-a"), override}},
		},
	}
}

// TestRules changes one thing of a valid object at a time. Each error is written
// as its type and its path.
func TestRules(t *testing.T) {
	type spec = vmdistributed.VMDistributedClusterSpec
	number := func(i int32) *int32 { return &i }
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
		{"paused", func(s *spec) { s.Paused = true }, nil},
		{"nothing optional", func(s *spec) { s.VMAgent, s.VMUsers, s.Strategy.MinAvailableZones = nil, nil, nil }, nil},

		{"no zone", zones(), []string{"Required spec.zones.vmclusters"}},
		{"one zone", zones(inline("a")), nil},
		{"100 zones", zones(many(100)...), nil},
		{"101 zones", zones(many(101)...), []string{"TooMany spec.zones.vmclusters"}},

		{"empty entry", zones(vmdistributed.Zone{}), []string{"Required spec.zones.vmclusters[0]"}},
		{"name alone", zones(vmdistributed.Zone{Name: "a"}), []string{"Required spec.zones.vmclusters[0].spec"}},
		{"spec alone", zones(vmdistributed.Zone{Spec: &rawjson.Object{}}), []string{"Required spec.zones.vmclusters[0].name"}},
		{"override alone", zones(vmdistributed.Zone{OverrideSpec: &rawjson.Object{}}),
			[]string{"Forbidden spec.zones.vmclusters[0].overrideSpec", "Required spec.zones.vmclusters[0]"}},
		{"override of an inline zone", zones(vmdistributed.Zone{Name: "a", Spec: &rawjson.Object{}, OverrideSpec: &rawjson.Object{}}),
			[]string{"Forbidden spec.zones.vmclusters[0].overrideSpec"}},
		{"ref with spec", zones(inline("b"), vmdistributed.Zone{Ref: &vmdistributed.ObjectReference{Name: "a"}, Spec: &rawjson.Object{}}),
			[]string{"Forbidden spec.zones.vmclusters[1].spec"}},
		{"ref with name", zones(vmdistributed.Zone{Ref: &vmdistributed.ObjectReference{Name: "a"}, Name: "No Label"}), nil}, // a warning
		{"empty ref", zones(referred("")), []string{"Required spec.zones.vmclusters[0].ref.name"}},

		{"name with a capital", zones(inline("A")), []string{"Invalid spec.zones.vmclusters[0].name"}},
		{"name with a dot", zones(inline("a.b")), []string{"Invalid spec.zones.vmclusters[0].name"}},
		{"name of 63", zones(inline(strings.Repeat("a", 63))), nil},
		{"name of 64", zones(inline(strings.Repeat("a", 64))), []string{"Invalid spec.zones.vmclusters[0].name"}},
		{"ref with a dot", zones(referred("a.b")), []string{"Invalid spec.zones.vmclusters[0].ref.name"}},
		{"ref elsewhere", zones(vmdistributed.Zone{Ref: &vmdistributed.ObjectReference{Name: "a", Namespace: "there"}}),
			[]string{"Invalid spec.zones.vmclusters[0].ref.namespace"}},
		{"twice inline", zones(inline("a"), inline("b"), inline("a")), []string{"Duplicate spec.zones.vmclusters[2].name"}},
		{"twice referred to", zones(referred("a"), referred("a")), []string{"Duplicate spec.zones.vmclusters[1].ref.name"}},
		{"once each way", zones(referred("a"), inline("a")), []string{"Duplicate spec.zones.vmclusters[1].name"}},
		{"three times", zones(inline("a"), inline("a"), inline("a")),
			[]string{"Duplicate spec.zones.vmclusters[1].name", "Duplicate spec.zones.vmclusters[2].name"}},
		{"twice nameless", zones(referred(""), referred("")),
			[]string{"Required spec.zones.vmclusters[0].ref.name", "Required spec.zones.vmclusters[1].ref.name"}},

		{"agent without a name", func(s *spec) { s.VMAgent.Name = "" }, []string{"Required spec.vmagent.name"}},
		{"agent elsewhere", func(s *spec) { s.VMAgent.Namespace = "there" }, []string{"Invalid spec.vmagent.namespace"}},
		{"agent of a bad name", func(s *spec) { s.VMAgent.Name = "a_b" }, []string{"Invalid spec.vmagent.name"}},
		{"user without a name", func(s *spec) { s.VMUsers[1].Name = "" }, []string{"Required spec.vmusers[1].name"}},
		{"user elsewhere", func(s *spec) { s.VMUsers[1].Namespace = "there" }, []string{"Invalid spec.vmusers[1].namespace"}},
		{"user twice", func(s *spec) { s.VMUsers[1].Name = "a" }, []string{"Duplicate spec.vmusers[1].name"}},

		{"no policy", func(s *spec) { s.DeletionPolicy = "" }, []string{"NotSupported spec.deletionPolicy"}},
		{"policy in lower case", func(s *spec) { s.DeletionPolicy = "delete" }, []string{"NotSupported spec.deletionPolicy"}},

		{"no other zone needed", strategy(func(s *vmdistributed.RolloutStrategy) { s.MinAvailableZones = number(0) }), nil},
		{"99 other zones needed", strategy(func(s *vmdistributed.RolloutStrategy) { s.MinAvailableZones = number(99) }), nil},
		{"100 other zones needed", strategy(func(s *vmdistributed.RolloutStrategy) { s.MinAvailableZones = number(100) }), []string{"Invalid spec.strategy.minAvailableZones"}},
		{"-1 other zones needed", strategy(func(s *vmdistributed.RolloutStrategy) { s.MinAvailableZones = number(-1) }), []string{"Invalid spec.strategy.minAvailableZones"}},
		{"none out at a time", strategy(func(s *vmdistributed.RolloutStrategy) { s.MaxUnavailable = number(0) }), []string{"Invalid spec.strategy.maxUnavailable"}},
		{"101 out at a time", strategy(func(s *vmdistributed.RolloutStrategy) { s.MaxUnavailable = number(101) }), []string{"Invalid spec.strategy.maxUnavailable"}},
		{"-1 failures", strategy(func(s *vmdistributed.RolloutStrategy) { s.MaxFailures = number(-1) }), []string{"Invalid spec.strategy.maxFailures"}},
		{"no progress deadline", strategy(func(s *vmdistributed.RolloutStrategy) { s.ProgressDeadline = "0s" }), []string{"Invalid spec.strategy.progressDeadline"}},
		{"drain in no time", strategy(func(s *vmdistributed.RolloutStrategy) { s.Drain.Timeout = "0s" }), []string{"Invalid spec.strategy.drain.timeout"}},
		{"negative grace", strategy(func(s *vmdistributed.RolloutStrategy) { s.Drain.GracePeriod = "-1s" }), []string{"Invalid spec.strategy.drain.gracePeriod"}},
		{"unknown last target", strategy(func(s *vmdistributed.RolloutStrategy) { s.Drain.LastTarget = "failover" }), []string{"NotSupported spec.strategy.drain.lastTarget"}},
		{"flush in no time", strategy(func(s *vmdistributed.RolloutStrategy) { s.Flush.Timeout = "" }), []string{"Invalid spec.strategy.flush.timeout"}},
		{"stable for as long as it takes", strategy(func(s *vmdistributed.RolloutStrategy) { s.Flush.StableFor = "" }), nil},
		{"stable for no time", strategy(func(s *vmdistributed.RolloutStrategy) { s.Flush.StableFor = "0s" }), []string{"Invalid spec.strategy.flush.stableFor"}},
		{"negative bytes", strategy(func(s *vmdistributed.RolloutStrategy) { s.Flush.MaxPendingBytes = new(int64(-1)) }), []string{"Invalid spec.strategy.flush.maxPendingBytes"}},
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

func many(count int) []vmdistributed.Zone {
	zones := make([]vmdistributed.Zone, count)
	for i := range zones {
		zones[i] = inline(fmt.Sprintf("zone-%d", i))
	}
	return zones
}

// sized makes the inner specs that large together.
func sized(bytes int) func(*vmdistributed.VMDistributedClusterSpec) {
	return func(s *vmdistributed.VMDistributedClusterSpec) {
		half := rawjson.Object{Raw: []byte(`{"x":"` + strings.Repeat("x", bytes/2) + `"}`)}
		s.Zones.VMClusters[0].Spec, s.Zones.VMClusters[1].OverrideSpec = &half, &half
	}
}

func wantErrors(t *testing.T, how string, errs field.ErrorList, want []string) {
	t.Helper()
	kinds := map[field.ErrorType]string{
		field.ErrorTypeRequired: "Required", field.ErrorTypeInvalid: "Invalid", field.ErrorTypeForbidden: "Forbidden",
		field.ErrorTypeDuplicate: "Duplicate", field.ErrorTypeTooMany: "TooMany", field.ErrorTypeTooLong: "TooLong",
		field.ErrorTypeNotSupported: "NotSupported",
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
