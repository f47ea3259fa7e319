// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ClusterReference is a VMCluster that a VMUser or VMAuth refers to.
type ClusterReference struct {
	Namespace string
	Name      string
	// Component is vmselect, vminsert or vmstorage.
	Component string
	// Path is the place of the reference, such as spec.targetRefs[0].crd.
	Path string
}

func (r ClusterReference) String() string {
	return fmt.Sprintf("VMCluster %s/%s (%s) at %s", r.Namespace, r.Name, r.Component, r.Path)
}

// ClusterReferences returns every VMCluster that a VMUser or VMAuth refers to by
// crd, in order of appearance. Deleting one of them invalidates more than its
// own route (updateCRDObjURLs and buildConfig in
// factory/vmauth/vmusers_config.go): a VMUser with one unresolvable reference is
// left out of the configuration as a whole, and its clients get 401; one in a
// VMAuth ends the building of its configuration, which stays as it was for all
// users.
//
// The places are spec.targetRefs of a VMUser, and spec.defaultTargetRefs (a list,
// types/vmauth_types.go) and spec.unauthorizedUserAccessSpec.targetRefs of a
// VMAuth. A target that names an entry of defaultTargetRefs refers through the
// VMAuth. URLs, static ones and those of url_map, url_prefix and
// unauthorizedAccessConfig, never invalidate anything and are not returned.
//
// The operator follows crd.name and all of crd.objects, and wants a namespace
// with each. One without, which it does not accept, counts here as in the
// object's own namespace. What has the wrong type is an error that names the
// place: such an object may refer to anything.
func ClusterReferences(u *unstructured.Unstructured) ([]ClusterReference, error) {
	var places [][]string
	switch u.GetKind() {
	case VMUserKind.Kind:
		places = [][]string{{"spec", "targetRefs"}}
	case VMAuthKind.Kind:
		places = [][]string{{"spec", "defaultTargetRefs"}, {"spec", "unauthorizedUserAccessSpec", "targetRefs"}}
	default:
		return nil, fmt.Errorf("cannot look for references to VMClusters in %s %s/%s: want a VMUser or VMAuth", u.GetKind(), u.GetNamespace(), u.GetName())
	}
	f := finder{namespace: u.GetNamespace()}
	for _, place := range places {
		f.targetRefs(strings.Join(place, "."), member(u.Object, place...))
	}
	if f.err != nil {
		return nil, fmt.Errorf("cannot read the targets of %s %s/%s: %w", u.GetKind(), u.GetNamespace(), u.GetName(), f.err)
	}
	return f.found, nil
}

// finder collects references and keeps the first error.
type finder struct {
	namespace string
	found     []ClusterReference
	err       error
}

func (f *finder) targetRefs(at string, list any) {
	for i, target := range f.list(at, list) {
		place := fmt.Sprintf("%s[%d]", at, i)
		crd := f.object(place+".crd", f.object(place, target)["crd"])
		kind := f.string(place+".crd.kind", crd["kind"])
		if kind != VMClusterKind.Kind && !strings.HasPrefix(kind, VMClusterKind.Kind+"/") {
			continue
		}
		f.reference(place+".crd", kind, crd)
		for j, entry := range f.list(place+".crd.objects", crd["objects"]) {
			at := fmt.Sprintf("%s.crd.objects[%d]", place, j)
			f.reference(at, kind, f.object(at, entry))
		}
	}
}

func (f *finder) reference(at, kind string, ref map[string]any) {
	name, namespace := f.string(at+".name", ref["name"]), f.string(at+".namespace", ref["namespace"])
	if name == "" {
		return
	}
	if namespace == "" {
		namespace = f.namespace
	}
	_, part, _ := strings.Cut(kind, "/")
	f.found = append(f.found, ClusterReference{Namespace: namespace, Name: name, Component: part, Path: at})
}

func (f *finder) list(at string, value any) []any {
	list, ok := value.([]any)
	f.check(ok || value == nil, at, "array", value)
	return list
}

func (f *finder) object(at string, value any) map[string]any {
	m, ok := value.(map[string]any)
	f.check(ok || value == nil, at, "object", value)
	return m
}

func (f *finder) string(at string, value any) string {
	s, ok := value.(string)
	f.check(ok || value == nil, at, "string", value)
	return s
}

func (f *finder) check(ok bool, at, want string, have any) {
	if !ok && f.err == nil {
		f.err = fmt.Errorf("%s must be of type %s, not %T", at, want, have)
	}
}
