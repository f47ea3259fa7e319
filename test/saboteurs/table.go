// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// saboteur takes a guard away.
type saboteur struct {
	guard   string
	file    string // of the engine, or a path from the root of the module
	line    string // what to replace in it, as often as once
	instead string
}

// Patterns of tests.
const (
	tables = "^Test"
	// slow are left out: a guard has to be told by a test that names it.
	slow = "^Test(Simulation|NoReachableState|AStopAtAnyPoint|DecidingTwice|WhatIsForetold)"
)

// Files that know of drains.
const (
	plan    = "pkg/victoriametrics/drainplan.go"
	record  = "pkg/victoriametrics/drainrecord.go"
	returns = "pkg/controller/observe_returns.go"
)

var saboteurs = []saboteur{
	// Guards before a zone is touched.
	{"single disruption", "update.go", "if out < o.Strategy.MaxUnavailable {", "if true || out < o.Strategy.MaxUnavailable {"},
	{"one repair at a time", "update.go", "if count < o.Strategy.MaxUnavailable {", "if true || count < o.Strategy.MaxUnavailable {"},
	{"enough zones remain", "update.go", "if serving >= wanted {", "if true || serving >= wanted {"},
	{"a drain leaves enough", "update.go", "return servingBeside(o, d, i) >= max(1, o.Strategy.MinAvailableZones)", "return true"},
	{"a redrain leaves one", "advance.go", `if zone.Reads.Busy != "" || servingBeside(o, d, i) == 0 {`, "if false {"},
	{"what is on its way back does not serve", "update.go", "!d.Zones[i].Record.Emptied && !outOfReach(o, d, i)\n}", "!d.Zones[i].Record.Emptied\n}"},
	{"what came back empty does not serve", "update.go", "!zone.notOurs() && !d.Zones[i].Record.Emptied && !outOfReach(o, d, i)\n}", "!zone.notOurs() && !outOfReach(o, d, i)\n}"},
	{"nothing is written under its readers", "update.go", "if !o.Zones[next].routed() || servingBeside(o, d, next) > 0 {", "if true {"},
	{"failures halt", "update.go", "if failures <= o.Strategy.MaxFailures {", "if true || failures <= o.Strategy.MaxFailures {"},
	{"lost samples halt", "update.go", `lost != "" && i != next && !zone.Approved`, `false && lost != "" && i != next && !zone.Approved`},
	{"a refusal holds those after it back", "update.go", "if state := &d.Zones[i]; state.refused {", "if state := &d.Zones[i]; false {"},
	{"bake", "update.go", "if !o.Now.Before(until) {\n\t\treturn nil", "if true {\n\t\treturn nil"},
	{"contended reads are left alone", "update.go", "d.Zones[next].Record.Contended == zone.Revision && !zone.Approved", "false && zone.Approved"},
	{"unknown reads", "update.go", `case reads.Unknown != "":`, "case false:"},
	{"undrainable reads", "update.go", "case len(reads.Undrainable) > 0:", "case false:"},
	{"what waits for the user holds up no repair", "update.go", "for _, i := range healthyFirst(o) {", "for i := range o.Zones {"},
	{"approval: what was begun before", "approval.go", "begun.IsZero() || since.Before(begun)", "begun.IsZero() || since.After(begun)"},
	{"the step rests on what has ended", "decide.go", "for d.recordEnds(&o) {", "for false && d.recordEnds(&o) {"},
	{"another drain of the VMUser", "update.go", `case reads.Busy != "":`, "case false:"},
	{"queues known before a drain", "update.go", "case queues.Reading == nil:", "case false:"},
	{"no replica silent before a drain", "update.go", `case queues.Reading.Missing != "":`, "case false:"},
	{"room in the queues", "update.go", `full != "" {`, `full != "" && false {`},
	{"abort", "update.go", "if o.Aborted == nil {", "if true {"},
	{"abort holds creations", "decide.go", "off := aborted(o, d, i); off != nil {", "off := aborted(o, d, i); off != nil && false {"},
	{"a trial that failed is none", "update.go", `if zone.Untried == "" {`, "if true {"},
	{"routes that are gone are loaded", "update.go", "switch loaded := zone.Reads.Loaded; {", "switch loaded := zone.Reads.Loaded; {\n\tcase true:\n\t\treturn nil"},
	{"paused", "outlook.go", "if o.Paused {\n\t\tfound", "if false {\n\t\tfound"},
	{"observing", "outlook.go", "if o.Observing {\n\t\tfound", "if false {\n\t\tfound"},
	{"halt", "outlook.go", "case o.Halt != nil:", "case false:"},
	{"halt holds deletions", "deletion.go", "if o.held() && d.Action.Type != Finalize {", "if false {"},
	{"foresight: all guards, and not the first alone", "outlook.go", "for found := range obstacles(o, d, i) {", "for found := range obstacles(o, d, i) {\n\t\tif len(d.Outlook[i].Refusals) > 0 {\n\t\t\tbreak\n\t\t}"},
	{"foresight: what only the user can make possible", "decide.go", "\tnoteRefused(d)\n", ""},
	{"foresight: what could not be tried out", "decide.go", "state.block(o, d, untried)\n\t\t\t\td.Outlook[i].refuse(untried)", "state.block(o, d, untried)"},
	{"foresight: what guards lack is asked for", "outlook.go", "s.Needs |= refusal.needs", "_ = refusal.needs"},
	{"storage never shrinks", "decide.go", "case len(cluster.Shrinks) > 0:", "case false:"},
	{"drift is overwritten three times", "decide.go", "case landed(zone) && state.Record.Reapplied >= maxReapplied:", "case false:"},
	{"what is refused is not written", "update.go", "!zone.Cluster.Deleting && !state.refused", "!zone.Cluster.Deleting"},
	{"what was skipped is not written", "update.go", "!state.refused && !state.Skipped", "!state.refused"},
	{"what was skipped is not created", "decide.go", "case state.Skipped:\n\t\tcase zone.Cluster == nil", "case false:\n\t\tcase zone.Cluster == nil"},
	{"what was skipped may not come", "update.go", "return !zone.Inline || !d.Zones[i].Skipped", "return true"},

	// From the drain to the write.
	{"drain before the write", "update.go", "if drainable(o, d, next) && !drain(o, d, zone, state) {", "if false {"},
	{"drain before the second write", "advance.go", "if !takesReads(o, d, i) {", "if false {"},
	{"proof that it is loaded", "reads.go", "if !met {\n\t\trecord.Loaded = time.Time{}", "if !met && false {\n\t\trecord.Loaded = time.Time{}"},
	{"evidence that nobody has is none", "reads.go", `return false, "evidence to be gathered"`, `return true, ""`},
	{"the proof counts from the last write", "reads.go", "if d.Action == (Action{DrainReads, zone.Name}) && o.Now.Sub(record.Drained) >= retryNoted || !record.drained() {", "if !record.drained() {"},
	{"a decision to give back proves no drain", "reads.go", "if z.Record.restoring() && len(z.Reads.Drained) == 0 && z.Reads.Unreadable == \"\" {", "if z.Record.restoring() {"},
	{"a drain that was found is proven by giving it back", "advance.go", "record.Updating != UnknownRevision && !record.recalled())", "record.Updating != UnknownRevision)"},
	{"reads in flight", "reads.go", "if !o.Now.Before(over) {", "if true {"},
	{"redrains are limited", "reads.go", "if record.Redrained >= maxRedrained {", "if false {"},
	{"redrains are counted", "reads.go", "record.DrainDone = true // that it has landed may not have been noted", ""},

	// From the write to the end.
	{"health before the restoration", "advance.go", "case !zone.Cluster.Healthy():\n\t\tkeepAway", "case false:\n\t\tkeepAway"},
	{"old evidence is forgotten", "decide.go", "record.Healthy, record.Quiet = time.Time{}, time.Time{} // evidence of another time", ""},
	{"flush before the restoration", "advance.go", "if !flushed(o, d, zone, state) {", "if false && !flushed(o, d, zone, state) {"},
	{"flush: unclear", "flush.go", "if zone.Queues.Gate == Unclear {", "if false {"},
	{"flush: nobody has looked", "flush.go", "if reading == nil {", "if reading == nil {\n\t\treturn true\n\t}\n\tif false {"},
	{"flush: pending", "baseline.go", "case queue.Pending > min(maxPending, recent*queue.PerSecond):", "case false:"},
	{"flush: what little comes in", "baseline.go", "min(maxPending, recent*queue.PerSecond)", "maxPending"},
	{"flush: failures", "baseline.go", "failed = failed || queue.Failures != mark.Failures", ""},
	{"flush: missing", "baseline.go", `if reading.Missing != "" {`, "if false {"},
	{"flush: successes", "baseline.go", "if queue.Sent <= marks[i].Sent && queue.Inflow > marks[i].Inflow {", "if false && queue.Sent <= marks[i].Sent {"},
	{"flush: drops", "baseline.go", "mark.Lost = mark.Lost || queue.Dropped > mark.Dropped", ""},
	{"flush: drops through a restart", "baseline.go", "mark.Lost = lost\n", "_ = lost\n"},
	{"flush: a replica that left", "baseline.go", `mark.Lost = mark.Lost || reading.Missing == ""`, "_ = reading"},
	{"flush: stable window", "flush.go", "if o.Now.Before(until) {", "if false {"},
	{"flush: window of a replica that failed", "flush.go", "stable = max(stable, zone.Queues.RetryPause)", "_ = zone"},
	{"flush: what was held before the drain", "flush.go", "held.After(until) {", "false && held.After(until) {"},
	{"restoration is written until it lands", "reads.go", "if d.propose(RestoreReads, zone.Name); d.Action", "if d.Action"},
	{"what another drain keeps away holds up no other", "reads.go", "if len(zone.Reads.Drained) > 0 && zone.Reads.Kept == \"\" {", "if len(zone.Reads.Drained) > 0 {"},
	{"made anew: remembered while nobody can read the drain", "decide.go", "!zone.routed() && zone.Reads.Unknown == \"\" && zone.Reads.Unreadable == \"\" ||", "!zone.routed() ||"},
	{"made anew: noted while nobody can read the drain", "decide.go", "if gone && (zone.routed() || zone.Reads.Unreadable != \"\") {", "if gone && zone.routed() {"},
	{"made anew: by the user's word", "advance.go", "if record.drained() && record.Emptied && !zone.Approved {", "if false {"},
	{"made anew: drained at once", "advance.go", "\t\tproposeDrain(o, d, zone, record)\n\t\tif !ailing", "\t\treturn\n\t\tif !ailing"},
	{"made anew: not before it is loaded", "decide.go", "if !vacated(o, d, i) {", "if false {"},
	{"a lost record is flushed", "decide.go", "r.Updating, r.Started, r.Generation = UnknownRevision, now, 0", "_ = UnknownRevision"},

	// Deadlines.
	{"readyTimeout", "decide.go", "if overdue(o, &state.Record) {", "if false {"},
	{"drain.timeout and flush.timeout", "reads.go", "if o.Now.Sub(clock) >= limit {", "if false {"},
	{"progressDeadline", "decide.go", "if deadline := last.Add(o.Strategy.ProgressDeadline); o.Now.Before(deadline) {", "if deadline := last.Add(o.Strategy.ProgressDeadline); true {"},

	// On the way out.
	{"deletion: health", "deletion.go", "case !zone.Cluster.Healthy():", "case false:"},
	{"deletion: flush", "deletion.go", "case record.inFlight() && !flushed(o, d, zone, state):", "case false:"},
	{"deletion: made anew", "deletion.go", "case record.Emptied && !zone.Approved:", "case false:"},
	{"deletion: references", "deletion.go", "case len(cluster.ReferredBy) > 0:", "case false:"},
	{"a drained stray keeps the object", "strays.go", "\t\tremaining++\n", ""},
	{"a stray goes through its gates", "strays.go", "giveBackLeaving(o, d, &stray.Zone, &d.Strays[i])", "d.propose(RestoreReads, stray.Name)"},
	{"no reads for what is gone", "deletion.go", "d.propose(ForgetDrain, zone.Name)", "d.propose(RestoreReads, zone.Name)"},
	{"deletion: what another drain keeps away holds up no other", "deletion.go", "\tcase zone.Reads.Kept != \"\":", "\tcase false:"},
	{"deletion: what is gone holds up no other", "deletion.go", "case zone.Cluster == nil && zone.Reads.Kept != \"\":", "case false:"},

	// Several zones that are drained from one VMUser.
	{"shared drain: giving one back gives back no other", plan, "if len(remaining) == 0 {\n\t\treturn targetsPatch(", "if true {\n\t\treturn targetsPatch("},
	{"shared drain: all on record are taken out", record, "d := drain.drainer(zones, lastTarget, namespace)", "d := drain.drainer(zones[len(zones)-1:], lastTarget, namespace)"},
	{"shared drain: none that is drained takes over", plan, "return slices.ContainsFunc(taken.zones, c.is) })", "return false })"},
	{"shared drain: what would come back leads there", plan, "len(routes) == 0 && len(record.Zones) > 0 &&", "false &&"},
	{"shared drain: nobody else's", plan, "if theirs := otherOwners(records, drain.Owner); theirs != nil {", "if theirs := otherOwners(nil, drain.Owner); theirs != nil {"},
	{"shared drain: what is off the list comes first", plan, "if !listed(other) {", "if false {"},
	{"shared drain: what is out already is taken out again", plan, "if slices.Contains(drained, zone) {\n", "if false {\n"},
	{"shared drain: what another one is in the way of waits", plan, "if record.drainableAfter(user, drain, beside) {", "if false {"},
	{"shared drain: what is refused anyway is said", plan, "return len(others) > 0 && err == nil && reason == \"\"", "return len(others) > 0 && err == nil && reason != \"no reason\""},
	{"shared drain: an older version can't take several for one", record, "if document.Drain.Zone = r.Zones[0]; len(r.Zones) > 1 {", "if document.Drain.Zone = r.Zones[0]; false {"},
	{"shared drain: what is gone leaves nothing behind", plan, "without, refusal, err := record.redrawn(user, beside, []string{drain.Zone.Name}, LastTargetFailOver)", "without, refusal, err := record.redrawn(user, beside, remaining, LastTargetFailOver)"},
	{"shared drain: healthy ones take over first", returns, "patch, err := plan(user, drainOf(object, view, zone.Name, asListed(view, healthy)))", "patch, err := plan(user, drainOf(object, view, zone.Name, asListed(view, reserve)))"},
	{"shared drain: those that take over keep the order of the list", returns, "return cmp.Compare(place(a), place(b))", "return cmp.Compare(place(a)-place(a), place(b)-place(b))"},
	{"shared drain: who leaves takes over last", returns, "if view.zones[zone.Name] != nil {", "if true {"},
	{"shared drain: what can be given back is", returns, "zone.Reads.Kept = err.Error()", "_ = zone"},
}
