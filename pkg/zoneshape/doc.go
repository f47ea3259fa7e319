// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package zoneshape is the one place where the three accepted shapes of
// spec.zones become the canonical one.
//
// Users write spec.zones as an object with the list vmclusters (the canonical
// shape), as a list whose items hold one vmclusters object each, or as a list
// of entries; lists may mix the latter two. The Go type knows the canonical
// shape alone. Request bodies are rewritten before anything decodes them,
// because server-side apply types a body before any decoder of ours would run,
// and because an UnmarshalJSON of our own would hide unknown fields from strict
// validation.
//
// JSON is rewritten by exchanging bytes: whatever is not a list shape stays as
// it is, duplicate keys and the spelling of numbers included, so that the
// server still reports what it reports for the canonical shape.
package zoneshape
