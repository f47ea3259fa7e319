// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"slices"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// LastTarget is what becomes of requests that only the drained zone serves.
type LastTarget string

const (
	// LastTargetFailOver sends them to the other zones, which are replicas.
	LastTargetFailOver LastTarget = "FailOver"
	// LastTargetRefuse leaves them where they are: the zone is not drained.
	LastTargetRefuse LastTarget = "Refuse"
)

// drainer takes zones out of a list of entries.
type drainer struct {
	zones      []Cluster
	others     []Cluster
	lastTarget LastTarget
	namespace  string
	entries    []drained
}

// drained is an entry and what is left of it.
type drained struct {
	entry
	// taken are the targets that lead to one of the zones.
	taken []target
	// left is the entry without them; its object is nil when it has to go.
	left entry
	// orphan is true while nothing that left leads to serves.
	orphan bool
	// replaceable are the zones to put in place of the entry's target if it must
	// not be removed; empty where it can only be removed.
	replaceable []Cluster
}

// drain returns what is left of every entry, nil for those that go. The sentence
// says why the zones cannot be taken out.
func (d *drainer) drain(list []any) (left []any, refusal string, err error) {
	entries, err := readEntries("spec.targetRefs", list, d.namespace)
	if err != nil {
		return nil, "", err
	}
	for i, e := range entries {
		entry := drained{entry: e, left: e}
		for _, t := range e.targets {
			if _, drained := e.zoneOf(t, d.zones); drained {
				entry.taken = append(entry.taken, t)
			}
		}
		if len(entry.taken) > 0 {
			if name := text(e.object, "name"); name != "" {
				return nil, fmt.Sprintf("spec.targetRefs[%d].%s leads to it beside name %q, so that VMAuths put it together with an entry of their defaultTargetRefs", i, entry.taken[0].path, name), nil
			}
			entry.left = e.without(entry.taken)
			entry.orphan = !slices.ContainsFunc(entry.left.active(), func(t target) bool { return d.serving(entry.left, t) })
		}
		d.entries = append(d.entries, entry)
	}
	if refusal := d.placeOrphans(); refusal != "" {
		return nil, refusal, nil
	}
	return d.result(list)
}

// result checks what is left once more.
func (d *drainer) result(list []any) (left []any, refusal string, err error) {
	remaining := 0
	for i, e := range d.entries {
		if e.left.object == nil {
			left = append(left, nil)
			continue
		}
		remaining++
		for _, t := range e.left.targets {
			if _, drained := e.left.zoneOf(t, d.zones); drained {
				return nil, fmt.Sprintf("spec.targetRefs[%d].%s would still lead to it", i, t.path), nil
			}
		}
		if len(e.taken) == 0 {
			left = append(left, list[i])
			continue
		}
		left = append(left, e.left.object)
	}
	if remaining == 0 {
		return nil, "no target would be left", nil
	}
	return left, "", nil
}

// serving reports whether requests may be left to a target: it leads to one of
// the other zones, or to something that is no zone. A VMCluster that is none of
// the others may be unhealthy, and a URL that nobody can tell the goal of may be
// the zone's.
func (d *drainer) serving(e entry, t target) bool {
	if _, found := e.zoneOf(t, d.others); found {
		return true
	}
	if !t.isStatic() {
		return t.kind != VMClusterKind.Kind && !slices.ContainsFunc([]component{vmselect, vminsert, vmstorage}, func(c component) bool {
			return t.kind == VMClusterKind.Kind+"/"+c.name
		})
	}
	_, drained := e.zoneOf(t, d.zones)
	host, err := hostOf(t.url)
	return err == nil && !host.looksLikeCluster() && !drained
}

// zoneOf returns which of some zones a target leads to.
func (e entry) zoneOf(t target, zones []Cluster) (Cluster, bool) {
	for _, zone := range zones {
		if e.leads(t, zone, vmselect) {
			return zone, true
		}
	}
	return Cluster{}, false
}

