// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package definition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/clusterschema"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

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

func objectOf(zones ...vmdistributed.Zone) *vmdistributed.VMDistributedCluster {
	return &vmdistributed.VMDistributedCluster{Spec: vmdistributed.VMDistributedClusterSpec{Zones: vmdistributed.Zones{VMClusters: zones}}}
}

// running is a VMCluster with a spec.
func running(t *testing.T, spec string) *unstructured.Unstructured {
	t.Helper()
	cluster := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"namespace": "ns", "name": "b", "resourceVersion": "1"}}}
	var decoded map[string]any
	if err := json.Unmarshal([]byte(spec), &decoded); err != nil {
		t.Fatal(err)
	}
	cluster.Object["spec"] = decoded
	return cluster
}

// overridden is what becomes of a VMCluster when an override is written to it.
func overridden(t *testing.T, cluster *unstructured.Unstructured, patch string) *unstructured.Unstructured {
	t.Helper()
	var decoded map[string]any
	if err := json.Unmarshal([]byte(patch), &decoded); err != nil {
		t.Fatal(err)
	}
	plan, err := victoriametrics.PlanOverride(cluster, decoded, types.NamespacedName{Namespace: "ns", Name: "x"}, "")
	if err != nil {
		t.Fatal(err)
	}
	result := cluster.DeepCopy()
	result.Object["spec"] = plan.Target
	metadata := plan.Patch["metadata"].(map[string]any)
	annotations := map[string]string{}
	for key, value := range metadata["annotations"].(map[string]any) {
		annotations[key] = value.(string)
	}
	result.SetAnnotations(annotations)
	return result
}

func TestZonesAreCheckedForWhatTheRequestChanges(t *testing.T) {
	schema, err := clusterschema.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	const first, second = "spec.zones.vmclusters[0]", "spec.zones.vmclusters[1]"
	plain := running(t, `{"retentionPeriod":"1","vmstorage":{"replicaCount":2}}`)
	// What a newer operator would refuse, were it written now.
	broken := running(t, `{"retentionPeriod":"1","vmstorage":{"replicaCount":"two"}}`)
	for _, test := range []struct {
		name        string
		object, old *vmdistributed.VMDistributedCluster
		live        *unstructured.Unstructured
		want        []string // fields in error
		unknown     []string
	}{
		{name: "good", object: objectOf(inline("a", `{"vmstorage":{"replicaCount":1}}`), referred("b", `{"vmstorage":{"replicaCount":3}}`)), live: plain},
		{name: "wrong in a definition", object: objectOf(referred("c", ""), inline("a", `{"vmstorage":{"replicaCount":"1"}}`)), want: []string{second + ".spec.vmstorage.replicaCount"}},
		{name: "wrong as before", object: objectOf(inline("a", `{"vmstorage":{"replicaCount":"1"}}`)), old: objectOf(inline("a", `{"vmstorage":{"replicaCount":"1"}}`))},
		{name: "wrong as before beside a change", object: objectOf(inline("a", `{"retentionPeriod":"2","vmstorage":{"replicaCount":"1"}}`)), old: objectOf(inline("a", `{"vmstorage":{"replicaCount":"1"}}`))},
		{name: "wrong as it runs, defined here once more", object: objectOf(inline("b", `{"vmstorage":{"replicaCount":"two"}}`)), live: broken},
		{name: "wrong in another way than it runs", object: objectOf(inline("b", `{"vmstorage":{"replicaCount":"three"}}`)), live: broken, want: []string{first + ".spec.vmstorage.replicaCount"}},

		{name: "wrong override", object: objectOf(referred("b", `{"vmstorage":{"replicaCount":"3"}}`)), live: plain, want: []string{first + ".overrideSpec.vmstorage.replicaCount"}},
		{name: "wrong override of what is not there yet", object: objectOf(referred("b", `{"vmstorage":{"replicaCount":"3"}}`)), want: []string{first + ".overrideSpec.vmstorage.replicaCount"}},
		{name: "override removes a thing", object: objectOf(referred("b", `{"vmstorage":null}`)), live: plain},
		{name: "override mends", object: objectOf(referred("b", `{"vmstorage":{"replicaCount":3}}`)), live: broken},
		{name: "override beside what is wrong", object: objectOf(referred("b", `{"retentionPeriod":"2"}`)), live: broken},
		{name: "override as before on what it was put on", object: objectOf(referred("b", `{"vmstorage":{"replicaCount":3}}`)), old: objectOf(referred("b", `{"vmstorage":{"replicaCount":3}}`)), live: overridden(t, plain, `{"vmstorage":{"replicaCount":3}}`)},
		{name: "override taken away, and the original is wrong", object: objectOf(referred("b", `{}`)), old: objectOf(referred("b", `{"retentionPeriod":"2"}`)), live: overridden(t, broken, `{"retentionPeriod":"2"}`)},
		{name: "record that can't be read", object: objectOf(referred("b", `{"vmstorage":{"replicaCount":"3"}}`)), live: unreadable(plain), want: []string{first + ".overrideSpec.vmstorage.replicaCount"}},

		{name: "unknown", object: objectOf(inline("a", `{"vmstorag":{},"vmselect":{"replicacount":1}}`)), unknown: []string{first + ".spec.vmselect.replicacount", first + ".spec.vmstorag"}},
		{name: "unknown in an override", object: objectOf(referred("b", `{"vmselect":{"replicacount":null}}`)), live: plain, unknown: []string{first + ".overrideSpec.vmselect.replicacount"}},
		{name: "unknown as before", object: objectOf(inline("a", `{"vmstorag":{},"retentionPeriod":"2"}`)), old: objectOf(inline("a", `{"vmstorag":{}}`))},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := check{schema: schema, namespace: "ns", live: func(_ context.Context, namespace, name string) (*unstructured.Unstructured, error) {
				if namespace == "ns" && name == "b" {
					return test.live, nil
				}
				return nil, nil
			}}
			changed := changes(test.object, test.old)
			if err := c.zones(t.Context(), changed); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, err := range c.errs {
				got = append(got, err.Field)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("errors are in %q, want %q: %v", got, test.want, c.errs)
			}
			var unknown []string
			for _, err := range c.unknown {
				unknown = append(unknown, err.Error())
			}
			for i, name := range test.unknown {
				test.unknown[i] = `unknown field "` + name + `"`
			}
			if slices.Sort(unknown); !slices.Equal(unknown, test.unknown) {
				t.Errorf("unknown are %q, want %q", unknown, test.unknown)
			}
		})
	}
}

