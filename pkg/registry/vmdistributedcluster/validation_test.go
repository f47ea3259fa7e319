// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/install"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/validation"
)

// The words of Kubernetes for a name that is none.
const (
	noLabel = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', ` +
		`and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', ` +
		`regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`
	noSubdomain = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', ` +
		`and must start and end with an alphanumeric character (e.g. 'example.com', ` +
		`regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`
	elsewhere  = `Invalid value: "there": must be empty or "here": objects in other namespaces can't be referred to`
	noDuration = `must be a duration such as 90s, 5m or 1h30m`
)

// validated runs all that the server runs: the rules in Go, and those of the tags
// on the version that the request is for.
type validated struct {
	strategy strategy
	version  schema.GroupVersion
}

// validatedInEveryGroup has one for each group and version that a request may be for.
func validatedInEveryGroup() []validated {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	var all []validated
	for _, version := range install.GroupVersions() {
		all = append(all, validated{newStrategy(scheme, version.Group), version})
	}
	return all
}

func (v validated) create(object *vmdistributed.VMDistributedCluster) field.ErrorList {
	return rest.ValidateCreate(v.request(""), object, v.strategy)
}

func (v validated) update(object, old *vmdistributed.VMDistributedCluster) field.ErrorList {
	return rest.ValidateUpdate(v.request(""), object, old, v.strategy)
}

func (v validated) updateStatus(object, old *vmdistributed.VMDistributedCluster) field.ErrorList {
	status := statusStrategy{v.strategy}
	status.PrepareForUpdate(context.Background(), object, old)
	return rest.ValidateUpdate(v.request("status"), object, old, status)
}

func (v validated) request(subresource string) context.Context {
	return genericapirequest.WithRequestInfo(context.Background(), &genericapirequest.RequestInfo{
		IsResourceRequest: true, APIGroup: v.version.Group, APIVersion: v.version.Version,
		Resource: vmdistributed.Resource, Subresource: subresource, Namespace: "here", Name: "x",
	})
}

// valid returns an object that uses every field.
func valid() *vmdistributed.VMDistributedCluster {
	object := cluster(inline("zone-a", `{}`), referred("zone-b", `{"a":null}`))
	object.ResourceVersion = "1"
	object.Spec.Zones.VMClusters[1].Ref.Namespace = "here"
	object.Spec.VMAgent = &vmdistributed.ObjectReference{Name: "agent.one"}
	object.Spec.VMUsers = []vmdistributed.ObjectReference{{Name: "a", Namespace: "here"}, {Name: "b.c"}}
	object.Spec.DeletionPolicy, object.Spec.ManagementPolicy = vmdistributed.DeletionPolicyRetain, vmdistributed.ManagementPolicyObserve
	object.Spec.Strategy = vmdistributed.RolloutStrategy{
		MaxUnavailable: new(int32(1)), MinAvailableZones: new(int32(1)), MaxFailures: new(int32(0)),
		ReadyTimeout: "1h30m", UpdatePause: "0s", ProgressDeadline: "1h",
		Drain:    vmdistributed.DrainStrategy{Timeout: "3m", GracePeriod: "0s", LastTarget: vmdistributed.LastTargetRefuse},
		Approval: vmdistributed.ApprovalNever,
		Flush:    vmdistributed.FlushStrategy{Timeout: "30m", StableFor: "1s", MaxPendingBytes: new(int64(0))},
	}
	return object
}

