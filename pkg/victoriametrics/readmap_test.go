// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestReadMapFindsTheZonesThatAVMUserLeadsTo(t *testing.T) {
	zones := []Cluster{
		zone(t, "zone-a", "vmselect: {}"), zone(t, "zone-b", "vmselect: {}"),
		zone(t, "zone-c", "vmselect: {serviceSpec: {metadata: {name: reads}}}"),
	}
	auths := []*unstructured.Unstructured{fromYAML(t, `
kind: VMAuth
metadata: {name: auth, namespace: monitoring}
spec:
  defaultTargetRefs:
  - name: reads-b
    crd: {kind: VMCluster/vmselect, name: zone-b, namespace: monitoring}
  - name: other
    crd: {kind: VMCluster/vmselect, name: zone-a, namespace: monitoring}
`), fromYAML(t, `
kind: VMAuth
metadata: {name: auth, namespace: elsewhere}
spec:
  defaultTargetRefs:
  - name: reads-b
    crd: {kind: VMCluster/vmselect, name: zone-c, namespace: monitoring}
`)}
	drained := func(spec string) *unstructured.Unstructured {
		plan, err := PlanDrain(vmuser(t, spec), Drain{Owner: ourOwner, Zone: zones[0], Others: zones[1:], LastTarget: LastTargetFailOver})
		if err != nil || plan.Patch == nil {
			t.Fatalf("the drain is refused: %v %s", err, plan.Refusal)
		}
		return patched(vmuser(t, spec), plan.Patch)
	}
	m := NewReadMap(zones, auths)
	for _, test := range []struct {
		name string
		user *unstructured.Unstructured
		want string
	}{
		{"crd", vmuser(t, "targetRefs: [{crd: {kind: VMCluster/vmselect, name: zone-b, objects: [{name: zone-a}]}}]"), "zone-a zone-b"},
		{"of another namespace", vmuser(t, "targetRefs: [{crd: {kind: VMCluster/vmselect, name: zone-b, namespace: elsewhere}}]"), ""},
		{"writes", vmuser(t, "targetRefs: [{crd: {kind: VMCluster/vminsert, name: zone-b}}]"), ""},
		{"static", staticUser(t, "http://vmselect-zone-b.monitoring.svc:8481/select/0"), "zone-b"},
		{"static by a name of the user's", staticUser(t, "http://reads:8481/select/0"), "zone-c"},
		{"static to elsewhere", staticUser(t, "http://reads.elsewhere:8481/select/0"), ""},
		{"static to nobody knows where", staticUser(t, "http://%{HOST}/select/0"), ""},
		{"by name", vmuser(t, "targetRefs: [{name: reads-b, paths: [/x]}]"), "zone-b"},
		{"by a name that nobody has", vmuser(t, "targetRefs: [{name: none}]"), ""},
		{"drained", drained("targetRefs: [{crd: {kind: VMCluster/vmselect, name: zone-a, namespace: monitoring, objects: [{name: zone-c, namespace: monitoring}]}}]"), "zone-a zone-c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := m.ZonesOf(test.user)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("leads to %q, want %q", got, test.want)
			}
		})
	}
	for name, unreadable := range map[string]*unstructured.Unstructured{
		"targets":             vmuser(t, "targetRefs: [{crd: nonsense}]"),
		"record of the drain": fromYAML(t, "kind: VMUser\nmetadata: {name: u, annotations: {"+DrainAnnotation(ourOwner)+": nonsense}}\nspec: {targetRefs: []}"),
	} {
		if _, err := m.ZonesOf(unreadable); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestReadMapAgreesWithReadRoutes: it only is faster.
func TestReadMapAgreesWithReadRoutes(t *testing.T) {
	var zones []Cluster
	for _, name := range []string{"a", "b", "a-b", "vmselect-a"} {
		zones = append(zones, zone(t, name, "vmselect: {}"), zone(t, "lb-"+name, "{vmselect: {}, requestsLoadBalancer: {enabled: true}, useLegacyNaming: true}"))
	}
	m := NewReadMap(zones, nil)
	for _, of := range zones {
		for _, host := range []string{"vmselect-X", "vmselectinternal-X", "X-vmselect", "X-vmselect-internal", "vmclusterlb-X", "vmselect-X-additional-service", "pod-0.vmselect-X", "srv+_http._tcp.vmselect-X"} {
			user := staticUser(t, "http://"+strings.ReplaceAll(host, "X", of.Name)+".monitoring.svc:8481/select/0")
			routes, err := ReadRoutes(user, zones)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, zone := range zones {
				if slices.ContainsFunc(routes, func(r ReadRoute) bool { return r.Zone == zone.Name }) {
					want = append(want, zone.Name)
				}
			}
			got, err := m.ZonesOf(user)
			if err != nil || !slices.Equal(got, want) || len(want) == 0 {
				t.Errorf("%s: leads to %q, want %q (%v)", host, got, want, err)
			}
		}
	}
}