func unreadable(cluster *unstructured.Unstructured) *unstructured.Unstructured {
	changed := cluster.DeepCopy()
	changed.SetAnnotations(map[string]string{victoriametrics.OverrideAnnotation: "{"})
	return changed
}

func TestZonesThatStayAreNotLookedAt(t *testing.T) {
	object := objectOf(inline("a", `{}`), referred("b", `{"x":1}`), referred("c", ""))
	if found := changes(object, object); len(found) > 0 {
		t.Errorf("%d zones have changed", len(found))
	}
	moved := objectOf(referred("b", `{"x":1}`), inline("a", `{}`))
	if found := changes(moved, object); len(found) > 0 {
		t.Errorf("%d zones have changed by their order", len(found))
	}
	if found := changes(objectOf(referred("a", `{}`)), object); len(found) != 1 || found[0].before != nil {
		t.Errorf("a zone that is told in another way has the changes %+v", found)
	}
}

func TestVMClusterThatCannotBeReadIsNobodysMistake(t *testing.T) {
	c := check{live: func(context.Context, string, string) (*unstructured.Unstructured, error) {
		return nil, errors.New("gone")
	}}
	if schema, err := clusterschema.BuiltIn(); err == nil {
		c.schema = schema
	}
	changed := changes(objectOf(referred("b", `{}`)), nil)
	if err := c.zone(t.Context(), &changed[0]); err == nil || len(c.errs) > 0 {
		t.Errorf("the error is %v, and the zone's are %v", err, c.errs)
	}
}

func TestFindingsAreInTheOrderOfTheZones(t *testing.T) {
	schema, err := clusterschema.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	var zones []vmdistributed.Zone
	for i := range 50 {
		zones = append(zones, inline(fmt.Sprintf("z%02d", i), `{"vmstorage":{"replicaCount":"3"},"unheardOf":1}`))
	}
	c := check{schema: schema, live: func(context.Context, string, string) (*unstructured.Unstructured, error) { return nil, nil }}
	if err := c.zones(t.Context(), changes(objectOf(zones...), nil)); err != nil {
		t.Fatal(err)
	}
	if len(c.errs) != len(zones) || len(c.unknown) != len(zones) {
		t.Fatalf("there are %d errors and %d unknown fields, want %d of each", len(c.errs), len(c.unknown), len(zones))
	}
	for i := range zones {
		at := fmt.Sprintf("vmclusters[%d].spec", i)
		if !strings.Contains(c.errs[i].Field, at) || !strings.Contains(c.unknown[i].Error(), at) {
			t.Errorf("of zone %d is said %v and %v", i, c.errs[i], c.unknown[i])
		}
	}
}

// TestAPanicOverAZoneIsTheRequests, which the server answers: in a goroutine of its own it
// would end the process.
func TestAPanicOverAZoneIsTheRequests(t *testing.T) {
	schema, err := clusterschema.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	c := check{schema: schema, live: func(context.Context, string, string) (*unstructured.Unstructured, error) { panic("no such thing") }}
	defer func() {
		reason := fmt.Sprint(recover())
		if !strings.Contains(reason, "spec.zones.vmclusters[0].spec: no such thing") || !strings.Contains(reason, "zones_test.go") {
			t.Errorf("the panic of the caller is %q, want what it was over and where", reason)
		}
	}()
	_ = c.zones(t.Context(), changes(objectOf(inline("a", `{}`), inline("b", `{}`)), nil))
}
