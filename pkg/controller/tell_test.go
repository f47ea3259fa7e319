// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/telemetry"
)

func TestARolloutThatIsLeftIsCountedByWhatItWasLeftFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after vmdistributed.VMDistributedClusterStatus
		want  string
	}{
		"another revision": {vmdistributed.VMDistributedClusterStatus{}, telemetry.Superseded},
		"an undo":          {vmdistributed.VMDistributedClusterStatus{Undo: &vmdistributed.UndoRecord{Revision: "bad"}}, telemetry.Undone},
		"an undo of another": {
			vmdistributed.VMDistributedClusterStatus{Undo: &vmdistributed.UndoRecord{Revision: "worse"}}, telemetry.Superseded,
		},
		"another one after an abort": {
			vmdistributed.VMDistributedClusterStatus{Words: []vmdistributed.Word{{Verb: vmdistributed.WordAbort, Revision: "bad"}}}, telemetry.Aborted,
		},
	} {
		if got := leftFor("bad", &test.after); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
