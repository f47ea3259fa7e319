// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rawjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Flaw is what keeps an object from being carried through faithfully: a member that
// is there twice, since strict decoding ends at this type, so that nobody else would
// notice that one of the two is lost, or a number that no float64 holds, such as
// 1e400, since those who decode the text later can't, and the field manager of the
// API server panics.
type Flaw struct {
	// What is the matter, in words that a path follows.
	What string
	// Path is where it is in the object: keys with dots between them, lists left out.
	Path string
}

// Error says both.
func (f *Flaw) Error() string { return fmt.Sprintf("%s %q", f.What, f.Path) }

// Check returns the first flaw of a JSON object, or nil. What is no JSON at all is for
// whoever has parsed it to say: this runs over every object that is read from the
// store, and parses nothing.
func Check(data []byte) *Flaw {
	var s scan
	for i := 0; i < len(data); {
		end := i + 1
		switch c := data[i]; {
		case c == '{', c == '[':
			s.open(c == '{')
		case c == '}', c == ']':
			s.close()
		case c == ',':
			s.next()
		case c == '"':
			end = endOfString(data, i)
			if s.wantsKey() && !s.add(keyOf(data[i:end])) {
				return &Flaw{What: "duplicate field", Path: s.path()}
			}
		case c == '-', '0' <= c && c <= '9':
			end = endOfNumber(data, i)
			if !isFinite(data[i:end]) {
				return &Flaw{What: "number out of range in field", Path: s.path()}
			}
		}
		i = end
	}
	return nil
}

// scan is where in a document a check is.
type scan struct {
	levels []level
	// keys are those of all levels, the outermost first.
	keys [][]byte
}

// level is an object or a list that the scan is inside of.
type level struct {
	object, wantsKey bool
	// first is where the keys of the level begin.
	first int
	// known holds the keys, once they are too many to be compared one by one.
	known map[string]struct{}
}

// few is how many keys are compared one by one.
const few = 32

func (s *scan) open(object bool) {
	s.levels = append(s.levels, level{object: object, wantsKey: object, first: len(s.keys)})
}

func (s *scan) close() {
	if top := len(s.levels) - 1; top >= 0 {
		s.keys, s.levels = s.keys[:s.levels[top].first], s.levels[:top]
	}
}

func (s *scan) next() {
	if top := len(s.levels) - 1; top >= 0 {
		s.levels[top].wantsKey = s.levels[top].object
	}
}

func (s *scan) wantsKey() bool { return len(s.levels) > 0 && s.levels[len(s.levels)-1].wantsKey }

// add takes a key of the innermost level up. It returns false where that is there already.
func (s *scan) add(key []byte) bool {
	l := &s.levels[len(s.levels)-1]
	l.wantsKey = false
	others := s.keys[l.first:]
	s.keys = append(s.keys, key)
	if len(others) < few {
		for _, other := range others {
			if bytes.Equal(key, other) {
				return false
			}
		}
		return true
	}
	if l.known == nil {
		l.known = make(map[string]struct{}, 2*few)
		for _, other := range others {
			l.known[string(other)] = struct{}{}
		}
	}
	before := len(l.known)
	l.known[string(key)] = struct{}{}
	return len(l.known) > before
}

// path joins the keys that lead to where the scan is, lists left out.
func (s *scan) path() string {
	var keys []string
	for i, l := range s.levels {
		end := len(s.keys)
		if i+1 < len(s.levels) {
			end = s.levels[i+1].first
		}
		if l.object && end > l.first {
			keys = append(keys, string(s.keys[end-1]))
		}
	}
	return strings.Join(keys, ".")
}

// endOfString returns what comes after the string that begins at start.
func endOfString(data []byte, start int) int {
	for i := start + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

func endOfNumber(data []byte, start int) int {
	for i := start; i < len(data); i++ {
		switch c := data[i]; {
		case '0' <= c && c <= '9', c == '+', c == '-', c == '.', c == 'e', c == 'E':
		default:
			return i
		}
	}
	return len(data)
}

// keyOf returns a key as decoders understand it.
func keyOf(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return bytes.Trim(quoted, `"`)
	}
	var key string
	if json.Unmarshal(quoted, &key) != nil {
		return quoted
	}
	return []byte(key)
}

// digits is how many a number may have, without an exponent, that is surely finite.
const digits = 300

func isFinite(number []byte) bool {
	if len(number) < digits && bytes.IndexByte(number, 'e') < 0 && bytes.IndexByte(number, 'E') < 0 {
		return true
	}
	_, err := strconv.ParseFloat(string(number), 64)
	return err == nil
}
