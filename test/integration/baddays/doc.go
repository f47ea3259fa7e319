// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package baddays tests what happens when something goes wrong that is none of the
// server's own doing: its store fails, fills up or is deleted, kube-apiserver restarts,
// nobody serves the API, a backup is restored. Whatever it is, no VMCluster, VMUser or
// VMAgent is changed because of it, and what was under way goes on when it is over.
package baddays
