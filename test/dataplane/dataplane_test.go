// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"testing"
)

func TestNothingFailsWhenNothingHappens(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	w := r.write(200)
	reader := r.read(w, DefaultSlack)
	r.untilReads(reader, 100)
	r.stopWriter(w)
	r.untilComplete(w)
	if counts := reader.Counts(); counts.Failed != 0 || counts.Incomplete != 0 {
		t.Errorf("%+v: %v", counts, reader.Problems())
	}
	t.Logf("%+v, %d samples, slowest %v", reader.Counts(), w.Written(), reader.Slowest())
}