// TestEveryRuleNamesTheFieldAndSaysWhatIsWrong changes one thing of a valid object
// at a time, and wants every word that a user reads.
func TestEveryRuleNamesTheFieldAndSaysWhatIsWrong(t *testing.T) {
	type spec = vmdistributed.VMDistributedClusterSpec
	type rollout = vmdistributed.RolloutStrategy
	zones := func(zones ...vmdistributed.Zone) func(*spec) {
		return func(s *spec) { s.Zones.VMClusters = zones }
	}
	strategy := func(change func(*rollout)) func(*spec) {
		return func(s *spec) { change(&s.Strategy) }
	}
	zone := func(name, spec, ref, override string) vmdistributed.Zone {
		zone := vmdistributed.Zone{Name: name}
		if spec != "" {
			zone.Spec = &rawjson.Object{Raw: []byte(spec)}
		}
		if ref != "" {
			zone.Ref = &vmdistributed.ObjectReference{Name: ref}
		}
		if override != "" {
			zone.OverrideSpec = &rawjson.Object{Raw: []byte(override)}
		}
		return zone
	}
	const first = "spec.zones.vmclusters[0]"
	for _, test := range []struct {
		name   string
		change func(*spec)
		want   []string
	}{
		{"valid", func(*spec) {}, nil},
		{"paused", func(s *spec) { s.Paused = true }, nil},
		{"nothing optional", func(s *spec) {
			s.VMAgent, s.VMUsers = nil, nil
			s.Strategy.MaxUnavailable, s.Strategy.MinAvailableZones, s.Strategy.MaxFailures, s.Strategy.Flush.MaxPendingBytes = nil, nil, nil, nil
		}, nil},

		{"no zone", zones(), []string{"spec.zones.vmclusters: Required value"}},
		{"one zone", zones(inline("a", `{}`)), nil},
		{"100 zones", zones(many(validation.MaxZones)...), nil},
		{"101 zones", zones(many(validation.MaxZones + 1)...), []string{"spec.zones.vmclusters: Too many: 101: must have at most 100 items"}},
		{"101 zones of which none is right", zones(slices.Repeat([]vmdistributed.Zone{zone("A", "", "", "")}, 101)...),
			[]string{"spec.zones.vmclusters: Too many: 101: must have at most 100 items"}},

		{"empty entry", zones(zone("", "", "", "")), []string{first + ": Invalid value: \"\": must specify one of: `ref`, `spec`"}},
		{"name alone", zones(zone("a", "", "", "")), []string{first + ": Invalid value: \"\": must specify one of: `ref`, `spec`"}},
		{"spec alone", zones(zone("", "{}", "", "")), []string{first + ".name: Required value: spec defines a VMCluster, so it needs a name"}},
		{"override alone", zones(zone("", "", "", "{}")), []string{first + ": Invalid value: \"\": must specify one of: `ref`, `spec`"}},
		{"override of an inline zone", zones(zone("a", "{}", "", "{}")), []string{first + ".overrideSpec: Forbidden: may not be set when spec is set"}},
		{"ref with spec", zones(inline("b", `{}`), zone("", "{}", "a", "")),
			[]string{"spec.zones.vmclusters[1]: Invalid value: \"{ref, spec}\": must specify exactly one of: `ref`, `spec`"}},
		{"everything", zones(zone("a", "{}", "a", "{}")), []string{
			first + ": Invalid value: \"{ref, spec}\": must specify exactly one of: `ref`, `spec`",
			first + ".overrideSpec: Forbidden: may not be set when spec is set"}},
		{"ref with name", zones(zone("No Label", "", "a", "")), nil}, // a warning
		{"empty ref", zones(referred("", "")), []string{first + ".ref.name: Required value"}},

		{"name with a capital", zones(inline("A", `{}`)), []string{first + `.name: Invalid value: "A": ` + noLabel}},
		{"name with a dot", zones(inline("a.b", `{}`)), []string{first + `.name: Invalid value: "a.b": must not contain dots`}},
		{"name of 64", zones(inline(strings.Repeat("a", 64), `{}`)),
			[]string{first + `.name: Invalid value: "` + strings.Repeat("a", 64) + `": must be no more than 63 bytes`}},
		{"ref with a dot", zones(referred("a.b", "")), []string{first + `.ref.name: Invalid value: "a.b": must not contain dots`}},
		{"ref with a capital", zones(referred("A", "")), []string{first + `.ref.name: Invalid value: "A": ` + noLabel}},
		{"ref of 64", zones(referred(strings.Repeat("a", 64), "")),
			[]string{first + `.ref.name: Invalid value: "` + strings.Repeat("a", 64) + `": must be no more than 63 bytes`}},
		{"ref elsewhere", func(s *spec) { s.Zones.VMClusters[1].Ref.Namespace = "there" },
			[]string{"spec.zones.vmclusters[1].ref.namespace: " + elsewhere}},
		{"twice inline", zones(inline("a", `{}`), inline("b", `{}`), inline("a", `{}`)), []string{`spec.zones.vmclusters[2].name: Duplicate value: "a"`}},
		{"once each way", zones(inline("a", `{}`), referred("a", "")), []string{`spec.zones.vmclusters[1].ref.name: Duplicate value: "a"`}},
		{"twice nameless", zones(referred("", ""), referred("", "")),
			[]string{first + ".ref.name: Required value", "spec.zones.vmclusters[1].ref.name: Required value"}},

		{"agent without a name", func(s *spec) { s.VMAgent.Name = "" }, []string{"spec.vmagent.name: Required value"}},
		{"agent elsewhere", func(s *spec) { s.VMAgent.Namespace = "there" }, []string{"spec.vmagent.namespace: " + elsewhere}},
		{"agent of a bad name", func(s *spec) { s.VMAgent.Name = "a_b" }, []string{`spec.vmagent.name: Invalid value: "a_b": ` + noSubdomain}},
		{"agent of 254", func(s *spec) { s.VMAgent.Name = strings.Repeat("a", 254) },
			[]string{`spec.vmagent.name: Invalid value: "` + strings.Repeat("a", 254) + `": must be no more than 253 bytes`}},
		{"user without a name", func(s *spec) { s.VMUsers[1].Name = "" }, []string{"spec.vmusers[1].name: Required value"}},
		{"users without a name", func(s *spec) { s.VMUsers[0].Name, s.VMUsers[1].Name = "", "" },
			[]string{"spec.vmusers[0].name: Required value", "spec.vmusers[1].name: Required value"}},
		{"user of a bad name", func(s *spec) { s.VMUsers[1].Name = "B" }, []string{`spec.vmusers[1].name: Invalid value: "B": ` + noSubdomain}},
		{"user elsewhere", func(s *spec) { s.VMUsers[1].Namespace = "there" }, []string{"spec.vmusers[1].namespace: " + elsewhere}},
		{"user twice", func(s *spec) { s.VMUsers[1].Name = "a" }, []string{`spec.vmusers[1].name: Duplicate value: "a"`}},

		{"no policy", func(s *spec) { s.DeletionPolicy = "" }, []string{"spec.deletionPolicy: Required value"}},
		{"policy in lower case", func(s *spec) { s.DeletionPolicy = "delete" },
			[]string{`spec.deletionPolicy: Unsupported value: "delete": supported values: "Delete", "Retain"`}},
		{"no management policy", func(s *spec) { s.ManagementPolicy = "" }, []string{"spec.managementPolicy: Required value"}},
		{"management policy in lower case", func(s *spec) { s.ManagementPolicy = "observe" },
			[]string{`spec.managementPolicy: Unsupported value: "observe": supported values: "Manage", "Observe"`}},

		{"no other zone needed", strategy(func(s *rollout) { s.MinAvailableZones = new(int32(0)) }), nil},
		{"99 other zones needed", strategy(func(s *rollout) { s.MinAvailableZones = new(int32(99)) }), nil},
		{"100 other zones needed", strategy(func(s *rollout) { s.MinAvailableZones = new(int32(100)) }),
			[]string{"spec.strategy.minAvailableZones: Invalid value: 100: must be less than or equal to 99"}},
		{"-1 other zones needed", strategy(func(s *rollout) { s.MinAvailableZones = new(int32(-1)) }),
			[]string{"spec.strategy.minAvailableZones: Invalid value: -1: must be greater than or equal to 0"}},
		{"none out at a time", strategy(func(s *rollout) { s.MaxUnavailable = new(int32(0)) }),
			[]string{"spec.strategy.maxUnavailable: Invalid value: 0: must be greater than or equal to 1"}},
		{"100 out at a time", strategy(func(s *rollout) { s.MaxUnavailable = new(int32(validation.MaxZones)) }), nil},
		{"101 out at a time", strategy(func(s *rollout) { s.MaxUnavailable = new(int32(101)) }),
			[]string{"spec.strategy.maxUnavailable: Invalid value: 101: must be less than or equal to 100"}},
		{"-1 failures", strategy(func(s *rollout) { s.MaxFailures = new(int32(-1)) }),
			[]string{"spec.strategy.maxFailures: Invalid value: -1: must be greater than or equal to 0"}},
		{"100 failures", strategy(func(s *rollout) { s.MaxFailures = new(int32(validation.MaxZones)) }), nil},
		{"101 failures", strategy(func(s *rollout) { s.MaxFailures = new(int32(101)) }),
			[]string{"spec.strategy.maxFailures: Invalid value: 101: must be less than or equal to 100"}},
		{"negative bytes", strategy(func(s *rollout) { s.Flush.MaxPendingBytes = new(int64(-1)) }),
			[]string{"spec.strategy.flush.maxPendingBytes: Invalid value: -1: must be greater than or equal to 0"}},
		{"no last target", strategy(func(s *rollout) { s.Drain.LastTarget = "" }), []string{"spec.strategy.drain.lastTarget: Required value"}},
		{"unknown last target", strategy(func(s *rollout) { s.Drain.LastTarget = "failover" }),
			[]string{`spec.strategy.drain.lastTarget: Unsupported value: "failover": supported values: "FailOver", "Refuse"`}},

		{"timeout in words", strategy(func(s *rollout) { s.ReadyTimeout = "a while" }),
			[]string{`spec.strategy.readyTimeout: Invalid value: "a while": ` + noDuration}},
		{"timeout of nothing", strategy(func(s *rollout) { s.ReadyTimeout = "0s" }),
			[]string{`spec.strategy.readyTimeout: Invalid value: "0s": must be more than 0s`}},
		{"negative pause", strategy(func(s *rollout) { s.UpdatePause = "-1s" }),
			[]string{`spec.strategy.updatePause: Invalid value: "-1s": must not be negative`}},
		{"spec over 1 MiB", zones(inline("a", fmt.Sprintf(`{"x":%q}`, strings.Repeat("x", validation.MaxSpecBytes)))),
			[]string{"spec: Too long: may not be more than 1048576 bytes"}},

		{"several", func(s *spec) {
			s.Zones.VMClusters[0].Name = "A"
			s.Strategy.UpdatePause = "soon"
			s.Strategy.MaxUnavailable = new(int32(0))
			s.DeletionPolicy = "Keep"
		}, []string{
			`spec.strategy.updatePause: Invalid value: "soon": ` + noDuration,
			first + `.name: Invalid value: "A": ` + noLabel,
			`spec.deletionPolicy: Unsupported value: "Keep": supported values: "Delete", "Retain"`,
			"spec.strategy.maxUnavailable: Invalid value: 0: must be greater than or equal to 1",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			object := valid()
			test.change(&object.Spec)
			for _, v := range validatedInEveryGroup() {
				wantMessages(t, "create", v.create(object.DeepCopy()), test.want)
				wantMessages(t, "update", v.update(object.DeepCopy(), valid()), test.want)
				// The spec of a write of status is not read: the stored one stays.
				wantMessages(t, "status", v.updateStatus(object.DeepCopy(), valid()), nil)
				wantMessages(t, "status of one stored like that", v.updateStatus(object.DeepCopy(), object), nil)
			}
		})
	}
}