// placeOrphans decides about the entries that lead nowhere else.
func (d *drainer) placeOrphans() string {
	for i := range d.entries {
		if !d.entries[i].orphan {
			continue
		}
		removable, zones := d.standIns(i)
		switch {
		case removable:
			d.entries[i].left, d.entries[i].replaceable = entry{}, zones
		case len(zones) > 0:
			if refusal := d.failOver(i, zones); refusal != "" {
				return refusal
			}
		default:
			if refusal := d.lastTargetOf(i); refusal != "" {
				return refusal
			}
		}
	}
	return d.keepShape()
}

// standIns returns whether an entry may be removed, since others stand in for it,
// and the zones that those lead to.
func (d *drainer) standIns(i int) (removable bool, zones []Cluster) {
	shadowed := false // by an entry that stands in, so that i serves nothing now
	next := true      // no entry that does otherwise has come after i yet
	for j, other := range d.entries {
		if other.orphan {
			next = next && (j <= i || override.Equal(other.serves(), d.entries[i].serves()))
			continue
		}
		serves, led := d.standsInFor(i, other)
		switch {
		case serves && j < i:
			shadowed = true
		case serves && next:
			removable = true
		}
		next = next && (j < i || serves)
		for _, zone := range led {
			if !slices.ContainsFunc(zones, zone.is) {
				zones = append(zones, zone)
			}
		}
	}
	return removable || shadowed, zones
}

// standsInFor reports whether an entry stands in for entry i, and which zones it
// leads to.
func (d *drainer) standsInFor(i int, other drained) (serves bool, zones []Cluster) {
	for _, t := range other.left.active() {
		if !d.serving(other.left, t) || !other.left.standsIn(t, d.entries[i].entry, d.entries[i].taken) {
			continue
		}
		serves = true
		if zone, found := other.left.zoneOf(t, d.others); found {
			zones = append(zones, zone)
		}
	}
	return serves, zones
}

// keepShape takes removals back that would leave an entry alone that then matches
// more than before.
func (d *drainer) keepShape() string {
	var remaining []drained
	for _, e := range d.entries {
		if e.left.object != nil {
			remaining = append(remaining, e)
		}
	}
	if len(remaining) != 1 || len(d.entries) == 1 || !remaining[0].left.widensAlone() {
		return ""
	}
	for i, e := range d.entries {
		if e.left.object != nil {
			continue
		}
		if len(e.replaceable) == 0 {
			return d.lastTargetOf(i)
		}
		return d.failOver(i, e.replaceable)
	}
	return ""
}

// lastTargetOf decides about an entry that nothing stands in for.
func (d *drainer) lastTargetOf(i int) string {
	if d.lastTarget == LastTargetRefuse {
		return fmt.Sprintf("nothing else serves what spec.targetRefs[%d].%s serves, and drain.lastTarget is Refuse", i, d.entries[i].taken[0].path)
	}
	return d.failOver(i, d.others)
}

// failOver replaces what leads to the zones by other ones.
func (d *drainer) failOver(i int, zones []Cluster) string {
	e := &d.entries[i]
	successors := map[target][]Cluster{}
	for _, t := range e.taken {
		from, _ := e.zoneOf(t, d.zones)
		for _, zone := range zones {
			if takesOver(from, zone, t.isStatic()) {
				successors[t] = append(successors[t], zone)
			}
		}
	}
	if len(successors) == 0 {
		return fmt.Sprintf("nothing else serves what spec.targetRefs[%d].%s serves, and no other zone may take over", i, e.taken[0].path)
	}
	left, err := e.failedOver(d.zones, successors)
	if err != nil {
		return fmt.Sprintf("spec.targetRefs[%d].%s cannot lead to another zone: %v", i, e.taken[0].path, err)
	}
	e.left = left
	return ""
}

// takesOver reports whether a zone's vmselect can be asked as another one's: it
// is there, and expects requests below the same path, with a static URL over the
// same protocol too (BuildPathWithPrefixFlag and HTTPProtoFromFlags,
// types/vmextra_types.go).
func takesOver(from, to Cluster, static bool) bool {
	if to.Spec != nil && to.Spec[vmselect.field] == nil {
		return false
	}
	flags := []string{"http.pathPrefix"}
	if static {
		flags = append(flags, "tls")
	}
	for _, name := range flags {
		if !override.Equal(member(from.Spec, vmselect.field, "extraArgs", name), member(to.Spec, vmselect.field, "extraArgs", name)) {
			return false
		}
	}
	return true
}
