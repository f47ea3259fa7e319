// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package uninstall takes the server out of a cluster, in an order by which nothing
// hangs: what the aggregator asks goes first, rights and the namespace go last. The
// objects are kept unless somebody says otherwise, and what they are about is left as
// it is in any case: VMClusters, VMUsers and VMAgents are read and never written to.
//
// Gather looks, Decide says what is to be done as a function of what was found, and a
// Carrier does that, one step after the other. There is nothing to remember between two
// runs: the second one finds what the first one has left.
package uninstall
