// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

// assessStrays tells where those stand that the list no longer names.
func assessStrays(o *Observed) []ZoneState {
	states := make([]ZoneState, len(o.Strays))
	for i := range o.Strays {
		stray := &o.Strays[i]
		states[i] = ZoneState{Name: stray.Name, Record: stray.Record, was: stray.Record.Phase}
		states[i].set(Leaving, ReasonReleasing, "its VMCluster to be released")
	}
	return states
}

// leaveStrays gives back the reads of zones that the list no longer names, once
// they are in good health and hold all samples, and releases their clusters. Until
// then a cluster keeps its mark, which is what tells us of its recovery.
func leaveStrays(o *Observed, d *Decision) (remaining int) {
	for i := range o.Strays {
		switch stray := &o.Strays[i]; {
		case stray.Reads.Unreadable != "":
			d.Strays[i].set(Leaving, ReasonReadsUnknown, stray.Reads.Unreadable)
		case stray.Drained():
			giveBackLeaving(o, d, &stray.Zone, &d.Strays[i])
		case stray.Marked:
			d.propose(ReleaseCluster, stray.Name)
		}
		remaining++
	}
	return remaining
}
