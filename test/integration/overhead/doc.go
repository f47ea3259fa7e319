// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package overhead measures how long a rollout takes by our own doing: from the
// moment at which the last condition that it waits for is true until the write
// that follows. It asserts nothing about time.
package overhead
