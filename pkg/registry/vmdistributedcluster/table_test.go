// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// header writes the columns as kubectl does, those of -o wide behind a bar.
func header(columns []metav1.TableColumnDefinition) string {
	var narrow, wide []string
	for _, column := range columns {
		if name := strings.ToUpper(column.Name); column.Priority == 0 {
			narrow = append(narrow, name)
		} else {
			wide = append(wide, name)
		}
	}
	return strings.Join(narrow, " ") + " | " + strings.Join(wide, " ")
}

func TestTheZoneInWorkIsNamedInEveryPhaseOfWork(t *testing.T) {
	for phase, want := range map[vmdistributed.ZonePhase]string{
		vmdistributed.ZoneCreating: "b", vmdistributed.ZoneDraining: "b", vmdistributed.ZoneUpdating: "b", vmdistributed.ZoneFlushing: "b",
		vmdistributed.ZoneRestoring: "b", vmdistributed.ZoneBaking: "b", vmdistributed.ZoneFailed: "b",
		vmdistributed.ZonePending: "", vmdistributed.ZoneMissing: "", vmdistributed.ZoneReady: "", vmdistributed.ZoneUnhealthy: "", vmdistributed.ZoneRefused: "",
	} {
		status := &vmdistributed.VMDistributedClusterStatus{Zones: []vmdistributed.ZoneStatus{{Name: "a", Phase: vmdistributed.ZonePending}, {Name: "b", Phase: phase}}}
		if got := zoneInWork(status); got != want {
			t.Errorf("in work while b is %s: %q, want %q", phase, got, want)
		}
	}
}

