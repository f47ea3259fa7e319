// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// ZoneReporter tells the state of an object's zones at this moment.
type ZoneReporter interface {
	ReportZones(ctx context.Context, cluster *vmdistributed.VMDistributedCluster) ([]vmdistributed.ZoneReport, error)
}

// ZonesREST serves the subresource zones.
type ZonesREST struct {
	store    *genericregistry.Store
	reporter ZoneReporter
	values   values
}

var (
	_ rest.Getter               = &ZonesREST{}
	_ rest.TableConvertor       = &ZonesREST{}
	_ rest.SingularNameProvider = &ZonesREST{}
)

// New returns an empty answer.
func (r *ZonesREST) New() runtime.Object { return &vmdistributed.VMDistributedClusterZones{} }

// Destroy does nothing: the store belongs to the main resource.
func (r *ZonesREST) Destroy() {}

// GetSingularName names the resource in the singular.
func (r *ZonesREST) GetSingularName() string { return r.store.GetSingularName() }

// Get asks the reporter for the zones of one object.
func (r *ZonesREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	obj, err := r.store.Get(ctx, name, options)
	if err != nil {
		return nil, err
	}
	cluster := obj.(*vmdistributed.VMDistributedCluster)
	zones, err := r.reporter.ReportZones(ctx, cluster)
	if err != nil {
		// A wrapped answer of the host cluster would be told as our own failure.
		return nil, apierrors.NewServiceUnavailable(fmt.Sprintf("where the zones of VMDistributedCluster %s/%s stand can't be told now, try again: %v",
			cluster.Namespace, cluster.Name, err))
	}
	r.values.hide(ctx, cluster.Namespace, zones)
	return &vmdistributed.VMDistributedClusterZones{
		ObjectMeta: metav1.ObjectMeta{
			Name:              cluster.Name,
			Namespace:         cluster.Namespace,
			UID:               cluster.UID,
			ResourceVersion:   cluster.ResourceVersion,
			Generation:        cluster.Generation,
			CreationTimestamp: cluster.CreationTimestamp,
		},
		Zones: zones,
	}, nil
}

// ConvertToTable prints one row per zone.
func (r *ZonesREST) ConvertToTable(_ context.Context, object, options runtime.Object) (*metav1.Table, error) {
	report, ok := object.(*vmdistributed.VMDistributedClusterZones)
	if !ok {
		return nil, fmt.Errorf("printing zones: got a %T, want VMDistributedClusterZones", object)
	}
	table := &metav1.Table{}
	table.ResourceVersion = report.ResourceVersion
	if noHeaders(options) {
		table.ColumnDefinitions = nil
	} else {
		table.ColumnDefinitions = zoneColumns()
	}
	// A row needs an object with metadata, or the server refuses to print it.
	owner := &metav1.PartialObjectMetadata{ObjectMeta: report.ObjectMeta}
	now := time.Now()
	for i := range report.Zones {
		table.Rows = append(table.Rows, metav1.TableRow{
			Cells:  zoneCells(&report.Zones[i], now),
			Object: runtime.RawExtension{Object: owner},
		})
	}
	return table, nil
}

func zoneColumns() []metav1.TableColumnDefinition {
	return []metav1.TableColumnDefinition{
		{Name: "Zone", Type: "string", Format: "name", Description: "Name of the zone, which is the name of its VMCluster."},
		{Name: "Source", Type: "string", Description: "Inline or Referenced: who defines the VMCluster."},
		{Name: "Phase", Type: "string", Description: "Where the zone stands."},
		{Name: "Since", Type: "string", Description: "How long it has stood there."},
		{Name: "Revision", Type: "string", Description: "Revision that was last applied, and after the arrow the one that is wanted."},
		{Name: "Generation", Type: "string", Description: "Generation of the VMCluster that the operator has observed, of the one that there is."},
		{Name: "Status", Type: "string", Description: "The operator's updateStatus."},
		{Name: "Waiting For", Type: "string", Description: "What the zone waits for."},
		{Name: "Reason", Type: "string", Priority: 1, Description: "Reason of the phase."},
		{Name: "Operator Reason", Type: "string", Priority: 1, Description: "The operator's reason."},
	}
}

func zoneCells(zone *vmdistributed.ZoneReport, now time.Time) []any {
	return []any{
		zone.Name,
		string(zone.Source),
		string(zone.Phase),
		since(zone.Since, now),
		revisions(zone),
		generations(&zone.Cluster),
		orDash(zone.Cluster.UpdateStatus),
		orDash(waitingFor(zone)),
		orDash(zone.Reason),
		orDash(zone.Cluster.Reason),
	}
}

// waitingFor is what a zone waits for, with what would be done where that is still
// to come. For one that is only observed, that is all; -o yaml has the rest.
func waitingFor(zone *vmdistributed.ZoneReport) string {
	would := wouldDo(zone)
	if would == "" || zone.Phase != vmdistributed.ZonePending && zone.Phase != vmdistributed.ZoneRefused && zone.Phase != vmdistributed.ZoneReady {
		return zone.WaitingFor
	}
	if zone.Reason != rollout.ReasonObserving && zone.Phase != vmdistributed.ZoneReady {
		return strings.TrimPrefix(zone.WaitingFor+"; "+would, "; ")
	}
	if len(zone.RefusedBy) == 0 {
		return would
	}
	guards := make([]string, len(zone.RefusedBy))
	for i, refusal := range zone.RefusedBy {
		guards[i], _, _ = strings.Cut(refusal, ":")
	}
	return would + "; refused by " + strings.Join(guards, ", ")
}

// wouldDo says in brief what is still to be done about a zone; empty for nothing.
func wouldDo(zone *vmdistributed.ZoneReport) string {
	turn := ""
	if zone.Turn > 1 && zone.Reason == rollout.ReasonObserving {
		turn = fmt.Sprintf(", as number %d", zone.Turn)
	}
	switch fields := len(zone.Changes) + int(zone.MoreChanges); zone.WouldDo {
	case vmdistributed.ZoneWouldCreate:
		return "would be created" + turn
	case vmdistributed.ZoneWouldMark:
		return "would be marked" + turn
	case vmdistributed.ZoneWouldChange:
		switch fields {
		case 0: // nobody can tell which
			return "would be changed" + turn
		case 1:
			return "would change 1 field" + turn
		}
		return fmt.Sprintf("would change %d fields%s", fields, turn)
	}
	return ""
}

func revisions(zone *vmdistributed.ZoneReport) string {
	if zone.RevisionApplied == zone.RevisionWanted {
		return orDash(zone.RevisionApplied)
	}
	return zone.RevisionApplied + "->" + orDash(zone.RevisionWanted)
}

func generations(cluster *vmdistributed.ZoneCluster) string {
	if !cluster.Exists {
		return "-"
	}
	return fmt.Sprintf("%d/%d", cluster.ObservedGeneration, cluster.Generation)
}

func since(at metav1.Time, now time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return duration.HumanDuration(now.Sub(at.Time))
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func noHeaders(options runtime.Object) bool {
	table, ok := options.(*metav1.TableOptions)
	return ok && table.NoHeaders
}

// setListMeta copies what a client needs to go on listing or watching.
func setListMeta(table *metav1.Table, object runtime.Object) {
	if list, err := meta.ListAccessor(object); err == nil {
		table.ResourceVersion = list.GetResourceVersion()
		table.Continue = list.GetContinue()
		table.RemainingItemCount = list.GetRemainingItemCount()
		return
	}
	if single, err := meta.CommonAccessor(object); err == nil {
		table.ResourceVersion = single.GetResourceVersion()
	}
}
