// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"slices"
	"strconv"
	"strings"
)

// pointer is a JSON pointer (RFC 6901) in its reference tokens, still escaped.
type pointer []string

// parsePointer reads a pointer the way the server's JSON patch library does,
// which overlooks what stands before the first slash.
func parsePointer(text string) pointer {
	return strings.Split(text, "/")[1:]
}

func (p pointer) String() string {
	if len(p) == 0 {
		return ""
	}
	return "/" + strings.Join(p, "/")
}

// is reports whether the pointer leads to exactly this place.
func (p pointer) is(keys ...string) bool {
	return len(p) == len(keys) && p.isBelow(keys...)
}

// isBelow reports whether the pointer leads to this place or below it.
func (p pointer) isBelow(keys ...string) bool {
	if len(p) < len(keys) {
		return false
	}
	for i, key := range keys {
		if unescape(p[i]) != key {
			return false
		}
	}
	return true
}

// entersZonesAsList reports whether the pointer takes spec.zones for a list.
func (p pointer) entersZonesAsList() bool {
	return len(p) > 2 && p.isBelow(keySpec, keyZones) && isIndex(p[2])
}

// canonical returns where a pointer that takes spec.zones for a list would lead
// in the canonical shape.
func (p pointer) canonical() pointer {
	rest := p[3:]
	if rest.isBelow(keyVMClusters) {
		rest = rest[1:]
	}
	return slices.Concat(pointer{keySpec, keyZones, keyVMClusters, p[2]}, rest)
}

// isIndex reports whether the server's JSON patch library takes a token for a
// place in a list. It takes signs too.
func isIndex(token string) bool {
	if token == "-" {
		return true
	}
	_, err := strconv.Atoi(token)
	return err == nil
}

// unescape resolves the escapes of one token, ~1 before ~0.
func unescape(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
}
