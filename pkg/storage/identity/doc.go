// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package identity keeps a server from answering out of a store that is not the one
// which its cluster knows. An empty store answers that everything is absent, and the
// garbage collector deletes what belongs to absent objects.
//
// A store has an identity, which is lost with what it holds. The cluster remembers it
// in a ConfigMap. A Guard compares the two, before the first answer and from then on,
// and lets nothing through where they differ, until somebody says by an annotation
// that exactly this store is to be taken.
//
// A store that was restored from its own backup is the same store.
package identity
