// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package promise

import "testing"

// TestRolloutsInARowFailNoQueryAndLoseNoSample: two of them, and ten in a long
// run.
func TestRolloutsInARowFailNoQueryAndLoseNoSample(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.load()
	rollouts := 2
	if long {
		rollouts = 10
	}
	for version := range rollouts {
		r.apply(version + 1)
		r.untilReady()
	}
	r.keepPromise()
}