func TestClusterRows(t *testing.T) {
	begun := metav1.NewTime(time.Now().Add(-90*time.Minute - 30*time.Second))
	fresh := cluster(inline("a", `{}`), inline("b", `{}`))
	fresh.Status, fresh.CreationTimestamp = vmdistributed.VMDistributedClusterStatus{}, begun
	busy := cluster(inline("a", `{}`), inline("b", `{}`), inline("c", `{}`))
	busy.CreationTimestamp, busy.Spec.Paused = begun, true
	busy.Status = vmdistributed.VMDistributedClusterStatus{
		UpdateStatus: "expanding", UpdateRevision: "5f", UpdatedZones: 1, ReadyZones: 2,
		Conditions: []metav1.Condition{{Type: "Paused", Message: "no"}, {Type: "Ready", Message: "zone b is being updated"}},
		Zones: []vmdistributed.ZoneStatus{
			{Name: "a", Phase: vmdistributed.ZoneReady}, {Name: "b", Phase: vmdistributed.ZoneUpdating}, {Name: "c", Phase: vmdistributed.ZonePending},
		},
	}
	list := &vmdistributed.VMDistributedClusterList{
		ListMeta: metav1.ListMeta{ResourceVersion: "7", Continue: "more", RemainingItemCount: ptr.To[int64](3)},
		Items:    []vmdistributed.VMDistributedCluster{*fresh, *busy},
	}
	table, err := clusterTable{}.ConvertToTable(context.Background(), list, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := header(table.ColumnDefinitions), "NAME ZONES READY STATUS ZONE AGE | REVISION PAUSED MESSAGE"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	if !reflect.DeepEqual(table.ListMeta, list.ListMeta) {
		t.Errorf("metadata %+v", table.ListMeta)
	}
	for i, want := range [][]any{
		{"x", "0/2", "0/2", "-", "-", "90m", "-", false, "-"},
		{"x", "1/3", "2/3", "expanding", "b", "90m", "5f", true, "zone b is being updated"},
	} {
		if got := table.Rows[i].Cells; !reflect.DeepEqual(got, want) {
			t.Errorf("row %d is %v, want %v", i, got, want)
		}
		if table.Rows[i].Object.Object == nil {
			t.Errorf("row %d has no object, and the server refuses to print it", i)
		}
	}
}

// TestZoneInWork: the one that the rollout is busy with, if any.
func TestZoneInWork(t *testing.T) {
	for phase, want := range map[vmdistributed.ZonePhase]string{
		vmdistributed.ZoneCreating: "b", vmdistributed.ZoneUpdating: "b", vmdistributed.ZoneBaking: "b", vmdistributed.ZoneFailed: "b",
		vmdistributed.ZoneReady: "", vmdistributed.ZonePending: "", vmdistributed.ZoneMissing: "", vmdistributed.ZoneUnhealthy: "",
	} {
		status := &vmdistributed.VMDistributedClusterStatus{Zones: []vmdistributed.ZoneStatus{{Name: "a", Phase: vmdistributed.ZoneReady}, {Name: "b", Phase: phase}}}
		if got := zoneInWork(status); got != want {
			t.Errorf("%s: %q, want %q", phase, got, want)
		}
	}
}

func TestTableOfOneObjectAndWithoutHeaders(t *testing.T) {
	object := cluster(inline("a", `{}`))
	object.ResourceVersion = "7"
	table, err := clusterTable{}.ConvertToTable(context.Background(), object, &metav1.TableOptions{NoHeaders: true})
	if err != nil || len(table.Rows) != 1 || len(table.ColumnDefinitions) != 0 || table.ResourceVersion != "7" {
		t.Errorf("table %+v, error %v", table, err)
	}
	if _, err := (clusterTable{}).ConvertToTable(context.Background(), &vmdistributed.VMDistributedClusterZones{}, nil); err == nil {
		t.Error("something else was printed")
	}
}

func TestZoneRows(t *testing.T) {
	begun := metav1.NewTime(time.Now().Add(-20*time.Minute - 30*time.Second))
	report := &vmdistributed.VMDistributedClusterZones{
		ObjectMeta: metav1.ObjectMeta{Name: "x", ResourceVersion: "7"},
		Zones: []vmdistributed.ZoneReport{
			{
				Name: "a", Source: vmdistributed.ZoneInline, Phase: vmdistributed.ZoneReady, Since: begun, RevisionWanted: "1", RevisionApplied: "1",
				Cluster: vmdistributed.ZoneCluster{Exists: true, Generation: 3, ObservedGeneration: 3, UpdateStatus: "operational"},
			},
			{
				Name: "b", Source: vmdistributed.ZoneReferenced, Phase: vmdistributed.ZoneUpdating, RevisionWanted: "2", RevisionApplied: "1", Reason: "Rollout", WaitingFor: "pods",
				Cluster: vmdistributed.ZoneCluster{Exists: true, Generation: 4, ObservedGeneration: 3, UpdateStatus: "expanding", Reason: "slow"},
			},
			{Name: "c", Source: vmdistributed.ZoneReferenced, Phase: vmdistributed.ZoneMissing, RevisionWanted: "2"},
		},
	}
	r := &ZonesREST{}
	table, err := r.ConvertToTable(context.Background(), report, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := header(table.ColumnDefinitions), "ZONE SOURCE PHASE SINCE REVISION GENERATION STATUS WAITING FOR | REASON OPERATOR REASON"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	for i, want := range []string{
		"[a Inline Ready 20m 1 3/3 operational - - -]",
		"[b Referenced Updating - 1->2 3/4 expanding pods Rollout slow]",
		"[c Referenced Missing - ->2 - - - - -]",
	} {
		if got := fmt.Sprint(table.Rows[i].Cells); got != want {
			t.Errorf("row %d is %s, want %s", i, got, want)
		}
		if table.Rows[i].Object.Object == nil {
			t.Errorf("row %d has no object, and the server refuses to print it", i)
		}
	}
	table, err = r.ConvertToTable(context.Background(), report, &metav1.TableOptions{NoHeaders: true})
	if err != nil || len(table.ColumnDefinitions) != 0 || table.ResourceVersion != "7" {
		t.Errorf("table %+v, error %v", table, err)
	}
	if _, err := r.ConvertToTable(context.Background(), runtime.Object(cluster()), nil); err == nil {
		t.Error("something else was printed")
	}
}
