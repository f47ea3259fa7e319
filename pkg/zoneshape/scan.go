// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// span is a half-open range of bytes in a document.
type span struct{ start, end int }

func (s span) of(doc []byte) []byte { return doc[s.start:s.end] }

// member is one member of a JSON object.
type member struct {
	key   string
	whole span // from the quote that opens the key to the end of the value
	value span
}

// edit puts other bytes in the place of a span.
type edit struct {
	at   span
	with []byte
}

// splice makes the edits, which are in order and do not overlap.
func splice(doc []byte, edits []edit) []byte {
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(out, doc[done:e.at.start]...)
		out = append(out, e.with...)
		done = e.at.end
	}
	return append(out, doc[done:]...)
}

// isObject and isList tell what a valid JSON value is.
func isObject(doc []byte, at span) bool { return opensWith(doc, at, '{') }
func isList(doc []byte, at span) bool   { return opensWith(doc, at, '[') }

func opensWith(doc []byte, at span, brace byte) bool {
	text := bytes.TrimLeft(at.of(doc), " \t\r\n")
	return len(text) > 0 && text[0] == brace
}

// members lists the members of an object as they are written, duplicates
// included, with the escapes in their keys resolved.
func members(doc []byte, at span) ([]member, error) {
	var found []member
	err := walk(doc, at, func(dec *json.Decoder) error {
		keyStart := at.start + int(dec.InputOffset())
		keyStart += bytes.IndexByte(doc[keyStart:], '"') // over the comma and white space
		token, err := dec.Token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		if !ok {
			return fmt.Errorf("unexpected %v in place of a key", token)
		}
		value, err := next(dec, at)
		found = append(found, member{key: key, whole: span{keyStart, value.end}, value: value})
		return err
	})
	return found, err
}

// elements lists the elements of a list.
func elements(doc []byte, at span) ([]span, error) {
	var found []span
	err := walk(doc, at, func(dec *json.Decoder) error {
		value, err := next(dec, at)
		found = append(found, value)
		return err
	})
	return found, err
}

// walk calls visit at the start of each member of an object, or each element of
// a list.
func walk(doc []byte, at span, visit func(*json.Decoder) error) error {
	dec := json.NewDecoder(bytes.NewReader(at.of(doc)))
	_, err := dec.Token() // the opening brace
	for err == nil && dec.More() {
		err = visit(dec)
	}
	if err != nil {
		return fmt.Errorf("reading bytes %d to %d of the body: %w", at.start, at.end, err)
	}
	return nil
}

// next reads one value, and returns where it is. The decoder's offset counts
// from the start of at.
func next(dec *json.Decoder, at span) (span, error) {
	var raw json.RawMessage
	err := dec.Decode(&raw)
	end := at.start + int(dec.InputOffset())
	return span{end - len(raw), end}, err
}
