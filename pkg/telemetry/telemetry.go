// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package telemetry is what the metrics page tells of rollouts. What objects and zones
// are is worked out of their status when the page is asked for, so that nothing is left
// of one that was deleted; what happens is counted. Only the process that leads tells
// of objects: the others do not follow them.
package telemetry

import (
	"sync"
	"time"

	"k8s.io/component-base/metrics"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// Source knows what there is. It is asked for each metrics page, and answers from
// caches.
type Source interface {
	// Objects are all VMDistributedClusters. They are not changed.
	Objects() []*v1alpha1.VMDistributedCluster
	// OwnerlessDrains is how many drains of VMUsers there are whose VMDistributedCluster
	// is gone.
	OwnerlessDrains() int
}

// Telemetry is the metrics of one process.
type Telemetry struct {
	states    *states
	rollouts  *metrics.HistogramVec
	refusals  *metrics.CounterVec
	steps     *metrics.CounterVec
	schema    *metrics.GaugeVec
	clock     clock.PassiveClock
	mutex     sync.Mutex
	attending Source
}

// New tells of nothing yet.
func New(now clock.PassiveClock) *Telemetry {
	t := &Telemetry{
		clock: now,
		rollouts: metrics.NewHistogramVec(&metrics.HistogramOpts{
			Name:           "vmdistributed_rollout_duration_seconds",
			Help:           "How long rollouts took, by outcome: completed, partial where zones were skipped, or left for another revision: undone, aborted, or superseded.",
			Buckets:        metrics.ExponentialBuckets(1, 4, 9),
			StabilityLevel: metrics.ALPHA,
		}, []string{"outcome"}),
		refusals: metrics.NewCounterVec(&metrics.CounterOpts{
			Name:           "vmdistributed_guard_refusals_total",
			Help:           "How often a zone that was to be changed began to wait, by the reason of the guard that refused.",
			StabilityLevel: metrics.ALPHA,
		}, []string{"reason"}),
		steps: metrics.NewCounterVec(&metrics.CounterOpts{
			Name:           "vmdistributed_steps_total",
			Help:           "Writes of rollouts to the cluster, by action and by result: done, conflict or failed.",
			StabilityLevel: metrics.ALPHA,
		}, []string{"action", "result"}),
		schema: metrics.NewGaugeVec(&metrics.GaugeOpts{
			Name:           "vmdistributed_cluster_schema_timestamp_seconds",
			Help:           "Since when VMClusters are held against the present schema, in seconds since 1970, by where it is from: installed or builtin.",
			StabilityLevel: metrics.ALPHA,
		}, []string{"source"}),
	}
	t.states = &states{source: t.source, clock: now}
	return t
}

// Registerables are to be registered once in a process.
func (t *Telemetry) Registerables() []metrics.Registerable {
	return []metrics.Registerable{t.rollouts, t.refusals, t.steps, t.schema}
}

// Collector is to be registered beside them, as a collector of its own.
func (t *Telemetry) Collector() metrics.StableCollector { return t.states }

// Attend tells of what a source knows until the end is called.
func (t *Telemetry) Attend(source Source) (end func()) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.attending = source
	return func() {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		if t.attending == source {
			t.attending = nil
		}
	}
}

func (t *Telemetry) source() Source {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.attending
}

// The results of a step.
const (
	Done     = "done"
	Conflict = "conflict"
	Failed   = "failed"
)

// Step counts one, by the words of package rollout for what was done.
func (t *Telemetry) Step(action, result string) { t.steps.WithLabelValues(action, result).Inc() }

// Refused counts that a guard has refused.
func (t *Telemetry) Refused(reason string) { t.refusals.WithLabelValues(reason).Inc() }

// The outcomes of a rollout.
const (
	Completed  = "completed"
	Partial    = "partial"
	Undone     = "undone"
	Aborted    = "aborted"
	Superseded = "superseded"
)

// RolledOut counts a rollout that has ended.
func (t *Telemetry) RolledOut(outcome string, took time.Duration) {
	t.rollouts.WithLabelValues(outcome).Observe(took.Seconds())
}

// SchemaReplaced notes that another schema of VMClusters is in force: the installed one,
// or the one that this program brings along.
func (t *Telemetry) SchemaReplaced(installed bool) {
	source := "builtin"
	if installed {
		source = "installed"
	}
	t.schema.Reset()
	t.schema.WithLabelValues(source).Set(float64(t.clock.Now().Unix()))
}
