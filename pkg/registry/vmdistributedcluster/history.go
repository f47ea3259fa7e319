// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/history"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
)

// HistoryREST serves the subresource history. It shows no spec: whoever may see that of
// now need not be one who may see what was in it.
type HistoryREST struct {
	store   *genericregistry.Store
	history History
	clock   clock.PassiveClock
}

var (
	_ rest.Getter               = &HistoryREST{}
	_ rest.TableConvertor       = &HistoryREST{}
	_ rest.SingularNameProvider = &HistoryREST{}
)

// New returns an empty answer.
func (r *HistoryREST) New() runtime.Object { return &vmdistributed.VMDistributedClusterHistory{} }

// Destroy does nothing: the store belongs to the main resource.
func (r *HistoryREST) Destroy() {}

// GetSingularName names the resource in the singular.
func (r *HistoryREST) GetSingularName() string { return r.store.GetSingularName() }

// Get lists the revisions of one object.
func (r *HistoryREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	obj, err := r.store.Get(ctx, name, options)
	if err != nil {
		return nil, err
	}
	object := obj.(*vmdistributed.VMDistributedCluster)
	records, err := r.history.List(ctx, keyOf(object))
	if err != nil {
		// A wrapped answer of the host cluster would be told as our own failure.
		return nil, apierrors.NewServiceUnavailable(fmt.Sprintf("which revisions of VMDistributedCluster %s are on record can't be told now, try again: %v", keyOf(object), err))
	}
	reports, err := reportsOf(object, records)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	return &vmdistributed.VMDistributedClusterHistory{
		ObjectMeta: metav1.ObjectMeta{
			Name: object.Name, Namespace: object.Namespace, UID: object.UID, ResourceVersion: object.ResourceVersion,
			Generation: object.Generation, CreationTimestamp: object.CreationTimestamp,
		},
		Revisions: reports,
	}, nil
}

// reportsOf tell of the records of an object. One that is broken is left out: nobody can
// go back to it.
func reportsOf(object *vmdistributed.VMDistributedCluster, records []history.Record) ([]vmdistributed.RevisionReport, error) {
	zones, err := revision.Of(object)
	if err != nil {
		return nil, err
	}
	wanted := revision.OfZones(zones)
	undo, _ := object.Status.Undone(wanted)
	reports := []vmdistributed.RevisionReport{}
	for i := range records {
		record := &records[i]
		if record.Problem != "" {
			continue
		}
		report := vmdistributed.RevisionReport{
			Revision: record.Revision, Number: record.Number, Author: record.Author, Cause: causeOf(record),
			Started: timeOrNil(record.Started), Finished: timeOrNil(record.Finished), Outcome: record.Outcome,
			Current: record.Revision == object.Status.CurrentRevision, Wanted: record.Revision == wanted, ByUndo: record.Revision == undo.To,
		}
		if report.Zones, err = zonesOf(record, object.Status.RestartedAt()); err != nil {
			return nil, err
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// causeOf says why there is a revision, and why it has not stayed or come to all zones.
func causeOf(record *history.Record) string {
	return strings.Trim(record.Cause+"; "+record.Note, "; ")
}

// zonesOf are the zones of a revision, as they would be rolled out now.
func zonesOf(record *history.Record, restartedAt string) ([]vmdistributed.ZoneRevision, error) {
	all, err := revision.OfList(record.Zones.VMClusters)
	if err != nil {
		return nil, err
	}
	var zones []vmdistributed.ZoneRevision
	for _, name := range slices.Sorted(maps.Keys(all)) {
		zones = append(zones, vmdistributed.ZoneRevision{Name: name, Revision: revision.Restarted(all[name], restartedAt)})
	}
	return zones, nil
}

func timeOrNil(at time.Time) *metav1.Time {
	if at.IsZero() {
		return nil
	}
	return &metav1.Time{Time: at}
}

// ConvertToTable prints one row per revision.
func (r *HistoryREST) ConvertToTable(_ context.Context, object, options runtime.Object) (*metav1.Table, error) {
	told, ok := object.(*vmdistributed.VMDistributedClusterHistory)
	if !ok {
		return nil, fmt.Errorf("printing a history: got a %T, want VMDistributedClusterHistory", object)
	}
	table := &metav1.Table{}
	table.ResourceVersion = told.ResourceVersion
	if !noHeaders(options) {
		table.ColumnDefinitions = historyColumns()
	}
	// A row needs an object with metadata, or the server refuses to print it.
	owner := &metav1.PartialObjectMetadata{ObjectMeta: told.ObjectMeta}
	now := r.clock.Now()
	for i := range told.Revisions {
		table.Rows = append(table.Rows, metav1.TableRow{
			Cells: historyCells(&told.Revisions[i], now), Object: runtime.RawExtension{Object: owner},
		})
	}
	return table, nil
}

func historyColumns() []metav1.TableColumnDefinition {
	return []metav1.TableColumnDefinition{
		{Name: "Revision", Type: "string", Format: "name", Description: "Hash of the desired state of all zones."},
		{Name: "Number", Type: "string", Description: "The higher the later a rollout of it began."},
		{Name: "Outcome", Type: "string", Description: "How that ended."},
		{Name: "Is", Type: "string", Description: "Current: all zones ran it last; Wanted: spec asks for it; ByUndo: it is rolled out in the place of that."},
		{Name: "Started", Type: "string", Description: "How long ago its last rollout began."},
		{Name: "Author", Type: "string", Description: "Who asked for it."},
		{Name: "Cause", Type: "string", Description: "What the annotation kubernetes.io/change-cause was then; who has restarted, aborted or undone it or skipped a zone, when and why."},
	}
}

func historyCells(report *vmdistributed.RevisionReport, now time.Time) []any {
	started := metav1.Time{}
	if report.Started != nil {
		started = *report.Started
	}
	is := ""
	for _, part := range []struct {
		true bool
		name string
	}{{report.Current, "Current"}, {report.Wanted, "Wanted"}, {report.ByUndo, "ByUndo"}} {
		switch {
		case part.true && is != "":
			is += "," + part.name
		case part.true:
			is = part.name
		}
	}
	return []any{
		report.Revision, strconv.FormatInt(report.Number, 10), orDash(string(report.Outcome)), orDash(is), since(started, now), orDash(report.Author), orDash(report.Cause),
	}
}
