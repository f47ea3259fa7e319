// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import "testing"

func TestOneBadTargetMakesAVMUserInvalid(t *testing.T) {
	zone := objectRef{Name: "zone-a", Namespace: "ns"}
	exists := func(resource string, ref objectRef) bool { return resource == clusterResource && ref == zone }
	static := targetRef{Static: map[string]any{"url": "http://x"}}
	crd := func(kind, name, namespace string) targetRef {
		return targetRef{CRD: &objectRefs{Kind: kind, objectRef: objectRef{Name: name, Namespace: namespace}}}
	}
	several := targetRef{CRD: &objectRefs{Kind: "VMCluster/vmselect", Objects: []objectRef{zone, {Name: "gone", Namespace: "ns"}}}}
	for name, c := range map[string]struct {
		refs []targetRef
		want string
	}{
		"a static one":                  {[]targetRef{static}, ""},
		"a cluster that exists":         {[]targetRef{static, crd("VMCluster/vmselect", "zone-a", "ns")}, ""},
		"a kind that is not watched":    {[]targetRef{crd("VMSingle", "x", "ns")}, ""},
		"a default of the VMAuth":       {[]targetRef{{Name: "known"}}, ""},
		"none":                          {nil, "spec.targetRefs is empty: a VMUser needs at least one target"},
		"a cluster that does not exist": {[]targetRef{static, crd("VMCluster/vminsert", "zone-b", "ns")}, "spec.targetRefs[1]: VMCluster/vminsert ns/zone-b does not exist"},
		"one of several":                {[]targetRef{several}, "spec.targetRefs[0]: VMCluster/vmselect ns/gone does not exist"},
		"no namespace":                  {[]targetRef{crd("VMAgent", "x", "")}, "spec.targetRefs[0]: crd needs both a name and a namespace"},
		"another kind":                  {[]targetRef{crd("Pod", "x", "ns")}, `spec.targetRefs[0]: crd.kind "Pod" is none that a VMUser can route to`},
		"neither":                       {[]targetRef{{}}, "spec.targetRefs[0]: neither static nor crd nor name is set: set one of them"},
		"both":                          {[]targetRef{{Static: static.Static, CRD: &objectRefs{}}}, "spec.targetRefs[0]: static and crd are both set: set one of them"},
		"a static one without address":  {[]targetRef{{Static: map[string]any{}}}, "spec.targetRefs[0]: static has neither url nor urls"},
		"no default of the VMAuth":      {[]targetRef{{Name: "unknown"}}, `spec.targetRefs[0]: no entry of spec.defaultTargetRefs of the VMAuth is named "unknown"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := checkTargets(c.refs, []targetRef{{Name: "known"}}, exists); err != nil {
				got = err.Error()
			}
			expect(t, got, c.want)
		})
	}
}
