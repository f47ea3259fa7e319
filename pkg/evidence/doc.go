// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package evidence asks the data plane what no object of the API server tells:
// whether every replica of a VMAuth has loaded a change of its VMUsers, whether a
// zone still answers reads, and whether the queues of a VMAgent are empty. Every
// answer fails closed: what can't be found out is missing, and said to be.
package evidence
