// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package gitops tests what tools of GitOps make of a VMDistributedCluster in every state
// that the rules of a rollout produce: kstatus, Argo CD by its script, Flux by its
// expressions. All three are the libraries that these tools use.
package gitops
