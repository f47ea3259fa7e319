// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/telemetry"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

type source struct {
	objects   []*v1alpha1.VMDistributedCluster
	ownerless int
}

func (s *source) Objects() []*v1alpha1.VMDistributedCluster { return s.objects }
func (s *source) OwnerlessDrains() int                      { return s.ownerless }

func newPage(t *testing.T) (*telemetry.Telemetry, metrics.KubeRegistry) {
	t.Helper()
	told := telemetry.New(clocktesting.NewFakePassiveClock(noon))
	registry := metrics.NewKubeRegistry()
	registry.CustomMustRegister(told.Collector())
	for _, one := range told.Registerables() {
		registry.MustRegister(one)
	}
	return told, registry
}

func expectPage(t *testing.T, registry metrics.KubeRegistry, want string, names ...string) {
	t.Helper()
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

func object() *v1alpha1.VMDistributedCluster {
	queued := int64(4096)
	deadline := metav1.NewTime(noon.Add(time.Minute))
	drained := metav1.NewMicroTime(noon.Add(-time.Minute))
	return &v1alpha1.VMDistributedCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "metrics"},
		Spec:       v1alpha1.VMDistributedClusterSpec{Zones: v1alpha1.Zones{VMClusters: make([]v1alpha1.Zone, 2)}},
		Status: v1alpha1.VMDistributedClusterStatus{
			UpdatedZones: 1,
			ReadyZones:   1,
			Conditions:   []metav1.Condition{{Type: "Ready", Status: "False", Reason: "WaitingForFlush"}, {Type: "Progressing", Status: "True", Reason: "WaitingForFlush"}},
			Zones: []v1alpha1.ZoneStatus{
				{Name: "zone-a", Phase: v1alpha1.ZoneReady, Reason: "UpToDate", Since: metav1.NewTime(noon.Add(-time.Hour)), LastUpdateSeconds: 31},
				{
					Name: "zone-b", Phase: v1alpha1.ZoneFlushing, Reason: "WaitingForFlush", Since: metav1.NewTime(noon.Add(-20 * time.Second)), Deadline: &deadline, QueueBytes: &queued,
					Work: &v1alpha1.ZoneWork{Drained: &drained, Queues: []v1alpha1.QueueMark{{Replica: "vmagent-0"}, {Replica: "vmagent-1", Lost: true}}},
				},
			},
		},
	}
}

const page = `
# HELP vmdistributed_condition [ALPHA] 1 for each condition of an object that is True, 0 for one that is not, with its reason.
# TYPE vmdistributed_condition gauge
vmdistributed_condition{condition="Progressing",name="metrics",namespace="monitoring",reason="WaitingForFlush"} 1
vmdistributed_condition{condition="Ready",name="metrics",namespace="monitoring",reason="WaitingForFlush"} 0
# HELP vmdistributed_drains_without_owner [ALPHA] Drains of VMUsers whose VMDistributedCluster is gone: reads stay away until somebody gives them back.
# TYPE vmdistributed_drains_without_owner gauge
vmdistributed_drains_without_owner 3
# HELP vmdistributed_ready_zones [ALPHA] Zones of an object in good health that keep their reads.
# TYPE vmdistributed_ready_zones gauge
vmdistributed_ready_zones{name="metrics",namespace="monitoring"} 1
# HELP vmdistributed_updated_zones [ALPHA] Zones of an object that run the wanted revision.
# TYPE vmdistributed_updated_zones gauge
vmdistributed_updated_zones{name="metrics",namespace="monitoring"} 1
# HELP vmdistributed_zone_data_dropped [ALPHA] 1 while a zone in work is known to have lost samples that the VMAgent dropped.
# TYPE vmdistributed_zone_data_dropped gauge
vmdistributed_zone_data_dropped{name="metrics",namespace="monitoring",zone="zone-a"} 0
vmdistributed_zone_data_dropped{name="metrics",namespace="monitoring",zone="zone-b"} 1
# HELP vmdistributed_zone_deadline_timestamp_seconds [ALPHA] When the wait of a zone is over at the latest, in seconds since 1970; absent where there is no such moment.
# TYPE vmdistributed_zone_deadline_timestamp_seconds gauge
vmdistributed_zone_deadline_timestamp_seconds{name="metrics",namespace="monitoring",zone="zone-b"} 1.76735526e+09
# HELP vmdistributed_zone_last_update_seconds [ALPHA] How long the last update of a zone took, from the drain to the last proof.
# TYPE vmdistributed_zone_last_update_seconds gauge
vmdistributed_zone_last_update_seconds{name="metrics",namespace="monitoring",zone="zone-a"} 31
# HELP vmdistributed_zone_phase [ALPHA] 1 for the phase that a zone is in, with its reason.
# TYPE vmdistributed_zone_phase gauge
vmdistributed_zone_phase{name="metrics",namespace="monitoring",phase="Flushing",reason="WaitingForFlush",zone="zone-b"} 1
vmdistributed_zone_phase{name="metrics",namespace="monitoring",phase="Ready",reason="UpToDate",zone="zone-a"} 1
# HELP vmdistributed_zone_phase_seconds [ALPHA] For how long a zone has been in its phase.
# TYPE vmdistributed_zone_phase_seconds gauge
vmdistributed_zone_phase_seconds{name="metrics",namespace="monitoring",zone="zone-a"} 3600
vmdistributed_zone_phase_seconds{name="metrics",namespace="monitoring",zone="zone-b"} 20
# HELP vmdistributed_zone_queue_bytes [ALPHA] What the VMAgent has queued for a zone that waits for it; absent otherwise.
# TYPE vmdistributed_zone_queue_bytes gauge
vmdistributed_zone_queue_bytes{name="metrics",namespace="monitoring",zone="zone-b"} 4096
# HELP vmdistributed_zone_reads_drained [ALPHA] 1 while the reads of a zone are taken away, or on their way back.
# TYPE vmdistributed_zone_reads_drained gauge
vmdistributed_zone_reads_drained{name="metrics",namespace="monitoring",zone="zone-a"} 0
vmdistributed_zone_reads_drained{name="metrics",namespace="monitoring",zone="zone-b"} 1
# HELP vmdistributed_zones [ALPHA] Zones of an object.
# TYPE vmdistributed_zones gauge
vmdistributed_zones{name="metrics",namespace="monitoring"} 2
`

