// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"slices"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// restored returns the list without the drain: what was edited meanwhile is kept.
func (r DrainRecord) restored(current []any) []any {
	if override.Equal(current, r.drained()) {
		return r.Original
	}
	m := merge{record: r, current: current, slotOf: make([]int, len(current)), at: make([]int, len(r.Original)), back: make([]bool, len(current))}
	for i := range m.slotOf {
		m.slotOf[i] = none
	}
	for slot := range m.at {
		m.at[slot] = none
	}
	m.matchEqual()
	m.matchBack()
	m.matchEdited()
	return m.result()
}

// none stands for no entry.
const none = -1

// merge finds the entries of a drained list again in an edited one.
type merge struct {
	record  DrainRecord
	current []any
	// slotOf is the entry of Original that each of current comes from.
	slotOf []int
	// at is where in current each entry of Original is.
	at []int
	// back marks those of current that are a second copy of a taken entry.
	back []bool
}

func (m *merge) match(slot, i int) {
	m.at[slot], m.slotOf[i] = i, slot
}

// matchEqual finds the entries that nobody touched: from the front, from the end,
// then wherever they are.
func (m *merge) matchEqual() {
	var slots []int
	for slot, left := range m.record.Left {
		if left != nil {
			slots = append(slots, slot)
		}
	}
	front := 0
	for front < min(len(slots), len(m.current)) && m.isLeft(slots[front], front) {
		m.match(slots[front], front)
		front++
	}
	for end := 1; end <= min(len(slots), len(m.current))-front && m.isLeft(slots[len(slots)-end], len(m.current)-end); end++ {
		m.match(slots[len(slots)-end], len(m.current)-end)
	}
	for _, slot := range slots {
		for i := range m.current {
			if m.at[slot] == none && m.slotOf[i] == none && m.isLeft(slot, i) {
				m.match(slot, i)
			}
		}
	}
}

func (m *merge) isLeft(slot, i int) bool {
	return override.Equal(m.record.Left[slot], m.current[i])
}

// matchBack finds taken entries that somebody brought back as they were.
func (m *merge) matchBack() {
	for slot, original := range m.record.Original {
		if !m.record.changed(slot) {
			continue
		}
		for i, item := range m.current {
			if m.slotOf[i] != none || m.back[i] || !override.Equal(original, item) {
				continue
			}
			if m.at[slot] == none {
				m.match(slot, i)
			} else {
				m.back[i] = true
			}
			break
		}
	}
}

// matchEdited finds entries that somebody edited: those that agree in their
// targets, in all but them, or share a target. Who agrees in most comes first.
func (m *merge) matchEdited() {
	for {
		best, slot, at := 0, none, none
		for s, left := range m.record.Left {
			for i, item := range m.current {
				if left == nil || m.at[s] != none || m.slotOf[i] != none || m.back[i] {
					continue
				}
				if score := likeness(object(left), object(item)); score > best {
					best, slot, at = score, s, i
				}
			}
		}
		if slot == none {
			return
		}
		m.match(slot, at)
	}
}

// likeness is 0 for entries that are not the same one edited, else higher the
// more of their fields agree.
func likeness(a, b map[string]any) int {
	if !sameTargets(a, b) && !sameButTargets(a, b) && !shareTarget(a, b) {
		return 0
	}
	score := 1
	for key, value := range a {
		if override.Equal(value, b[key]) {
			score++
		}
	}
	return score
}

func sameTargets(a, b map[string]any) bool {
	return override.Equal(a["crd"], b["crd"]) && override.Equal(a["static"], b["static"])
}

func sameButTargets(a, b map[string]any) bool {
	return override.Equal(butTargets(a), butTargets(b))
}

func butTargets(m map[string]any) map[string]any {
	rest := copyOf(m)
	delete(rest, "crd")
	delete(rest, "static")
	return rest
}

func shareTarget(a, b map[string]any) bool {
	values := targetList(b).values
	return targetList(a).class == targetList(b).class && slices.ContainsFunc(targetList(a).values, func(value any) bool { return contains(values, value) })
}

func contains(list []any, value any) bool {
	return slices.ContainsFunc(list, func(other any) bool { return override.Equal(other, value) })
}

// placed is an entry of the merged list and the entry of Original it comes from.
type placed struct {
	slot  int
	value any
}

