// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package tree_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/tree"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) metav1.Time         { return metav1.NewTime(noon.Add(-d)) }
func in(d time.Duration) *metav1.Time         { return &metav1.Time{Time: noon.Add(d)} }
func micro(d time.Duration) *metav1.MicroTime { return &metav1.MicroTime{Time: noon.Add(-d)} }

// rollout is in the middle: one zone is done, one at work, one to come.
func rollout() *v1alpha1.VMDistributedCluster {
	queued := int64(12<<20 + 300<<10)
	return &v1alpha1.VMDistributedCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "metrics", Generation: 7},
		Status: v1alpha1.VMDistributedClusterStatus{
			ObservedGeneration: 7,
			UpdateStatus:       "expanding",
			Reason:             "zone zone-b is flushing, waiting for queues to be empty",
			CurrentRevision:    "old",
			UpdateRevision:     "new",
			UpdatedZones:       2,
			ReadyZones:         2,
			Zones: []v1alpha1.ZoneStatus{
				{Name: "zone-a", Phase: v1alpha1.ZoneReady, Reason: "UpToDate", Since: ago(5 * time.Minute), Revision: "a2"},
				{
					Name: "zone-b", Phase: v1alpha1.ZoneFlushing, Reason: "WaitingForFlush", Since: ago(40 * time.Second), Revision: "b1", UpdateRevision: "b2",
					WaitingFor: "queues to be empty: replica vmagent-0 has 12.3 MiB pending", Deadline: in(29*time.Minute + 20*time.Second), QueueBytes: &queued,
					Work: &v1alpha1.ZoneWork{Drained: micro(2 * time.Minute), Loaded: micro(110 * time.Second)},
				},
				{Name: "zone-c", Phase: v1alpha1.ZonePending, Reason: "WaitingForOtherZone", Since: ago(3 * time.Minute), Revision: "c1", WaitingFor: "its turn, after zone zone-b"},
			},
		},
	}
}

func event(reason, message string, past time.Duration, count int32) corev1.Event {
	return corev1.Event{Reason: reason, Message: message, LastTimestamp: ago(past), Count: count, Type: corev1.EventTypeNormal}
}

func TestATreeTellsWhereEachZoneIsForHowLongAndUntilWhen(t *testing.T) {
	t.Parallel()
	view := tree.View{Object: rollout(), Events: []corev1.Event{
		event("ZoneFlushing", "Zone zone-b: healthy; waiting for the queues of the VMAgent", 40*time.Second, 1),
		event("RolloutStarted", "Rolling revision new out over 3 zones", 10*time.Minute, 1),
		event("ZoneUpdated", "Zone zone-a: runs revision a2 after 31s", 5*time.Minute, 2),
	}}
	want := `VMDistributedCluster monitoring/metrics, revision old → new
expanding; 2 of 3 zones updated, 2 ready
zone zone-b is flushing, waiting for queues to be empty

NAME          PHASE      PROGRESS           FOR  LEFT  WAITING FOR
metrics       expanding  [#####-----]  53%
├── ✔ zone-a  Ready      [##########] 100%  5m   -
├── ● zone-b  Flushing   [######----]  60%  40s  29m   WaitingForFlush: queues to be empty: replica vmagent-0 has 12.3 MiB pending
│     reads: taken away for 2m, as every VMAuth has loaded
│     queue: 12.3 MiB
└── ○ zone-c  Pending    [----------]   0%  3m   -     WaitingForOtherZone: its turn, after zone zone-b

Events:
  5m (x2)  ZoneUpdated   Zone zone-a: runs revision a2 after 31s
  40s      ZoneFlushing  Zone zone-b: healthy; waiting for the queues of the VMAgent
`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(tree.Draw(view, noon, tree.Options{Events: 2}), "\n")); diff != "" {
		t.Errorf("the tree (-want +got):\n%s", diff)
	}
}

func TestATreeFitsTheTerminal(t *testing.T) {
	t.Parallel()
	for _, colour := range []bool{false, true} {
		for width := 1; width < 130; width++ {
			text := tree.Draw(tree.View{Object: rollout(), Events: []corev1.Event{event("A", strings.Repeat("word ", 40), time.Minute, 1)}}, noon,
				tree.Options{Width: width, Colour: colour, Events: 3, Wide: true})
			for line := range strings.Lines(text) {
				if got := utf8.RuneCountInString(strings.TrimRight(bare(line), "\n")); got > width {
					t.Fatalf("with colours %t, a line has %d characters, which are more than %d: %q", colour, got, width, line)
				}
			}
		}
	}
}

