// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "time"

// Skip is the word of a user by which a zone is left out of the rollout of a revision.
type Skip struct {
	// By is who said so, At when, and Reason what they gave as such; each may be unknown.
	By     string
	At     time.Time
	Reason string
}

// leftOut is true for a zone that was skipped and has not come to what is wanted all the
// same. The others go on as if it were none of the list, but that its health stays what it
// is: nobody is sent there who could not be before.
func leftOut(zone *Zone) bool {
	if zone.Skipped == nil {
		return false
	}
	there := inPlace(zone) && zone.Cluster.Healthy() && !zone.Record.inWork() && len(zone.Reads.Drained) == 0 && !zone.Record.Emptied
	return !there
}

// inPlace is true where the cluster is what is wanted, but for marks.
func inPlace(zone *Zone) bool {
	cluster := zone.Cluster
	return cluster != nil && !cluster.Deleting && zone.Problem == "" && !zone.notOurs() && cluster.Difference != Spec
}

// mayRest is true for a zone that was skipped and is nobody's business any more: one that
// can be given its reads back is, until it has them, and so is one that is read from and
// came back empty.
func (s *ZoneState) mayRest(zone *Zone) bool {
	return s.Skipped && (ailing(zone) || !s.inWork(zone) && !s.Record.Emptied)
}

// rests is true where nothing else is to be said of it.
func (s *ZoneState) rests() bool { return s.Skipped && s.Reason == ReasonSkipped }

// leave is for a zone that was skipped, and is left as it is.
func (s *ZoneState) leave(zone *Zone) {
	phase := Pending
	switch cluster := zone.Cluster; {
	case cluster == nil:
		s.Record = s.Record.withoutUpdate()
		if !zone.Inline {
			phase = Missing
		}
	case cluster.Deleting || inPlace(zone):
		phase = Unhealthy
	}
	s.Record.Phase = phase
	s.tellSkipped(zone)
}

// tellSkipped says of a zone that was skipped by whom, and what it lacks.
func (s *ZoneState) tellSkipped(zone *Zone) {
	skip := zone.Skipped
	s.Reason, s.Hold = ReasonSkipped, false
	s.WaitingFor = "the verb retry for this zone, or another revision of it, since it was skipped" + whoSaid(skip.By, skip.At, skip.Reason)
	switch cluster := zone.Cluster; {
	case cluster == nil:
		s.WaitingFor += "; its VMCluster does not exist"
	case !cluster.Healthy():
		s.WaitingFor += "; health: " + ailment(cluster)
	}
	if len(zone.Reads.Drained) > 0 {
		s.WaitingFor += "; its reads are kept away until it is in good health"
	}
}

// skippedText names the zones that rest, and says by whom they were skipped; empty for
// none.
func skippedText(o *Observed, d *Decision) string {
	text := ""
	for i := range d.Zones {
		if zone := &o.Zones[i]; d.Zones[i].rests() {
			if text != "" {
				text += "; "
			}
			text += "zone " + zone.Name + " was skipped" + whoSaid(zone.Skipped.By, zone.Skipped.At, zone.Skipped.Reason)
		}
	}
	return text
}
