// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

var (
	ofObject = []string{"namespace", "name"}
	ofZone   = []string{"namespace", "name", "zone"}
)

func desc(name, help string, labels ...string) *metrics.Desc {
	return metrics.NewDesc(name, help, labels, nil, metrics.ALPHA, "")
}

// states are gauges that are worked out when they are asked for.
type states struct {
	metrics.BaseStableCollector
	source func() Source
	clock  clock.PassiveClock
	descs  *descs
}

// descs are what the gauges are called.
type descs struct {
	condition, zones, updatedZones, readyZones               *metrics.Desc
	phase, phaseSeconds, deadline, drained, queueBytes, lost *metrics.Desc
	lastUpdate, ownerless                                    *metrics.Desc
}

func newDescs() *descs {
	with := func(labels []string, more ...string) []string { return append(append([]string{}, labels...), more...) }
	return &descs{
		condition:    desc("vmdistributed_condition", "1 for each condition of an object that is True, 0 for one that is not, with its reason.", with(ofObject, "condition", "reason")...),
		zones:        desc("vmdistributed_zones", "Zones of an object.", ofObject...),
		updatedZones: desc("vmdistributed_updated_zones", "Zones of an object that run the wanted revision.", ofObject...),
		readyZones:   desc("vmdistributed_ready_zones", "Zones of an object in good health that keep their reads.", ofObject...),
		phase:        desc("vmdistributed_zone_phase", "1 for the phase that a zone is in, with its reason.", with(ofZone, "phase", "reason")...),
		phaseSeconds: desc("vmdistributed_zone_phase_seconds", "For how long a zone has been in its phase.", ofZone...),
		deadline:     desc("vmdistributed_zone_deadline_timestamp_seconds", "When the wait of a zone is over at the latest, in seconds since 1970; absent where there is no such moment.", ofZone...),
		drained:      desc("vmdistributed_zone_reads_drained", "1 while the reads of a zone are taken away, or on their way back.", ofZone...),
		queueBytes:   desc("vmdistributed_zone_queue_bytes", "What the VMAgent has queued for a zone that waits for it; absent otherwise.", ofZone...),
		lost:         desc("vmdistributed_zone_data_dropped", "1 while a zone in work is known to have lost samples that the VMAgent dropped.", ofZone...),
		lastUpdate:   desc("vmdistributed_zone_last_update_seconds", "How long the last update of a zone took, from the drain to the last proof.", ofZone...),
		ownerless:    desc("vmdistributed_drains_without_owner", "Drains of VMUsers whose VMDistributedCluster is gone: reads stay away until somebody gives them back."),
	}
}

// DescribeWithStability says what there may be.
func (s *states) DescribeWithStability(ch chan<- *metrics.Desc) {
	s.descs = newDescs()
	d := s.descs
	for _, one := range []*metrics.Desc{d.condition, d.zones, d.updatedZones, d.readyZones, d.phase, d.phaseSeconds, d.deadline, d.drained, d.queueBytes, d.lost, d.lastUpdate, d.ownerless} {
		ch <- one
	}
}

// CollectWithStability says what there is.
func (s *states) CollectWithStability(ch chan<- metrics.Metric) {
	source := s.source()
	if source == nil {
		return
	}
	gauge := func(desc *metrics.Desc, value float64, labels ...string) {
		ch <- metrics.NewLazyConstMetric(desc, metrics.GaugeValue, value, labels...)
	}
	for _, object := range source.Objects() {
		s.object(object, gauge)
	}
	gauge(s.descs.ownerless, float64(source.OwnerlessDrains()))
}

type tell func(desc *metrics.Desc, value float64, labels ...string)

func (s *states) object(object *v1alpha1.VMDistributedCluster, gauge tell) {
	status, d := &object.Status, s.descs
	name := func(labels ...string) []string { return append([]string{object.Namespace, object.Name}, labels...) }
	for i := range status.Conditions {
		condition := &status.Conditions[i]
		gauge(d.condition, number(condition.Status == metav1.ConditionTrue), name(condition.Type, condition.Reason)...)
	}
	gauge(d.zones, float64(len(object.Spec.Zones.VMClusters)), name()...)
	gauge(d.updatedZones, float64(status.UpdatedZones), name()...)
	gauge(d.readyZones, float64(status.ReadyZones), name()...)
	for i := range status.Zones {
		s.zone(&status.Zones[i], func(desc *metrics.Desc, value float64, labels ...string) {
			gauge(desc, value, name(append([]string{status.Zones[i].Name}, labels...)...)...)
		})
	}
}

func (s *states) zone(zone *v1alpha1.ZoneStatus, gauge tell) {
	d := s.descs
	gauge(d.phase, 1, string(zone.Phase), zone.Reason)
	if !zone.Since.IsZero() {
		gauge(d.phaseSeconds, max(s.clock.Since(zone.Since.Time), 0).Seconds())
	}
	if zone.Deadline != nil {
		gauge(d.deadline, float64(zone.Deadline.Unix()))
	}
	gauge(d.drained, number(zone.Work != nil && (zone.Work.Drained != nil || zone.Work.Restored != nil)))
	if zone.QueueBytes != nil {
		gauge(d.queueBytes, float64(*zone.QueueBytes))
	}
	gauge(d.lost, number(lost(zone)))
	if zone.LastUpdateSeconds > 0 {
		gauge(d.lastUpdate, (time.Duration(zone.LastUpdateSeconds) * time.Second).Seconds())
	}
}

// lost is true where a replica of the VMAgent has dropped samples of the zone.
func lost(zone *v1alpha1.ZoneStatus) bool {
	if zone.Work == nil {
		return false
	}
	for i := range zone.Work.Queues {
		if zone.Work.Queues[i].Lost {
			return true
		}
	}
	return false
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