func (m *merge) result() []any {
	var list []placed
	for i, item := range m.current {
		if m.back[i] {
			continue
		}
		slot := m.slotOf[i]
		if slot != none && m.record.changed(slot) && m.record.Left[slot] != nil {
			item = m.record.retargeted(slot, item)
		}
		list = append(list, placed{slot: slot, value: item})
	}
	for slot, original := range m.record.Original {
		if m.record.Left[slot] == nil && m.at[slot] == none {
			list = slices.Insert(list, placeOf(slot, len(m.record.Original), list), placed{slot: slot, value: original})
		}
	}
	merged := make([]any, 0, len(list))
	for _, p := range list {
		merged = append(merged, p.value)
	}
	return merged
}

// placeOf returns where one of a number of entries goes: after the nearest of its former
// predecessors that is there, else before the nearest of its successors.
func placeOf(slot, entries int, list []placed) int {
	find := func(want int) int {
		return slices.IndexFunc(list, func(p placed) bool { return p.slot == want })
	}
	for before := slot - 1; before >= 0; before-- {
		if i := find(before); i >= 0 {
			return i + 1
		}
	}
	for after := slot + 1; after < entries; after++ {
		if i := find(after); i >= 0 {
			return i
		}
	}
	return min(slot, len(list))
}

// retargeted returns an entry that the drain changed, and maybe somebody since,
// with the target that it had. Where somebody edited the target too, the parts
// that the drain took come back beside their neighbours, and those that it put in
// their place go. One that somebody gave another kind of target is theirs.
func (r DrainRecord) retargeted(slot int, item any) any {
	original, left, now := object(r.Original[slot]), object(r.Left[slot]), object(item)
	if override.Equal(original, now) {
		return r.Original[slot]
	}
	changed := copyOf(now)
	if sameTargets(left, now) {
		for _, key := range []string{"crd", "static"} {
			delete(changed, key)
			if value, found := original[key]; found {
				changed[key] = value
			}
		}
		return changed
	}
	was, had, has := targetList(original), targetList(left), targetList(now)
	if was.class != has.class || had.class != has.class {
		return item
	}
	has.values = mergeTargets(was.values, had.values, has.values)
	has.write(changed)
	return changed
}

// mergeTargets takes added targets out of the present ones and puts taken ones
// back.
func mergeTargets(original, left, now []any) []any {
	merged := slices.DeleteFunc(slices.Clone(now), func(value any) bool { return contains(left, value) && !contains(original, value) })
	for i, value := range original {
		if !contains(left, value) && !contains(merged, value) {
			merged = slices.Insert(merged, targetPlace(original, i, merged), value)
		}
	}
	return merged
}

func targetPlace(original []any, i int, list []any) int {
	find := func(want any) int {
		return slices.IndexFunc(list, func(value any) bool { return override.Equal(value, want) })
	}
	for before := i - 1; before >= 0; before-- {
		if at := find(original[before]); at >= 0 {
			return at + 1
		}
	}
	for after := i + 1; after < len(original); after++ {
		if at := find(original[after]); at >= 0 {
			return at
		}
	}
	return min(i, len(list))
}

// targetValues are the targets of an entry in order, whichever field they stand in.
type targetValues struct {
	// class tells what can be in one list: the kind of a crd, or static.
	class  string
	values []any
}

func targetList(m map[string]any) targetValues {
	crd, static := object(m, "crd"), object(m, "static")
	switch {
	case crd != nil && static == nil:
		t := targetValues{class: "crd " + text(crd, "kind")}
		if text(crd, "name") != "" {
			ref := map[string]any{"name": crd["name"], "namespace": crd["namespace"]}
			if extra, found := crd["useExtraService"]; found {
				ref["useExtraService"] = extra
			}
			t.values = append(t.values, ref)
		}
		objects, _ := crd["objects"].([]any)
		t.values = append(t.values, objects...)
		return t
	case static != nil && crd == nil:
		t := targetValues{class: "static"}
		if url := text(static, "url"); url != "" {
			t.values = append(t.values, url)
		}
		urls, _ := static["urls"].([]any)
		t.values = append(t.values, urls...)
		return t
	}
	return targetValues{class: fmt.Sprintf("crd %t, static %t", crd != nil, static != nil)}
}

// write sets the targets of an entry: one in name or url where it stood there,
// else all in the list.
func (t targetValues) write(m map[string]any) {
	if static := object(m, "static"); static != nil {
		_, listed := static["urls"]
		if len(t.values) == 1 && !listed {
			static["url"] = t.values[0]
			return
		}
		delete(static, "url")
		static["urls"] = t.values
		return
	}
	crd := object(m, "crd")
	_, listed := crd["objects"]
	if ref := object(t.values[0]); len(t.values) == 1 && !listed {
		for key, value := range ref {
			crd[key] = value
		}
		return
	}
	crd["name"], crd["namespace"] = "", ""
	delete(crd, "useExtraService")
	crd["objects"] = t.values
}
