// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package admission is the front door: the checks of a request that need to know
// more than the object itself, as admission plugins of the API server. Each has a
// package of its own below this one; what they have in common is here.
package admission