func many(count int) []vmdistributed.Zone {
	zones := make([]vmdistributed.Zone, count)
	for i := range zones {
		zones[i] = inline(fmt.Sprintf("zone-%d", i), `{}`)
	}
	return zones
}

func wantMessages(t *testing.T, how string, errs field.ErrorList, want []string) {
	t.Helper()
	var got []string
	for _, err := range errs {
		got = append(got, err.Error())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", how, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestWhatATagForbidsNowStaysWritableWhereItWasStored: an object that is older
// than a rule must not become read-only by it.
func TestWhatATagForbidsNowStaysWritableWhereItWasStored(t *testing.T) {
	type object = vmdistributed.VMDistributedCluster
	stored := func() *object {
		old := valid()
		old.Spec.VMUsers[1].Name = "B"
		old.Spec.VMAgent.Name = ""
		old.Spec.DeletionPolicy = "Keep"
		old.Spec.Strategy.MaxUnavailable = new(int32(1000))
		old.Spec.Strategy.Drain.LastTarget = ""
		old.Spec.Zones.VMClusters[1].Spec = &rawjson.Object{}
		return old
	}
	for _, v := range validatedInEveryGroup() {
		if errs := v.create(stored()); len(errs) < 6 {
			t.Fatalf("the tags find only %v", errs)
		}
	}
	const users, both = `spec.vmusers[1].name: Invalid value: "B": ` + noSubdomain,
		"spec.zones.vmclusters[1]: Invalid value: \"{ref, spec}\": must specify exactly one of: `ref`, `spec`"
	for _, test := range []struct {
		name   string
		change func(*object)
		want   []string
	}{
		{"nothing", func(*object) {}, nil},
		{"labels", func(o *object) { o.Labels = map[string]string{"a": "b"} }, nil},
		{"paused", func(o *object) { o.Spec.Paused = true }, nil},
		{"a neighbour", func(o *object) { o.Spec.Strategy.UpdatePause = "2m" }, nil},
		{"repaired", func(o *object) { o.Spec.Strategy.MaxUnavailable = new(int32(1)) }, nil},
		{"as bad in another way", func(o *object) { o.Spec.Strategy.MaxUnavailable = new(int32(0)) },
			[]string{"spec.strategy.maxUnavailable: Invalid value: 0: must be greater than or equal to 1"}},
		// Lists are atomic: who writes one answers for all of it.
		{"another user", func(o *object) { o.Spec.VMUsers[0].Name = "c" }, []string{users}},
		{"another zone", func(o *object) { o.Spec.Zones.VMClusters[0].Name = "zone-c" }, []string{both,
			"spec.zones.vmclusters[1].overrideSpec: Forbidden: may not be set when spec is set"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, v := range validatedInEveryGroup() {
				changed := stored()
				test.change(changed)
				wantMessages(t, "update", v.update(changed, stored()), test.want)
			}
		})
	}
	for _, v := range validatedInEveryGroup() {
		status := stored()
		status.Status.UpdateStatus = "failed"
		wantMessages(t, "status", v.updateStatus(status, stored()), nil)
	}
}