func TestStatesAreThoseOfStatusWhileThereIsAnObjectAndALeader(t *testing.T) {
	t.Parallel()
	told, registry := newPage(t)
	expectPage(t, registry, "")
	known := &source{objects: []*v1alpha1.VMDistributedCluster{object()}, ownerless: 3}
	end := told.Attend(known)
	expectPage(t, registry, page)

	known.objects = nil
	expectPage(t, registry, "", "vmdistributed_zone_phase", "vmdistributed_condition", "vmdistributed_zones")

	end()
	expectPage(t, registry, "")
}

func TestTheEndOfOneTermDoesNotSilenceTheNext(t *testing.T) {
	t.Parallel()
	told, registry := newPage(t)
	end := told.Attend(&source{})
	defer told.Attend(&source{ownerless: 1})()
	end()
	expectPage(t, registry, `
# HELP vmdistributed_drains_without_owner [ALPHA] Drains of VMUsers whose VMDistributedCluster is gone: reads stay away until somebody gives them back.
# TYPE vmdistributed_drains_without_owner gauge
vmdistributed_drains_without_owner 1
`, "vmdistributed_drains_without_owner")
}

func TestOneSchemaIsInForceAtATime(t *testing.T) {
	t.Parallel()
	told, registry := newPage(t)
	told.SchemaReplaced(false)
	told.SchemaReplaced(true)
	expectPage(t, registry, `
# HELP vmdistributed_cluster_schema_timestamp_seconds [ALPHA] Since when VMClusters are held against the present schema, in seconds since 1970, by where it is from: installed or builtin.
# TYPE vmdistributed_cluster_schema_timestamp_seconds gauge
vmdistributed_cluster_schema_timestamp_seconds{source="installed"} 1.7673552e+09
`)
}

func TestWhatHappensIsCounted(t *testing.T) {
	t.Parallel()
	told, registry := newPage(t)
	told.Refused("Baking")
	told.Refused("Baking")
	told.Step("DrainReads", telemetry.Done)
	told.Step("DrainReads", telemetry.Conflict)
	told.RolledOut(telemetry.Completed, 90*time.Second)
	expectPage(t, registry, `
# HELP vmdistributed_guard_refusals_total [ALPHA] How often a zone that was to be changed began to wait, by the reason of the guard that refused.
# TYPE vmdistributed_guard_refusals_total counter
vmdistributed_guard_refusals_total{reason="Baking"} 2
# HELP vmdistributed_steps_total [ALPHA] Writes of rollouts to the cluster, by action and by result: done, conflict or failed.
# TYPE vmdistributed_steps_total counter
vmdistributed_steps_total{action="DrainReads",result="conflict"} 1
vmdistributed_steps_total{action="DrainReads",result="done"} 1
`, "vmdistributed_guard_refusals_total", "vmdistributed_steps_total")
	expectPage(t, registry, `
# HELP vmdistributed_rollout_duration_seconds [ALPHA] How long rollouts took, by outcome: completed, partial where zones were skipped, or left for another revision: undone, aborted, or superseded.
# TYPE vmdistributed_rollout_duration_seconds histogram
vmdistributed_rollout_duration_seconds_bucket{outcome="completed",le="1"} 0
vmdistributed_rollout_duration_seconds_bucket{outcome="completed",le="4"} 0
vmdistributed_rollout_duration_seconds_bucket{outcome="completed",le="16"} 0
vmdistributed_rollout_duration_seconds_bucket{outcome="completed",le="64"} 0
vmdistributed_rollout_duration_seconds_bucket{outcome="completed",le="256"} 1
vmdistributed_rollout_duration_seconds_bucket{outcome="completed",le="1024"} 1
vmdistributed_rollout_duration_seconds_bucket{outcome="completed",le="4096"} 1
vmdistributed_rollout_duration_seconds_bucket{outcome="completed",le="16384"} 1
vmdistributed_rollout_duration_seconds_bucket{outcome="completed",le="65536"} 1
vmdistributed_rollout_duration_seconds_bucket{outcome="completed",le="+Inf"} 1
vmdistributed_rollout_duration_seconds_sum{outcome="completed"} 90
vmdistributed_rollout_duration_seconds_count{outcome="completed"} 1
`, "vmdistributed_rollout_duration_seconds")
}
