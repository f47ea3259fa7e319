// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"slices"
)

// without returns a copy of the entry without some of its targets. It need not be
// a valid one: that none is left is for the caller to find out.
func (e entry) without(taken []target) entry {
	return e.rewritten(func(t target) (by []any, changed bool) {
		return nil, slices.Contains(taken, t)
	})
}

// failedOver returns a copy of the entry in which what led to some zones leads to
// their successors. Nothing but its targets changes.
func (e entry) failedOver(zones []Cluster, successors map[target][]Cluster) (entry, error) {
	var failed error
	seen := map[string]bool{}
	for _, t := range e.targets {
		seen[t.key()] = true
	}
	left := e.rewritten(func(t target) (replaced []any, changed bool) {
		from, drained := e.zoneOf(t, zones)
		if !drained {
			return nil, false
		}
		for _, zone := range successors[t] {
			value, key, err := e.toward(t, from, zone)
			if err != nil {
				failed = err
			}
			if err == nil && !seen[key] {
				seen[key] = true
				replaced = append(replaced, value)
			}
		}
		return replaced, true
	})
	return left, failed
}

// key tells targets apart.
func (t target) key() string {
	if t.isStatic() {
		return t.url
	}
	return t.namespace + "/" + t.name
}

// toward returns the target that leads to another zone, as it is written.
func (e entry) toward(t target, from, to Cluster) (value any, key string, err error) {
	if t.isStatic() {
		url, err := redirected(t.url, from, to, vmselect, e.namespace)
		return url, url, err
	}
	ref := map[string]any{"name": to.Name, "namespace": to.Namespace}
	if flag(e.reference(t), "useExtraService") && vmselect.hasExtraService(to) {
		ref["useExtraService"] = true
	}
	return ref, target{kind: t.kind, name: to.Name, namespace: to.Namespace}.key(), nil
}

// reference returns the map with name and namespace of a crd target.
func (e entry) reference(t target) map[string]any {
	crd := object(e.object, "crd")
	list, _ := crd["objects"].([]any)
	for i := range list {
		if t.path == fmt.Sprintf("crd.objects[%d]", i) {
			return object(list[i])
		}
	}
	return crd
}

// rewritten returns a copy of the entry with what replaces each target that
// changes: any number of others.
//
// name and namespace of a crd and url of a static target hold one. What is more
// goes to the front of objects, or makes urls of url. urls beside url are hidden
// by it, so there only the first of several replaces it. crd.name and
// crd.namespace become "" where the target goes, as the operator's schema wants
// them to be there.
func (e entry) rewritten(replace func(target) (by []any, changed bool)) entry {
	changed := entry{object: copyOf(e.object), namespace: e.namespace}
	replaced := map[string][]any{}
	for _, t := range e.targets {
		if by, changes := replace(t); changes {
			replaced[t.path] = by
		}
	}
	rewriteCRD(object(changed.object, "crd"), replaced)
	rewriteStatic(object(changed.object, "static"), replaced)
	f := finder{namespace: e.namespace}
	return f.entry("", changed.object)
}

func rewriteCRD(crd map[string]any, replaced map[string][]any) {
	if crd == nil {
		return
	}
	objects, had := crd["objects"].([]any)
	var front []any
	if by, found := replaced["crd"]; found {
		delete(crd, "useExtraService")
		crd["name"], crd["namespace"] = "", ""
		for i, ref := range by {
			if i == 0 {
				for key, value := range ref.(map[string]any) {
					crd[key] = value
				}
				continue
			}
			front = append(front, ref)
		}
	}
	list := slices.Concat(front, rewriteList("crd.objects", objects, replaced))
	setList(crd, "objects", list, had)
}

func rewriteStatic(static map[string]any, replaced map[string][]any) {
	if static == nil {
		return
	}
	urls, had := static["urls"].([]any)
	list := rewriteList("static.urls", urls, replaced)
	if by, found := replaced["static.url"]; found {
		delete(static, "url")
		switch {
		case len(by) == 1 || len(by) > 0 && had:
			static["url"] = by[0]
		case len(by) > 0:
			list = by
		}
	}
	setList(static, "urls", list, had)
}

func rewriteList(at string, list []any, replaced map[string][]any) []any {
	var rewritten []any
	for i, value := range list {
		by, found := replaced[fmt.Sprintf("%s[%d]", at, i)]
		if !found {
			rewritten = append(rewritten, value)
			continue
		}
		for _, other := range by {
			rewritten = append(rewritten, withFieldsOf(value, other))
		}
	}
	return rewritten
}

// withFieldsOf keeps what else is written beside name and namespace of an object.
func withFieldsOf(value, other any) any {
	ref, ok := other.(map[string]any)
	if !ok {
		return other
	}
	merged := copyOf(object(value))
	delete(merged, "useExtraService")
	for key, v := range ref {
		merged[key] = v
	}
	return merged
}

// setList writes a list; one that is empty now goes.
func setList(m map[string]any, key string, list []any, had bool) {
	switch {
	case len(list) > 0:
		m[key] = list
	case had:
		delete(m, key)
	}
}
