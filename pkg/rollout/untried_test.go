// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "testing"

func untriedZone(z *Zone) { z.Untried = "a webhook does not answer" }

// TestWhatCanNotBeTriedOutIsNotWritten, and holds up nothing that needs no trial.
func TestWhatCanNotBeTriedOutIsNotWritten(t *testing.T) {
	for name, c := range map[string]struct {
		zones  []Zone
		want   Action
		phase  Phase
		reason string
	}{
		"to be created":      {[]Zone{zone("a", absent, newcomer, untriedZone), zone("b")}, Action{Type: Nothing}, Pending, ReasonDryRunFailed},
		"to be updated":      {[]Zone{outdatedZone("a", untriedZone), zone("b")}, Action{Type: Nothing}, Pending, ReasonDryRunFailed},
		"to be repaired":     {[]Zone{outdatedZone("a", unhealthy, untriedZone), zone("b")}, Action{Type: Nothing}, Pending, ReasonDryRunFailed},
		"to be marked":       {[]Zone{zone("a", metadata, untriedZone), zone("b")}, Action{Type: Nothing}, Ready, ReasonUpToDate},
		"to be given back":   {[]Zone{outdatedZone("a", drainedFor(0), untriedZone), zone("b", open)}, Action{RestoreReads, "a"}, Restoring, ReasonWriting},
		"beside one to make": {[]Zone{outdatedZone("a", untriedZone), zone("b", absent, newcomer)}, Action{CreateCluster, "b"}, Pending, ReasonDryRunFailed},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, routedScene(c.zones...))
			wantAction(t, d, c.want.Type, c.want.Cluster)
			wantZone(t, d, 0, c.phase, c.reason)
		})
	}
}
