// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"strings"
	"testing"
	"time"
)

const (
	// interval is how often rules are evaluated, and series scraped.
	interval = 30 * time.Second
	jobName  = "vmdistributed-apiserver"
	// trouble begins an hour after the data, and the data goes on for an hour after it.
	lead = time.Hour
)

// course is the value of a series: since the trouble began, and at a moment. The trouble
// is over when it began as long ago as it lasts.
type course func(since, lasts time.Duration, at time.Time) float64

// is has one value during the trouble and another one else.
func is(during, otherwise float64) course {
	return func(since, lasts time.Duration, _ time.Time) float64 {
		if since >= 0 && since < lasts {
			return during
		}
		return otherwise
	}
}

// always has one value.
func always(value float64) course { return is(value, value) }

// ahead is a time that lies this far ahead, behind during the trouble.
func ahead(during, otherwise time.Duration) course {
	return func(since, lasts time.Duration, at time.Time) float64 {
		if since >= 0 && since < lasts {
			return float64(at.Add(during).Unix())
		}
		return float64(at.Add(otherwise).Unix())
	}
}

// counts goes up by so much every interval during the trouble.
func counts(each float64) course {
	return func(since, lasts time.Duration, _ time.Time) float64 {
		return each * float64(max(min(since, lasts), 0)/interval)
	}
}

// grows is for how long something lasts, from the beginning of the trouble on.
func grows(since, lasts time.Duration, _ time.Time) float64 {
	if since >= 0 && since < lasts {
		return since.Seconds()
	}
	return 10
}

