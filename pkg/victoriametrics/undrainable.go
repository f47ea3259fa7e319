// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// Undrainable names what leads from a VMUser to a zone and PlanDrain does not
// take out, a sentence each: targets that have their crd or static from an entry
// of spec.defaultTargetRefs of one of the VMAuths by name; default_url; targets
// that lead to the zone's vmstorage or to no component; and URLs of which nobody
// can tell where they lead. What cannot be read is named too, since it may lead
// anywhere.
func Undrainable(user *unstructured.Unstructured, auths []*unstructured.Unstructured, zone Cluster) []string {
	s := suspect{what: fmt.Sprintf("VMUser %s/%s", user.GetNamespace(), user.GetName()), zone: zone, namespace: user.GetNamespace()}
	entries, err := userEntries(user)
	if err != nil {
		return []string{err.Error()}
	}
	serving := servingOf(user, auths)
	for i, e := range entries {
		place := fmt.Sprintf("spec.targetRefs[%d]", i)
		if name := text(e.object, "name"); name != "" {
			s.named(place, name, e.object, serving)
			continue
		}
		for _, t := range e.targets {
			if !e.leads(t, zone, vmselect) {
				s.target(place+"."+t.path, t)
			}
		}
	}
	s.urls("spec.default_url", member(user.Object, "spec", "default_url"))
	return s.found
}

// servingOf leaves out VMAuths of other namespaces that do not say that they serve
// the VMUser: a default target of theirs under the same name is nothing to it.
func servingOf(user *unstructured.Unstructured, auths []*unstructured.Unstructured) []*unstructured.Unstructured {
	said := map[types.NamespacedName]bool{}
	for _, by := range Applied(user) {
		said[by.VMAuth] = true
	}
	var serving []*unstructured.Unstructured
	for _, auth := range auths {
		if auth.GetNamespace() == user.GetNamespace() || said[types.NamespacedName{Namespace: auth.GetNamespace(), Name: auth.GetName()}] {
			serving = append(serving, auth)
		}
	}
	return serving
}

// UndrainableAuth names what leads from a VMAuth itself to a zone, for requests
// without a VMUser: spec.unauthorizedUserAccessSpec, and its forerunner
// spec.unauthorizedAccessConfig with spec.default_url. Nothing of it is ever
// taken out. Of a VMAuth in another namespace than the zone's only what surely
// leads there counts: anybody may have one.
func UndrainableAuth(auth *unstructured.Unstructured, zone Cluster) []string {
	s := suspect{what: fmt.Sprintf("VMAuth %s/%s", auth.GetNamespace(), auth.GetName()), zone: zone, namespace: auth.GetNamespace(), sure: auth.GetNamespace() != zone.Namespace}
	access := member(auth.Object, "spec", "unauthorizedUserAccessSpec")
	at := "spec.unauthorizedUserAccessSpec"
	s.access(at, access, auth)
	s.urlMap("spec.unauthorizedAccessConfig", member(auth.Object, "spec", "unauthorizedAccessConfig"))
	s.urls("spec.default_url", member(auth.Object, "spec", "default_url"))
	return s.found
}

// suspect collects what leads to a zone in ways that cannot be drained.
type suspect struct {
	what      string
	namespace string
	zone      Cluster
	found     []string
	// sure leaves out what nobody can tell.
	sure bool
}

func (s *suspect) add(place, format string, args ...any) {
	s.found = append(s.found, fmt.Sprintf("%s: %s ", s.what, place)+fmt.Sprintf(format, args...))
}

// wrongType is for what may lead anywhere.
func (s *suspect) wrongType(err error) {
	if s.sure {
		return
	}
	s.found = append(s.found, fmt.Sprintf("cannot read the targets of %s: %v", s.what, err))
}

// target names one that leads to the zone, other than by what is drained.
func (s *suspect) target(place string, t target) {
	if t.isStatic() {
		s.url(place, t.url)
		return
	}
	if t.name != s.zone.Name || t.namespace != s.zone.Namespace {
		return
	}
	switch t.kind {
	case VMClusterKind.Kind, VMClusterKind.Kind + "/" + vmstorage.name:
		s.add(place, "leads to zone %s as %s, which is never taken out", s.zone.Name, t.kind)
	case VMClusterKind.Kind + "/" + vmselect.name:
		s.add(place, "leads to zone %s and cannot be taken out", s.zone.Name)
	}
}

// url names one that leads to the zone's vmstorage, or nobody knows where.
func (s *suspect) url(place, raw string) {
	if _, err := hostOf(raw); err != nil {
		if s.sure {
			return
		}
		s.add(place, "may lead to zone %s: cannot tell where that URL leads", s.zone.Name)
		return
	}
	if _, found := staticRole(raw, s.zone, vmstorage, s.namespace); found && !s.reads(raw) && !s.writes(raw) {
		s.add(place, "leads to the vmstorage of zone %s, which is never taken out", s.zone.Name)
	}
}