// bare is a line less what only sets colours.
func bare(line string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(line, "\x1b[")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		_, line, _ = strings.Cut(rest, "m")
	}
}

func TestColoursAreNothingButColours(t *testing.T) {
	t.Parallel()
	view := tree.View{Object: rollout(), Events: []corev1.Event{event("A", "b", time.Minute, 1)}}
	plain, coloured := tree.Draw(view, noon, tree.Options{Events: 3}), tree.Draw(view, noon, tree.Options{Events: 3, Colour: true})
	if strings.Contains(plain, "\x1b") {
		t.Errorf("there are colours in\n%s", plain)
	}
	if !strings.Contains(coloured, "\x1b[32m") {
		t.Errorf("there are none in\n%s", coloured)
	}
	if diff := cmp.Diff(plain, bare(coloured)); diff != "" {
		t.Errorf("without and with (-without +with):\n%s", diff)
	}
}

func TestATreeSaysWhatHoldsTheObject(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*v1alpha1.VMDistributedCluster)
		want   string
	}{
		"a spec that nobody has looked at": {
			change: func(o *v1alpha1.VMDistributedCluster) { o.Generation = 8 },
			want:   "generation 8 of spec has not been looked at yet; this is about generation 7",
		},
		"a new object": {
			change: func(o *v1alpha1.VMDistributedCluster) { o.Status = v1alpha1.VMDistributedClusterStatus{} },
			want:   "not looked at yet; 0 of 0 zones updated, 0 ready",
		},
		"a pause": {
			change: func(o *v1alpha1.VMDistributedCluster) {
				o.Status.Conditions = []metav1.Condition{{Type: "Paused", Status: "True", Reason: "RolloutPaused", Message: "spec.paused is set"}}
			},
			want: "Paused: RolloutPaused: spec.paused is set\n",
		},
		"since when there is a pause": {
			change: func(o *v1alpha1.VMDistributedCluster) {
				o.Status.Conditions = []metav1.Condition{{Type: "Paused", Status: "True", Reason: "RolloutPaused", Message: "spec.paused is set", LastTransitionTime: ago(7 * time.Minute)}}
			},
			want: "Paused: RolloutPaused: spec.paused is set (for 7m)\n",
		},
		"an undo": {
			change: func(o *v1alpha1.VMDistributedCluster) {
				o.Status.Conditions = []metav1.Condition{
					{Type: "Stalled", Status: "True", Reason: "RevisionUndone", Message: "less"}, {Type: "Undone", Status: "True", Reason: "RevisionUndone", Message: "by ann; and what ends it"},
				}
			},
			want: "Undone: RevisionUndone: by ann; and what ends it\n\n",
		},
		"a deletion": {
			change: func(o *v1alpha1.VMDistributedCluster) { o.DeletionTimestamp = in(0) },
			want:   "terminating; 2 of 3 zones updated, 2 ready",
		},
		"a deadline that is over": {
			change: func(o *v1alpha1.VMDistributedCluster) { o.Status.Zones[1].Deadline = in(-90 * time.Second) },
			want:   "90s over",
		},
		"reads on their way back": {
			change: func(o *v1alpha1.VMDistributedCluster) { o.Status.Zones[1].Work.Restored = micro(3 * time.Second) },
			want:   "reads: on their way back for 3s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := rollout()
			test.change(object)
			if text := tree.Draw(tree.View{Object: object}, noon, tree.Options{}); !strings.Contains(text, test.want) {
				t.Errorf("%q is not in\n%s", test.want, text)
			}
		})
	}
}

func TestProgressGrowsWithEveryStepOfAZone(t *testing.T) {
	t.Parallel()
	last := -1
	for _, phase := range []v1alpha1.ZonePhase{v1alpha1.ZonePending, v1alpha1.ZoneDraining, v1alpha1.ZoneUpdating, v1alpha1.ZoneFlushing, v1alpha1.ZoneRestoring, v1alpha1.ZoneReady} {
		if got := tree.Progress(phase); got <= last {
			t.Errorf("%s is at %d %%, after %d %%", phase, got, last)
		} else {
			last = got
		}
	}
	if last != 100 {
		t.Errorf("a zone that is ready is at %d %%", last)
	}
}
