// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"time"
)

// ActionType is what to do.
type ActionType string

const (
	// Nothing is to be done until something changes or Wake comes.
	Nothing ActionType = "Nothing"
	// CreateCluster creates the inline cluster of a zone.
	CreateCluster ActionType = "CreateCluster"
	// UpdateCluster writes the wanted state to an existing cluster.
	UpdateCluster ActionType = "UpdateCluster"
	// MarkCluster writes to a cluster what leaves its spec as it is.
	MarkCluster ActionType = "MarkCluster"
	// ReleaseCluster takes our mark off a cluster.
	ReleaseCluster ActionType = "ReleaseCluster"
	// DeleteCluster deletes an inline cluster.
	DeleteCluster ActionType = "DeleteCluster"
	// DrainReads takes the reads of a zone out of the VMUsers.
	DrainReads ActionType = "DrainReads"
	// RestoreReads puts them back.
	RestoreReads ActionType = "RestoreReads"
	// ForgetDrain takes our record off the VMUsers and leaves them as they are.
	ForgetDrain ActionType = "ForgetDrain"
	// ConfigureScrape writes the VMAgent.
	ConfigureScrape ActionType = "ConfigureScrape"
	// Finalize lets the object go.
	Finalize ActionType = "Finalize"
)

// Action is one step.
type Action struct {
	Type ActionType
	// Cluster is the name of the cluster, where the step is about one.
	Cluster string
}

// Decision is the outcome of Decide. The records are to be stored before the
// action is carried out.
type Decision struct {
	Action Action
	// Zones has one entry per entry of the list, in its order.
	Zones []ZoneState
	// Strays has one entry per stray.
	Strays []ZoneState
	// First is the step that would be taken if nothing held the object; Action of one
	// that nothing holds.
	First Action
	// Outlook has one entry per zone of the list, in its order; none of an object
	// that is being deleted.
	Outlook []Outlook
	// Successors are the zones that take over what only the drained zone serves,
	// where the action is DrainReads.
	Successors []string
	// Wake is when to decide again though nothing has changed; zero for never.
	Wake time.Time
}

// ZoneState is where a zone stands after the decision.
type ZoneState struct {
	Name   string
	Record Record
	// Reason is the phase's reason in one CamelCase word.
	Reason string
	// WaitingFor says in a sentence what the zone waits for.
	WaitingFor string
	// Deadline is when the present wait is over at the latest: a bake or a grace
	// period ends then, all else counts as too long from then on. Zero where there is
	// no such moment.
	Deadline time.Time
	// Updated is true where the cluster is what is wanted.
	Updated bool
	// Ready is true where the cluster is ours, in good health and read from,
	// whatever it runs.
	Ready bool
	// Skipped is true where it was left out by the user's word, and has not come to what is
	// wanted all the same.
	Skipped bool
	// Hold is true where it calls for the user.
	Hold bool
	// Needs is the evidence that the zone waits for.
	Needs Need
	// was is the phase before.
	was Phase
	// refused is true where only the user can make the write possible, whatever
	// else is done about the zone.
	refused bool
	// blocked is true where a guard stands in the way.
	blocked bool
	// verdict is true where the decision says of the zone what a cache that is
	// behind must not make it say.
	verdict bool
}

// Needs is the evidence to gather, by zone, for a decision that may go further;
// it has to be looked at again every second. What was asked for once can lead to
// another question, of another zone even: gather until no more is asked for.
func (d *Decision) Needs() map[string]Need {
	needs := map[string]Need{}
	for _, zone := range slices.Concat(d.Zones, d.Strays) {
		if zone.Needs != 0 {
			needs[zone.Name] = zone.Needs
		}
	}
	return needs
}

// wakeAt keeps the earliest of the moments that are still to come. It rounds up
// to whole seconds, which is what status keeps: woken too early, Decide would
// have to be called again and again until the second is over.
func (d *Decision) wakeAt(now, moment time.Time) {
	moment = WholeSeconds(moment)
	if moment.After(now) && (d.Wake.IsZero() || moment.Before(d.Wake)) {
		d.Wake = moment
	}
}

// WholeSeconds goes to the next full second, which is what status keeps: a pause must not
// come out shorter than asked for.
func WholeSeconds(moment time.Time) time.Time {
	if whole := moment.Truncate(time.Second); whole.Before(moment) {
		return whole.Add(time.Second)
	}
	return moment
}

// RestsOnHealth is true where the decision must not be based on anything but
// fresh reads: it writes, it calls for the user, or it changes what is remembered
// of a zone, such as that an update has come to its end.
func (d *Decision) RestsOnHealth() bool {
	tells := func(zone ZoneState) bool { return zone.verdict }
	return d.Action.Type != Nothing || slices.ContainsFunc(d.Zones, tells) || slices.ContainsFunc(d.Strays, tells)
}
