// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package plugin is kubectl vmdc: it shows how far a rollout is and what it waits for,
// and says how it is to go on. What is shown is worked out in tree and diagnosis.
package plugin