// labels are those of an object, a zone or a replica, and more.
func labels(metric string, pairs ...string) map[string]string {
	all := map[string]string{"__name__": metric, "job": jobName, "instance": "10.0.0.1:8443", "pod": "one"}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

func object(metric string, pairs ...string) map[string]string {
	return labels(metric, append([]string{"namespace", "monitoring", "name", "metrics"}, pairs...)...)
}

func zone(metric, name string, pairs ...string) map[string]string {
	return object(metric, append([]string{"zone", name}, pairs...)...)
}

// told is a series of a scenario.
type told struct {
	labels map[string]string
	course course
}

// scenario is a situation, and the alert that tells of it: for how long the situation
// lasts, and whether the alert fires.
type scenario struct {
	name, alert string
	lasts       time.Duration
	fires       bool
	series      []told
}

func reconciling(during float64) told {
	return told{object("vmdistributed_condition", "condition", "Reconciling", "reason", "Any"), is(during, 0)}
}

func condition(kind, reason string, course course) told {
	return told{object("vmdistributed_condition", "condition", kind, "reason", reason), course}
}

var (
	running  = condition("Paused", "NotPaused", always(0))
	paused   = condition("Paused", "Paused", is(1, 0))
	progress = condition("Stalled", "NotStalled", always(0))
)

func scenarios() []scenario {
	deadline := func(during time.Duration) told {
		return told{zone("vmdistributed_zone_deadline_timestamp_seconds", "zone-a"), ahead(during, time.Hour)}
	}
	inPhase := told{zone("vmdistributed_zone_phase_seconds", "zone-a"), grows}
	zones := func(ready, updated, drained course) []told {
		return []told{
			{object("vmdistributed_zones"), always(3)},
			{object("vmdistributed_ready_zones"), ready},
			{object("vmdistributed_updated_zones"), updated},
			{zone("vmdistributed_zone_reads_drained", "zone-a"), drained},
			{zone("vmdistributed_zone_reads_drained", "zone-b"), always(0)},
		}
	}
	leads := func(pod string, course course) told {
		return told{labels("leader_election_master_status", "name", "vmdistributed-apiserver-controller", "pod", pod), course}
	}
	return []scenario{
		{"stalled", "VMDistributedClusterStalled", 20 * time.Minute, true, []told{condition("Stalled", "FlushTimeout", is(1, 0))}},
		{"stalled for a moment", "VMDistributedClusterStalled", 3 * time.Minute, false, []told{condition("Stalled", "FlushTimeout", is(1, 0))}},
		{"stalled by a failure that has its own alert", "VMDistributedClusterStalled", 20 * time.Minute, false, []told{condition("Stalled", "ReadyTimeout", is(1, 0))}},

		{"over the deadline", "VMDistributedClusterZoneOverdue", 20 * time.Minute, true, []told{deadline(-time.Minute), running, progress}},
		{"slow, with a deadline ahead", "VMDistributedClusterZoneOverdue", 20 * time.Minute, false, []told{deadline(time.Minute), running, progress}},
		{"over the deadline and called stalled", "VMDistributedClusterZoneOverdue", 20 * time.Minute, false, []told{deadline(-time.Minute), running, condition("Stalled", "FlushTimeout", is(1, 0))}},
		{"over the deadline and paused", "VMDistributedClusterZoneOverdue", 20 * time.Minute, false, []told{deadline(-time.Minute), paused, progress}},

		{"no progress", "VMDistributedClusterNoProgress", 3 * time.Hour, true, []told{inPhase, reconciling(1), running}},
		{"no progress, and a deadline ahead", "VMDistributedClusterNoProgress", 3 * time.Hour, false, []told{inPhase, reconciling(1), running, deadline(time.Hour)}},
		{"no progress of what is complete", "VMDistributedClusterNoProgress", 3 * time.Hour, false, []told{inPhase, reconciling(0), running}},
		{"no progress of what is paused", "VMDistributedClusterNoProgress", 3 * time.Hour, false, []told{inPhase, reconciling(1), paused}},

		{"a failed zone", "VMDistributedClusterZoneFailed", 20 * time.Minute, true, []told{{zone("vmdistributed_zone_phase", "zone-a", "phase", "Failed", "reason", "ReadyTimeout"), is(1, 0)}}},
		{"degraded", "VMDistributedClusterDegraded", 30 * time.Minute, true, []told{condition("Degraded", "NotHealthy", is(1, 0))}},
		{"degraded for a moment", "VMDistributedClusterDegraded", 10 * time.Minute, false, []told{condition("Degraded", "NotHealthy", is(1, 0))}},
		{"never completed", "VMDistributedClusterNeverCompleted", 25 * time.Hour, true, append(zones(always(3), is(2, 3), always(0)), running)},
		{"completed within a day", "VMDistributedClusterNeverCompleted", 20 * time.Hour, false, append(zones(always(3), is(2, 3), always(0)), running)},
		{"never completed and paused", "VMDistributedClusterNeverCompleted", 25 * time.Hour, false, append(zones(always(3), is(2, 3), always(0)), paused)},
		{"steps that fail", "VMDistributedStepsFail", 30 * time.Minute, true, []told{
			{labels("vmdistributed_steps_total", "action", "UpdateCluster", "result", "failed"), counts(1)},
			{labels("vmdistributed_steps_total", "action", "UpdateCluster", "result", "done"), counts(1)},
		}},
		{"steps that others were faster in", "VMDistributedStepsFail", 30 * time.Minute, false, []told{{labels("vmdistributed_steps_total", "action", "UpdateCluster", "result", "conflict"), counts(1)}}},

		{"dropped data", "VMDistributedClusterDataDropped", 10 * time.Minute, true, []told{{zone("vmdistributed_zone_data_dropped", "zone-a"), is(1, 0)}}},
		{"one drained and one unhealthy", "VMDistributedClusterUnhealthyWhileDrained", 20 * time.Minute, true, zones(is(1, 3), always(3), is(1, 0))},
		{"one drained", "VMDistributedClusterUnhealthyWhileDrained", 20 * time.Minute, false, zones(is(2, 3), always(3), is(1, 0))},
		{"one unhealthy", "VMDistributedClusterUnhealthyWhileDrained", 20 * time.Minute, false, zones(is(2, 3), always(3), always(0))},
		{"drained for long", "VMDistributedClusterZoneDrainedLong", 3 * time.Hour, true, zones(always(3), always(3), is(1, 0))},
		{"drained for an hour", "VMDistributedClusterZoneDrainedLong", time.Hour, false, zones(always(3), always(3), is(1, 0))},
		{"a drain without owner", "VMDistributedDrainWithoutOwner", 30 * time.Minute, true, []told{{labels("vmdistributed_drains_without_owner"), is(1, 0)}}},

		{"no replica answers", "VMDistributedAPIServerDown", 20 * time.Minute, true, []told{{labels("up"), is(0, 1)}, {labels("up", "pod", "two"), is(0, 1)}}},
		{"one of two replicas is away", "VMDistributedAPIServerDown", 20 * time.Minute, false, []told{{labels("up"), is(0, 1)}, {labels("up", "pod", "two"), always(1)}}},
		{"a store that is refused", "VMDistributedAPIServerStoreRefused", 10 * time.Minute, true, []told{{labels("vmdistributed_store_refused"), is(1, 0)}}},
		{"a certificate that is not renewed", "VMDistributedAPIServerCertificateExpires", time.Hour, true, []told{{labels("vmdistributed_serving_certificate_expiration_timestamp_seconds"), ahead(19*24*time.Hour, 60*24*time.Hour)}}},
		{"another writer of caBundle", "VMDistributedAPIServerCABundleContended", 10 * time.Minute, true, []told{{labels("vmdistributed_apiservice_ca_bundle", "apiservice", "one", "standing", "contended"), is(1, 0)}}},
		{"a caBundle that can't be written", "VMDistributedAPIServerCABundleOutdated", 30 * time.Minute, true, []told{{labels("vmdistributed_apiservice_ca_bundle", "apiservice", "one", "standing", "outdated"), is(1, 0)}}},
		{"nobody leads", "VMDistributedAPIServerNobodyLeads", 10 * time.Minute, true, []told{leads("one", is(0, 1)), leads("two", always(0))}},
		{"another replica leads", "VMDistributedAPIServerNobodyLeads", 10 * time.Minute, false, []told{leads("one", is(0, 1)), leads("two", is(1, 0))}},
		{"requests that fail", "VMDistributedAPIServerErrors", 30 * time.Minute, true, []told{{labels("apiserver_request_total", "code", "200"), counts(10)}, {labels("apiserver_request_total", "code", "503"), counts(1)}}},
		{"another server's requests that fail", "VMDistributedAPIServerErrors", 30 * time.Minute, false, []told{{labels("apiserver_request_total", "code", "200"), counts(10)}, {labels("apiserver_request_total", "code", "503", "job", "apiserver"), counts(10)}}},
	}
}

// samples are the data of a scenario whose trouble begins at a time.
func (s scenario) samples(begins time.Time) []sample {
	all := make([]sample, len(s.series))
	for i, series := range s.series {
		all[i].Metric = series.labels
		for since := -lead; since <= s.lasts+lead; since += interval {
			at := begins.Add(since)
			all[i].Timestamps = append(all[i].Timestamps, at.UnixMilli())
			all[i].Values = append(all[i].Values, series.course(since, s.lasts, at))
		}
	}
	return all
}

// firing are the moments at which an alert fires: for as long as it says, its expression
// has returned the same series at every evaluation.
func firing(r rule, found []history) (moments []time.Time) {
	for _, series := range found {
		var begun, last time.Time
		for _, at := range series.times() {
			if at.Sub(last) > interval {
				begun = at
			}
			if last = at; at.Sub(begun) >= r.hold {
				moments = append(moments, at)
			}
		}
	}
	return moments
}

// TestEachAlertFiresWhenItShouldAndGoesAway, and does not for what is merely slow, is
// meant, or has another alert.
func TestEachAlertFiresWhenItShouldAndGoesAway(t *testing.T) {
	t.Parallel()
	store := startStore(t, t.TempDir())
	// A week for each, so that none sees another one's series.
	begin := time.Now().Truncate(time.Minute).Add(-300 * 24 * time.Hour)
	seen := map[string]bool{}
	for i, s := range scenarios() {
		begins := begin.Add(time.Duration(i) * 7 * 24 * time.Hour)
		store.load(t, s.samples(begins))
		t.Run(strings.ReplaceAll(s.name, " ", "_"), func(t *testing.T) {
			alert := alertNamed(t, s.alert)
			found, err := store.over(t.Context(), alert.expr, begins.Add(-lead), begins.Add(s.lasts+lead), interval)
			must(t, err)
			fired := firing(alert, found)
			if !s.fires {
				if len(fired) > 0 {
					t.Errorf("%s fires %s after the beginning", s.alert, fired[0].Sub(begins))
				}
				return
			}
			seen[s.alert] = true
			if len(fired) == 0 {
				t.Fatalf("%s does not fire; %s returned %v", s.alert, alert.expr, found)
			}
			if early := fired[0].Sub(begins); early < alert.hold {
				t.Errorf("%s fires %s after the beginning, and is to hold for %s", s.alert, early, alert.hold)
			}
			// Rates look back for as long as they are taken over.
			if late := fired[len(fired)-1].Sub(begins.Add(s.lasts)); late > 20*time.Minute {
				t.Errorf("%s still fires %s after the end", s.alert, late)
			}
		})
	}
	for _, r := range rules(t) {
		if r.alert && !seen[r.name] {
			t.Errorf("no scenario makes %s fire", r.name)
		}
	}
}
