// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package garbage tests that the garbage collector of a cluster is never told that a
// VMDistributedCluster was deleted which was not: it deletes what belongs to such an
// object, and believes a watch or a list of it at its word.
package garbage
