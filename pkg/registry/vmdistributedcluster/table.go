// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// clusterTable prints VMDistributedClusters for kubectl get.
type clusterTable struct{}

// ConvertToTable prints one row per object.
func (clusterTable) ConvertToTable(_ context.Context, object, options runtime.Object) (*metav1.Table, error) {
	table := &metav1.Table{}
	setListMeta(table, object)
	if !noHeaders(options) {
		table.ColumnDefinitions = clusterColumns()
	}
	now := time.Now()
	appendRow := func(item runtime.Object) error {
		cluster, ok := item.(*vmdistributed.VMDistributedCluster)
		if !ok {
			return fmt.Errorf("printing VMDistributedClusters: got a %T", item)
		}
		table.Rows = append(table.Rows, metav1.TableRow{Cells: clusterCells(cluster, now), Object: runtime.RawExtension{Object: item}})
		return nil
	}
	if meta.IsListType(object) {
		return table, meta.EachListItem(object, appendRow)
	}
	return table, appendRow(object)
}

func clusterColumns() []metav1.TableColumnDefinition {
	return []metav1.TableColumnDefinition{
		{Name: "Name", Type: "string", Format: "name", Description: "Name of the object."},
		{Name: "Zones", Type: "string", Description: "Zones that run the wanted revision, of all."},
		{Name: "Ready", Type: "string", Description: "Zones in good health that keep their reads, of all."},
		{Name: "Status", Type: "string", Description: "The state in the words of the VictoriaMetrics operator; terminating once deleted."},
		{Name: "Zone", Type: "string", Description: "The zone in work."},
		{Name: "Age", Type: "string", Description: "Time since the object was created."},
		{Name: "Revision", Type: "string", Priority: 1, Description: "Revision that spec asks for."},
		{Name: "Paused", Type: "boolean", Priority: 1, Description: "Whether spec.paused is set."},
		{Name: "Message", Type: "string", Priority: 1, Description: "What the rollout does or waits for."},
	}
}

func clusterCells(cluster *vmdistributed.VMDistributedCluster, now time.Time) []any {
	status := &cluster.Status
	total := len(cluster.Spec.Zones.VMClusters)
	if status.ObservedGeneration != cluster.Generation && len(status.Zones) > 0 {
		total = len(status.Zones) // the counts are about the list as it was
	}
	return []any{
		cluster.Name,
		fmt.Sprintf("%d/%d", status.UpdatedZones, total),
		fmt.Sprintf("%d/%d", status.ReadyZones, total),
		orDash(state(cluster)),
		orDash(zoneInWork(status)),
		since(cluster.CreationTimestamp, now),
		orDash(status.UpdateRevision),
		cluster.Spec.Paused,
		orDash(readyMessage(status)),
	}
}

// state is the operator's word, or that the object is on its way out.
func state(cluster *vmdistributed.VMDistributedCluster) string {
	if cluster.DeletionTimestamp != nil {
		return "terminating"
	}
	return cluster.Status.UpdateStatus
}

// zoneInWork is the zone that the rollout is busy with.
func zoneInWork(status *vmdistributed.VMDistributedClusterStatus) string {
	for _, zone := range status.Zones {
		switch zone.Phase {
		case vmdistributed.ZoneCreating, vmdistributed.ZoneDraining, vmdistributed.ZoneUpdating, vmdistributed.ZoneFlushing,
			vmdistributed.ZoneRestoring, vmdistributed.ZoneBaking, vmdistributed.ZoneFailed:
			return zone.Name
		}
	}
	return ""
}

func readyMessage(status *vmdistributed.VMDistributedClusterStatus) string {
	for _, name := range []string{rollout.ConditionReady, rollout.ConditionObserving} { // Ready may be left out of what is only observed
		if condition := meta.FindStatusCondition(status.Conditions, name); condition != nil {
			return condition.Message
		}
	}
	return ""
}
