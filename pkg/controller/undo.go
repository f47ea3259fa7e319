// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// undoneCondition says that what spec asks for was undone; there while it is.
const undoneCondition = "Undone"

// followUndo returns the object as it is to be looked at: with the zones of another
// revision where the one that spec asks for was undone. It is as if somebody had written
// them into spec, but that spec is left to whoever applies it.
func (o *observer) followUndo(ctx context.Context, object *vmdistributed.VMDistributedCluster, view *observation) (*vmdistributed.VMDistributedCluster, error) {
	view.wanted = object.Spec.Zones
	zones, err := revision.Of(object)
	if err != nil {
		return nil, err
	}
	asked := revision.OfZones(zones)
	word, undone := object.Status.Undone(asked)
	if !undone {
		return object, nil
	}
	view.Undone = &rollout.Undo{Revision: asked, To: word.To, By: word.By, At: word.At.Time, Reason: word.Reason}
	record, err := o.source.Record(ctx, view.owner, word.To)
	if err != nil {
		return nil, fmt.Errorf("looking for revision %s, to which the present one was undone: %w", word.To, err)
	}
	switch {
	case record == nil:
		view.Undone.Lost = "there is no record of it"
		return object, nil
	case record.Problem != "":
		view.Undone.Lost = record.Problem
		return object, nil
	}
	view.wanted = record.Zones
	changed := *object
	changed.Spec.Zones = record.Zones
	return &changed, nil
}

// lostTrack is true where nobody can tell what is to be rolled out.
func (v *observation) lostTrack() bool { return v.Undone != nil && v.Undone.Lost != "" }

func undoRecord(undone *rollout.Undo) *vmdistributed.UndoRecord {
	if undone == nil {
		return nil
	}
	record := &vmdistributed.UndoRecord{Revision: undone.Revision, ToRevision: undone.To, By: undone.By, Reason: undone.Reason}
	record.At.Time = undone.At
	return record
}

func undoneConditions(undone *rollout.Undo) []rollout.Condition {
	if undone == nil {
		return nil
	}
	return []rollout.Condition{{Type: undoneCondition, True: true, Reason: rollout.ReasonUndone,
		Message: undone.String() + "; another spec.zones ends that, and so does undoing to the one that spec asks for"}}
}
