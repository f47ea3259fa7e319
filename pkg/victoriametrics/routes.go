// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ReadRoute is a place in a VMUser that leads to a zone.
type ReadRoute struct {
	// Zone is the name of the zone's VMCluster.
	Zone string
	// Path is the place, such as spec.targetRefs[0].crd.objects[1].
	Path string
}

// ReadRoutes returns every place in spec.targetRefs of a VMUser that leads to the
// vmselect of one of the zones, in order of appearance: by crd with kind
// VMCluster/vmselect, and by static URLs whose host is one of the zone's Services
// in any of its forms. A crd or host without namespace is in that of the VMUser;
// for a host this is true where the VMAuth runs in the same one.
//
// What a target takes from an entry of a VMAuth's spec.defaultTargetRefs by name
// is not seen here; see Undrainable. What has the wrong type is an error that
// names the place.
func ReadRoutes(user *unstructured.Unstructured, zones []Cluster) ([]ReadRoute, error) {
	return routes(user, zones, vmselect)
}

// WriteRoutes returns every place in spec.targetRefs of a VMUser that leads to
// the vminsert of one of the zones. Writes sent that way fail while the zone
// restarts.
func WriteRoutes(user *unstructured.Unstructured, zones []Cluster) ([]ReadRoute, error) {
	return routes(user, zones, vminsert)
}

func routes(user *unstructured.Unstructured, zones []Cluster, c component) ([]ReadRoute, error) {
	entries, err := userEntries(user)
	if err != nil {
		return nil, err
	}
	var found []ReadRoute
	for i, entry := range entries {
		for _, t := range entry.targets {
			for _, zone := range zones {
				if entry.leads(t, zone, c) {
					found = append(found, ReadRoute{Zone: zone.Name, Path: fmt.Sprintf("spec.targetRefs[%d].%s", i, t.path)})
				}
			}
		}
	}
	return found, nil
}

// target is one place of an entry that requests are sent to: a VMCluster or
// another kind by crd, or a static URL.
type target struct {
	// path is its place in the entry, such as crd.objects[1] or static.url.
	path string
	// kind, namespace and name are those of a crd.
	kind, namespace, name string
	// url is that of a static target.
	url string
}

func (t target) isStatic() bool { return t.kind == "" }

// entry is one of spec.targetRefs.
type entry struct {
	// object shares memory with what was read.
	object map[string]any
	// namespace is that of targets which do not tell one.
	namespace string
	targets   []target
}

// userEntries reads spec.targetRefs of a VMUser.
func userEntries(user *unstructured.Unstructured) ([]entry, error) {
	if user.GetKind() != VMUserKind.Kind {
		return nil, fmt.Errorf("cannot look for routes in %s %s/%s: want a VMUser", user.GetKind(), user.GetNamespace(), user.GetName())
	}
	entries, err := readEntries("spec.targetRefs", member(user.Object, "spec", "targetRefs"), user.GetNamespace())
	if err != nil {
		return nil, fmt.Errorf("cannot read the targets of VMUser %s/%s: %w", user.GetNamespace(), user.GetName(), err)
	}
	return entries, nil
}

func readEntries(at string, list any, namespace string) ([]entry, error) {
	f := finder{namespace: namespace}
	var entries []entry
	for i, value := range f.list(at, list) {
		place := fmt.Sprintf("%s[%d]", at, i)
		entries = append(entries, f.entry(place, f.object(place, value)))
	}
	return entries, f.err
}

// entry reads an entry, all of its targets included, those too that the operator
// does not look at, such as static.urls beside static.url.
func (f *finder) entry(at string, m map[string]any) entry {
	e := entry{object: m, namespace: f.namespace}
	crd := f.object(at+".crd", m["crd"])
	kind := f.string(at+".crd.kind", crd["kind"])
	e.addCRD(f, at, "crd", kind, crd)
	for i, value := range f.list(at+".crd.objects", crd["objects"]) {
		place := fmt.Sprintf("crd.objects[%d]", i)
		e.addCRD(f, at, place, kind, f.object(at+"."+place, value))
	}
	static := f.object(at+".static", m["static"])
	e.addURL("static.url", f.string(at+".static.url", static["url"]))
	for i, value := range f.list(at+".static.urls", static["urls"]) {
		place := fmt.Sprintf("static.urls[%d]", i)
		e.addURL(place, f.string(at+"."+place, value))
	}
	return e
}

func (e *entry) addCRD(f *finder, at, place, kind string, ref map[string]any) {
	t := target{path: place, kind: kind}
	t.name, t.namespace = f.string(at+"."+place+".name", ref["name"]), f.string(at+"."+place+".namespace", ref["namespace"])
	if t.namespace == "" {
		t.namespace = f.namespace
	}
	if kind != "" && t.name != "" {
		e.targets = append(e.targets, t)
	}
}

func (e *entry) addURL(place, url string) {
	if url != "" {
		e.targets = append(e.targets, target{path: place, url: url})
	}
}

// active returns the targets that the operator looks at: of a static one, url
// hides urls (genURLMaps, factory/vmauth/vmusers_config.go).
func (e entry) active() []target {
	var active []target
	hidden := text(e.object, "static", "url") != ""
	for _, t := range e.targets {
		if !hidden || !strings.HasPrefix(t.path, "static.urls") {
			active = append(active, t)
		}
	}
	return active
}

// leads reports whether a target of the entry leads to a component of a zone.
func (e entry) leads(t target, zone Cluster, c component) bool {
	if !t.isStatic() {
		return t.kind == VMClusterKind.Kind+"/"+c.name && t.name == zone.Name && t.namespace == zone.Namespace
	}
	role, found := staticRole(t.url, zone, c, e.namespace)
	return found && (role != roleBalancer || e.passesBalancer(t, c))
}

// passesBalancer reports whether what a target sends to a load balancer may reach
// the component: paths below /insert go to vminsert and all others to vmselect
// (buildVMAuthLBSecret, factory/vmcluster/vmcluster.go). Where the entry does not
// tell, both are true.
func (e entry) passesBalancer(t target, c component) bool {
	paths := []string{path.Join("/", basePath(t.url), text(e.object, "target_path_suffix"))}
	if paths[0] == "/" {
		if paths = e.paths(); member(e.object, "drop_src_path_prefix_parts") != nil {
			return true
		}
	}
	for _, p := range paths {
		inserts := p == "/insert" || strings.HasPrefix(p, "/insert/")
		if p == "/.*" || inserts == (c == vminsert) {
			return true
		}
	}
	return false
}