func (s *suspect) reads(raw string) bool {
	_, found := staticRole(raw, s.zone, vmselect, s.namespace)
	return found
}

func (s *suspect) writes(raw string) bool {
	_, found := staticRole(raw, s.zone, vminsert, s.namespace)
	return found
}

// urls reads a list of URLs, or one, in a place where none is ever taken out.
func (s *suspect) urls(place string, value any) {
	if one, ok := value.(string); ok {
		s.anyURL(place, one)
		return
	}
	f := finder{namespace: s.namespace}
	for i, item := range f.list(place, value) {
		at := fmt.Sprintf("%s[%d]", place, i)
		if raw := f.string(at, item); raw != "" {
			s.anyURL(at, raw)
		}
	}
	if f.err != nil {
		s.wrongType(f.err)
	}
}

func (s *suspect) anyURL(place, raw string) {
	if s.reads(raw) {
		s.add(place, "leads to zone %s and cannot be taken out", s.zone.Name)
		return
	}
	s.url(place, raw)
}

// urlMap reads a list of url_map entries.
func (s *suspect) urlMap(place string, value any) {
	f := finder{namespace: s.namespace}
	for i, item := range f.list(place, value) {
		at := fmt.Sprintf("%s[%d]", place, i)
		s.urls(at+".url_prefix", f.object(at, item)["url_prefix"])
	}
	if f.err != nil {
		s.wrongType(f.err)
	}
}

// access reads unauthorizedUserAccessSpec.
func (s *suspect) access(at string, value any, auth *unstructured.Unstructured) {
	f := finder{namespace: s.namespace}
	spec := f.object(at, value)
	entries, err := readEntries(at+".targetRefs", spec["targetRefs"], s.namespace)
	if f.err != nil {
		err = f.err
	}
	if err != nil {
		s.wrongType(err)
	}
	for i, e := range entries {
		place := fmt.Sprintf("%s.targetRefs[%d]", at, i)
		if name := text(e.object, "name"); name != "" {
			s.named(place, name, e.object, []*unstructured.Unstructured{auth})
			continue
		}
		s.everyTarget(place, e)
	}
	s.urlMap(at+".url_map", spec["url_map"])
	s.urls(at+".url_prefix", spec["url_prefix"])
	s.urls(at+".default_url", spec["default_url"])
}

// everyTarget names the targets of an entry of which none is ever taken out.
func (s *suspect) everyTarget(place string, e entry) {
	for _, t := range e.targets {
		if t.isStatic() {
			s.anyURL(place+"."+t.path, t.url)
			continue
		}
		s.target(place+"."+t.path, t)
	}
}

// named reads an entry that names one of a VMAuth's spec.defaultTargetRefs.
func (s *suspect) named(place, name string, own map[string]any, auths []*unstructured.Unstructured) {
	for _, auth := range auths {
		joined, err := joinedEntries(auth, name, entry{object: own, namespace: s.namespace})
		for _, j := range joined {
			s.everyTarget(fmt.Sprintf("%s, put together with %s of VMAuth %s/%s by name %q,", place, j.at, auth.GetNamespace(), auth.GetName(), name), j.entry)
		}
		if err != nil {
			s.wrongType(err)
		}
	}
}

// joinedEntry is an entry put together with one of a VMAuth's.
type joinedEntry struct {
	entry
	// at is the place of the VMAuth's.
	at string
}

// joinedEntries puts an entry together with those of a VMAuth's
// spec.defaultTargetRefs that it names, which the operator puts under it as a
// whole, field by field (buildConfig in factory/vmauth/vmusers_config.go). A VMAuth
// without one of that name leaves the VMUser out.
func joinedEntries(auth *unstructured.Unstructured, name string, own entry) ([]joinedEntry, error) {
	f := finder{namespace: own.namespace}
	var joined []joinedEntry
	for i, item := range f.list("spec.defaultTargetRefs", member(auth.Object, "spec", "defaultTargetRefs")) {
		at := fmt.Sprintf("spec.defaultTargetRefs[%d]", i)
		if base := f.object(at, item); text(base, "name") == name {
			joined = append(joined, joinedEntry{entry: f.entry(at, override.Apply(base, own.object)), at: at})
		}
	}
	if f.err != nil {
		return joined, fmt.Errorf("VMAuth %s/%s: %w", auth.GetNamespace(), auth.GetName(), f.err)
	}
	return joined, nil
}
