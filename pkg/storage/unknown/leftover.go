// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package unknown

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
)

// leftover is what a JSON value has and another one lacks: all of it, or something of
// its members, or of its items by what identifies them.
type leftover struct {
	all     json.RawMessage
	members []namedLeftover
	items   map[string]*leftover
}

type namedLeftover struct {
	name string
	of   *leftover
}

// missing returns what stored has and known lacks, nil if nothing. metadata is left out,
// which does not change with our versions, and what says which version it is.
func missing(stored, known []byte) (*leftover, error) {
	has, err := membersOf(stored)
	if err != nil {
		return nil, err
	}
	has = slices.DeleteFunc(has, func(m member) bool { return slices.Contains([]string{"apiVersion", "kind", "metadata"}, m.name) })
	return missingMembers(has, known)
}

func missingMembers(stored []member, known json.RawMessage) (*leftover, error) {
	has, err := membersOf(known)
	if err != nil {
		return nil, err
	}
	var found leftover
	for _, m := range stored {
		var sub *leftover
		if at := indexOf(has, m.name); at >= 0 {
			if sub, err = missingIn(m.value, has[at].value); err != nil {
				return nil, err
			}
		} else if string(m.value) != "null" {
			sub = &leftover{all: m.value}
		}
		if sub != nil {
			found.members = append(found.members, namedLeftover{m.name, sub})
		}
	}
	if found.members == nil {
		return nil, nil //nolint:nilnil // nothing is missing
	}
	return &found, nil
}

// missingIn looks into values that both have. Where they are of different kinds, known
// is right.
func missingIn(stored, known json.RawMessage) (*leftover, error) {
	switch {
	case bytes.Equal(stored, known):
		return nil, nil //nolint:nilnil // nothing is missing
	case isObject(stored) && isObject(known):
		has, err := membersOf(stored)
		if err != nil {
			return nil, err
		}
		return missingMembers(has, known)
	case isList(stored) && isList(known):
		return missingItems(stored, known)
	}
	return nil, nil //nolint:nilnil // nothing is missing
}

func missingItems(stored, known json.RawMessage) (*leftover, error) {
	before, err := itemsOf(stored)
	if err != nil {
		return nil, err
	}
	after, err := itemsOf(known)
	if err != nil {
		return nil, err
	}
	found := leftover{items: map[string]*leftover{}}
	for _, one := range before {
		at := slices.IndexFunc(after, func(other item) bool { return other.id == one.id })
		if one.id == "" || at < 0 {
			continue
		}
		sub, err := missingIn(one.value, after[at].value)
		if err != nil {
			return nil, err
		}
		if sub != nil {
			found.items[one.id] = sub
		}
	}
	if len(found.items) == 0 {
		return nil, nil //nolint:nilnil // nothing is missing
	}
	return &found, nil
}

// putInto adds the leftover to a value of today. What that has of the same name is
// right; what belongs to something that is gone is gone too.
func (l *leftover) putInto(today json.RawMessage) (json.RawMessage, error) {
	switch {
	case l == nil:
		return today, nil
	case l.all != nil && isObject(l.all) && isObject(today):
		// Today's has a place that was empty before.
		rest, err := missingIn(l.all, today)
		if err != nil {
			return nil, err
		}
		return rest.putInto(today)
	case l.members != nil && isObject(today):
		return l.putIntoObject(today)
	case l.items != nil && isList(today):
		return l.putIntoList(today)
	}
	return today, nil
}

func (l *leftover) putIntoObject(today json.RawMessage) (json.RawMessage, error) {
	has, err := membersOf(today)
	if err != nil {
		return nil, err
	}
	for _, m := range l.members {
		at := indexOf(has, m.name)
		switch {
		case at >= 0:
			if has[at].value, err = m.of.putInto(has[at].value); err != nil {
				return nil, err
			}
		case m.of.all != nil:
			has = append(has, member{m.name, m.of.all})
		}
	}
	return objectOf(has)
}

func (l *leftover) putIntoList(today json.RawMessage) (json.RawMessage, error) {
	has, err := itemsOf(today)
	if err != nil {
		return nil, err
	}
	values := make([]json.RawMessage, len(has))
	for i, one := range has {
		if values[i], err = l.items[one.id].putInto(one.value); err != nil {
			return nil, err
		}
	}
	return listOf(values), nil
}

// member is one of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

func indexOf(members []member, name string) int {
	return slices.IndexFunc(members, func(m member) bool { return m.name == name })
}

// membersOf returns those of an object, in order, their values as they stand.
func membersOf(raw json.RawMessage) ([]member, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	var members []member
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: name.(string)}
		if err := decoder.Decode(&m.value); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}

func objectOf(members []member) (json.RawMessage, error) {
	var raw bytes.Buffer
	raw.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			raw.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		raw.Write(name)
		raw.WriteByte(':')
		raw.Write(m.value)
	}
	raw.WriteByte('}')
	return raw.Bytes(), nil
}

// item is one of a JSON list. Its id is empty where it has none of its own.
type item struct {
	id    string
	value json.RawMessage
}

// itemsOf returns those of a list.
func itemsOf(raw json.RawMessage) ([]item, error) {
	var values []json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, err
	}
	items, count := make([]item, len(values)), map[string]int{}
	for i, value := range values {
		items[i] = item{id: identity(value), value: value}
		count[items[i].id]++
	}
	for i := range items {
		if count[items[i].id] > 1 {
			items[i].id = ""
		}
	}
	return items, nil
}

// identity is by what the lists of the API tell their items apart: a zone by the
// VMCluster that it is, and others by a name, a type or a replica.
func identity(value json.RawMessage) string {
	var known struct {
		Ref                 struct{ Name string }
		Name, Type, Replica string
	}
	if !isObject(value) || json.Unmarshal(value, &known) != nil {
		return ""
	}
	return cmp.Or(known.Ref.Name, known.Name, known.Type, known.Replica)
}

func listOf(values []json.RawMessage) json.RawMessage {
	raw := []byte{'['}
	for i, value := range values {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = append(raw, value...)
	}
	return append(raw, ']')
}

func isObject(raw json.RawMessage) bool { return bytes.HasPrefix(raw, []byte("{")) }
func isList(raw json.RawMessage) bool   { return bytes.HasPrefix(raw, []byte("[")) }
