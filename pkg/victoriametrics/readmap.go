// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// ReadMap finds out for many VMUsers which of many zones they lead reads to.
type ReadMap struct {
	zones []Cluster
	auths []*unstructured.Unstructured
	// byCluster and byService are the zones that a crd, or a label of a host, may
	// lead to, as indexes.
	byCluster map[types.NamespacedName][]int
	byService map[string][]int
}

// NewReadMap returns the map of some zones. auths are all VMAuths, since a VMUser
// may take its targets from them.
func NewReadMap(zones []Cluster, auths []*unstructured.Unstructured) *ReadMap {
	m := &ReadMap{zones: zones, auths: auths, byCluster: map[types.NamespacedName][]int{}, byService: map[string][]int{}}
	for i, zone := range zones {
		key := types.NamespacedName{Namespace: zone.Namespace, Name: zone.Name}
		m.byCluster[key] = append(m.byCluster[key], i)
		for service := range vmselect.services(zone) {
			m.byService[service] = append(m.byService[service], i)
		}
	}
	return m
}

// ZonesOf returns the names of the zones that a VMUser leads reads to, in the
// order of the map: by targets of its own, by those that it takes from an entry of
// a VMAuth's spec.defaultTargetRefs by name, and by those that a drain has taken
// out of it for a while. What has the wrong type is an error that names the place.
func (m *ReadMap) ZonesOf(user *unstructured.Unstructured) ([]string, error) {
	entries, err := m.entriesOf(user)
	if err != nil {
		return nil, err
	}
	records, err := DrainRecords(user)
	if err != nil {
		return nil, err
	}
	reached := make([]bool, len(m.zones))
	for _, e := range entries {
		for _, t := range e.targets {
			for _, i := range m.candidates(t) {
				reached[i] = reached[i] || e.leads(t, m.zones[i], vmselect)
			}
		}
	}
	for _, record := range records {
		for _, zone := range record.Zones {
			for _, i := range m.byCluster[types.NamespacedName{Namespace: record.Owner.Namespace, Name: zone}] {
				reached[i] = true
			}
		}
	}
	var names []string
	for i, zone := range m.zones {
		if reached[i] {
			names = append(names, zone.Name)
		}
	}
	return names, nil
}

// entriesOf returns the entries of a VMUser, those that name one of a VMAuth's put
// together with it.
func (m *ReadMap) entriesOf(user *unstructured.Unstructured) ([]entry, error) {
	own, err := userEntries(user)
	if err != nil {
		return nil, err
	}
	var serving []*unstructured.Unstructured
	if slices.ContainsFunc(own, func(e entry) bool { return text(e.object, "name") != "" }) {
		serving = servingOf(user, m.auths)
	}
	var entries []entry
	for _, e := range own {
		name := text(e.object, "name")
		if name == "" {
			entries = append(entries, e)
			continue
		}
		for _, auth := range serving {
			joined, err := joinedEntries(auth, name, e)
			if err != nil {
				return nil, err
			}
			for _, j := range joined {
				entries = append(entries, j.entry)
			}
		}
	}
	return entries, nil
}

// candidates are the zones that a target may lead to.
func (m *ReadMap) candidates(t target) []int {
	if !t.isStatic() {
		return m.byCluster[types.NamespacedName{Namespace: t.namespace, Name: t.name}]
	}
	host, err := hostOf(t.url)
	if err != nil {
		return nil
	}
	var found []int
	for _, label := range host.labels {
		found = append(found, m.byService[label]...)
	}
	return found
}
