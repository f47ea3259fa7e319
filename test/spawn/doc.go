// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package spawn starts the programs that tests run on this machine: processes
// that end with this one or outlive it, logs of their single runs, and ports
// that stay theirs while they restart.
package spawn
