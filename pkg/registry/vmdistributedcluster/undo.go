// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/history"
)

// History tells which revisions of an object are on record.
type History interface {
	// List returns them, the latest first.
	List(ctx context.Context, object types.NamespacedName) ([]history.Record, error)
}

// undo has another revision rolled out than spec asks for. What spec says stays as it is,
// so that nobody who applies it puts the bad one back.
func undo(s *speech, said body) error {
	order := said.(*vmdistributed.VMDistributedClusterUndo)
	if err := s.checkReason("VMDistributedClusterUndo", order.Reason); err != nil {
		return err
	}
	if s.blind != nil {
		return s.blind
	}
	if order.Revision != "" && order.Revision != s.wanted {
		return conflictf("revision: is %s, and spec asks for %s now", order.Revision, s.wanted)
	}
	order.Revision = s.wanted
	now, undone := s.object.Status.Undone(s.wanted)
	switch {
	case order.ToRevision == s.wanted:
		s.takeUndoBack()
		return nil
	case undone && (order.ToRevision == "" || order.ToRevision == now.To):
		order.ToRevision = now.To
		s.keep(now, order.Reason)
		return nil
	}
	target, err := s.target(order.ToRevision)
	if err != nil {
		return err
	}
	order.ToRevision = target.Revision
	s.touched = append(target.Zones.VMClusters, s.touched...)
	s.takeUndoBack()
	// Who names a revision that was called off has thought better of it.
	s.object.Status.TakeBack(vmdistributed.WordAbort, "", target.Revision)
	s.object.Status.Say(vmdistributed.Word{Verb: vmdistributed.WordUndo, Revision: s.wanted, To: target.Revision, By: s.by, At: s.at, Reason: order.Reason})
	return nil
}

// takeUndoBack has what spec asks for be rolled out again, and tells whether it was not.
func (s *speech) takeUndoBack() bool {
	s.all = s.wanted
	return s.object.Status.TakeBack(vmdistributed.WordUndo, "", s.wanted)
}

// target is the revision that is named, or the one before where none is.
func (s *speech) target(named string) (history.Record, error) {
	records, err := s.recorded()
	if err != nil {
		return history.Record{}, err
	}
	if named == "" {
		found, ran := history.Previous(records, s.wanted, s.givenUp)
		if !ran {
			return found, conflictf("toRevision: there is no revision before %s that all zones have run, and that was neither undone nor called off; on record are %s", s.wanted, known(records))
		}
		return found, nil
	}
	found, err := s.record(named)
	if err == nil && found.Revision == "" {
		err = conflictf("toRevision: there is no record of revision %q; on record are %s", named, known(records))
	}
	return found, err
}

// givenUp is true for a revision that somebody has taken back.
func (s *speech) givenUp(revision string) bool {
	_, undone := s.object.Status.Undone(revision)
	_, off := s.object.Status.Said(vmdistributed.WordAbort, "", revision)
	return undone || off
}

// known names the revisions that one can go back to.
func known(records []history.Record) string {
	var names []string
	for i := range records {
		if records[i].Problem == "" {
			names = append(names, records[i].Revision)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}
