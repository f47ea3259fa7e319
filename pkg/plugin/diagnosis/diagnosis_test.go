// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package diagnosis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/diagnosis"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func object(conditions ...metav1.Condition) *v1alpha1.VMDistributedCluster {
	return &v1alpha1.VMDistributedCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "metrics", Generation: 3},
		Status:     v1alpha1.VMDistributedClusterStatus{ObservedGeneration: 3, Conditions: conditions},
	}
}

// brief is a finding without its times and texts.
func brief(findings []diagnosis.Finding) []string {
	var told []string
	for _, f := range findings {
		told = append(told, strings.TrimSpace(string(f.Severity)+" "+f.Reason+" "+f.Zone))
	}
	return told
}

func TestADiagnosisNamesAllThatStandsInTheWayTheUsersPartFirst(t *testing.T) {
	t.Parallel()
	unseen := object()
	unseen.Generation = 4
	leaving := object()
	leaving.DeletionTimestamp = &metav1.Time{Time: noon}
	for name, test := range map[string]struct {
		object *v1alpha1.VMDistributedCluster
		zones  []v1alpha1.ZoneReport
		want   []string
	}{
		"nothing, where all is well":  {object: object(), zones: []v1alpha1.ZoneReport{{Name: "a", Phase: v1alpha1.ZoneReady, Reason: "UpToDate"}}},
		"a spec nobody has looked at": {object: unseen, want: []string{"Waiting NotObserved"}},
		"a verb nobody has looked at": {
			object: object(metav1.Condition{Type: "Reconciling", Status: "True", Reason: "NotObserved"}),
			zones:  []v1alpha1.ZoneReport{{Name: "a", Phase: v1alpha1.ZonePending, Reason: "RolloutAborted", WaitingFor: "the verb retry"}},
			want:   []string{"Blocking RolloutAborted a", "Waiting NotObserved"},
		},
		"a deletion": {object: leaving, want: []string{"Waiting Deleting"}},
		"a pause before what ends by itself": {
			object: object(metav1.Condition{Type: "Paused", Status: "True", Reason: "RolloutPaused"}, metav1.Condition{Type: "ReadsGated", Status: "False", Reason: "NoVMUsers"}),
			zones: []v1alpha1.ZoneReport{
				{Name: "a", Phase: v1alpha1.ZoneBaking, Reason: "Baking", WaitingFor: "1m to pass"},
				{Name: "b", Phase: v1alpha1.ZonePending, Reason: "Paused", WaitingFor: "spec.paused to be taken back"},
			},
			want: []string{"Blocking RolloutPaused", "Blocking Paused b", "Waiting Baking a", "Note NoVMUsers"},
		},
		"every guard that would refuse, each once": {
			object: object(),
			zones: []v1alpha1.ZoneReport{{
				Name: "a", Phase: v1alpha1.ZonePending, Reason: "Baking", WaitingFor: "zone b to have been updated for 1m",
				RefusedBy: []string{"Baking: waits for zone b to have been updated for 1m", "QueueRoom: waits for room in the queues"},
			}},
			want: []string{"Blocking QueueRoom a", "Waiting Baking a"},
		},
		"an approval that nobody can give yet": {
			object: object(),
			zones: []v1alpha1.ZoneReport{
				{Name: "a", Phase: v1alpha1.ZoneDraining, Reason: "WaitingForVMAuth", WaitingFor: "every VMAuth"},
				{Name: "b", Phase: v1alpha1.ZonePending, Reason: "WaitingForOtherZone", WaitingFor: "its turn, after zone a", RefusedBy: []string{"WaitingForApproval: waits for the user's word"}},
			},
			want: []string{"Waiting WaitingForVMAuth a", "Waiting WaitingForOtherZone b", "Waiting WaitingForApproval b"},
		},
		"an approval that is asked for": {
			object: object(),
			zones:  []v1alpha1.ZoneReport{{Name: "b", Phase: v1alpha1.ZonePending, Reason: "WaitingForApproval", WaitingFor: "the user's word", RefusedBy: []string{"WaitingForApproval: waits for the user's word"}}},
			want:   []string{"Blocking WaitingForApproval b"},
		},
		"a zone whose deadline is over": {
			object: object(),
			zones:  []v1alpha1.ZoneReport{{Name: "a", Phase: v1alpha1.ZoneDraining, Reason: "DrainTimeout", WaitingFor: "every VMAuth"}},
			want:   []string{"Blocking DrainTimeout a"},
		},
		"a zone left drained that the list no longer names": {
			object: object(metav1.Condition{Type: "Degraded", Status: "True", Reason: "LeftDrained"}),
			want:   []string{"Blocking LeftDrained"},
		},
		"a zone that was skipped": {
			object: object(metav1.Condition{Type: "Degraded", Status: "True", Reason: "Skipped"}),
			zones:  []v1alpha1.ZoneReport{{Name: "a", Phase: v1alpha1.ZonePending, Reason: "Skipped", WaitingFor: "the verb retry", RefusedBy: []string{"Skipped: waits for the verb retry"}}},
			want:   []string{"Note Skipped a"},
		},
		"what is left to write, and is no zone's": {
			object: object(metav1.Condition{Type: "Reconciling", Status: "True", Reason: "Writing", Message: "the VMAgent is to be made to scrape the zones"}),
			zones:  []v1alpha1.ZoneReport{{Name: "a", Phase: v1alpha1.ZoneReady, Reason: "UpToDate"}},
			want:   []string{"Waiting Writing"},
		},
		"a standstill of which no zone tells": {
			object: object(metav1.Condition{Type: "Stalled", Status: "True", Reason: "DataDropped"}, metav1.Condition{Type: "ReadsGated", Status: "False", Reason: "NoVMUsers"}),
			want:   []string{"Blocking DataDropped", "Note NoVMUsers"},
		},
		"an undo that is under way": {
			object: object(metav1.Condition{Type: "Undone", Status: "True", Reason: "RevisionUndone"}, metav1.Condition{Type: "Degraded", Status: "True", Reason: "RevisionUndone"}),
			want:   []string{"Note RevisionUndone"},
		},
		"an undo after which spec is to be corrected": {
			object: object(metav1.Condition{Type: "Undone", Status: "True", Reason: "RevisionUndone"}, metav1.Condition{Type: "Stalled", Status: "True", Reason: "RevisionUndone"}),
			want:   []string{"Blocking RevisionUndone"},
		},
		"an unhealthy zone once, and not by its condition too": {
			object: object(metav1.Condition{Type: "Degraded", Status: "True", Reason: "NotHealthy"}),
			zones:  []v1alpha1.ZoneReport{{Name: "a", Phase: v1alpha1.ZoneUnhealthy, Reason: "NotHealthy", WaitingFor: "health"}},
			want:   []string{"Blocking NotHealthy a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			findings := diagnosis.Of(test.object, test.zones)
			if diff := cmp.Diff(test.want, brief(findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if wanted := len(test.want) > 0 && strings.HasPrefix(test.want[0], "Blocking"); diagnosis.Blocks(findings) != wanted {
				t.Errorf("Blocks says %t of %v", !wanted, brief(findings))
			}
		})
	}
}

func TestAZoneBehindOneInWorkWaitsItsTurnAndNothingIsToBeDone(t *testing.T) {
	t.Parallel()
	waiting := v1alpha1.ZoneReport{
		Name: "b", Phase: v1alpha1.ZonePending, Reason: "Blocked", WaitingFor: "zone a to be healthy and in service: it is in work",
		RefusedBy: []string{"Blocked: waits for zone a to be healthy and in service", "MinAvailableZones: waits for other zones in good health"},
	}
	inWork := v1alpha1.ZoneReport{Name: "a", Phase: v1alpha1.ZoneDraining, Reason: "WaitingForVMAuth", WaitingFor: "every VMAuth"}
	tooMany := object()
	tooMany.Spec.Strategy.MinAvailableZones = new(int32(3))
	for name, test := range map[string]struct {
		object *v1alpha1.VMDistributedCluster
		zones  []v1alpha1.ZoneReport
		turn   bool
	}{
		"one zone in work":              {object(), []v1alpha1.ZoneReport{inWork, waiting}, true},
		"one that has run out of time":  {object(), []v1alpha1.ZoneReport{{Name: "a", Phase: v1alpha1.ZoneDraining, Reason: "DrainTimeout", WaitingFor: "every VMAuth"}, waiting}, false},
		"one to be repaired beside it":  {object(), []v1alpha1.ZoneReport{inWork, waiting, {Name: "c", Phase: v1alpha1.ZoneUnhealthy, Reason: "NotHealthy", WaitingFor: "health"}}, false},
		"one that is left out, and ill": {object(), []v1alpha1.ZoneReport{inWork, waiting, {Name: "c", Phase: v1alpha1.ZonePending, Reason: "Skipped", WaitingFor: "the verb retry"}}, false},
		"one that came back empty":      {object(), []v1alpha1.ZoneReport{inWork, waiting, {Name: "c", Phase: v1alpha1.ZonePending, Reason: "CameBackEmpty", WaitingFor: "the user's word"}}, false},
		"none in work":                  {object(), []v1alpha1.ZoneReport{{Name: "a", Phase: v1alpha1.ZoneReady}, waiting}, false},
		"more zones wanted than can be": {tooMany, []v1alpha1.ZoneReport{inWork, waiting}, false},
	} {
		for _, finding := range diagnosis.Of(test.object, test.zones) {
			if finding.Zone != "b" {
				continue
			}
			turn := finding.Severity == diagnosis.Waiting && finding.Remedy == "" && strings.HasPrefix(finding.Evidence, "waits its turn, after zone a")
			if turn != test.turn {
				t.Errorf("%s: got %+v", name, finding)
			}
		}
	}
}

func TestAFindingIsToldWithItsTimesAndWhatToDo(t *testing.T) {
	t.Parallel()
	findings := diagnosis.Of(object(), []v1alpha1.ZoneReport{{
		Name: "a", Phase: v1alpha1.ZoneDraining, Reason: "WaitingForVMAuth", WaitingFor: "every VMAuth to have taken the zone out",
		Since: metav1.NewTime(noon.Add(-time.Minute)), Deadline: &metav1.Time{Time: noon.Add(2 * time.Minute)},
	}})
	want := []string{
		"Waiting: zone a: WaitingForVMAuth",
		"  Draining, waits for every VMAuth to have taken the zone out",
		"  since 2026-01-02T11:59:00Z, 60s ago; until 2026-01-02T12:02:00Z at the latest, in 2m",
		"  To do: wait; if it lasts, see why the VMAuth that is named does not load its configuration",
	}
	if diff := cmp.Diff(want, diagnosis.Lines(findings, noon)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if told := diagnosis.Lines(findings, noon.Add(3*time.Minute))[2]; !strings.Contains(told, "longer than it should, which was until 2026-01-02T12:02:00Z") {
		t.Errorf("after the deadline it says %q", told)
	}
}
