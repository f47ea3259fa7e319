// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/evidence"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// gather fetches the evidence that a decision lacks, and nothing else: metrics
// are read while something waits for them only.
func (p *pass) gather(ctx context.Context) (more bool) {
	needs := p.decision.Needs()
	for zone, seen := range p.view.all() {
		need := needs[zone.Name]
		if need&rollout.NeedLoaded != 0 && zone.Reads.Loaded == nil {
			since, restores := zone.Written()
			found := p.evidence.Loaded(ctx, evidence.Change{
				Users: p.view.readers.all(), Auths: p.view.readers.auths, Since: since, Restores: restores,
			})
			zone.Reads.Loaded, more = &found, true
		}
		if need&rollout.NeedIdle != 0 && zone.Reads.Idle == nil {
			found := p.evidence.Idle(ctx, seen.cluster)
			zone.Reads.Idle, more = &found, true
		}
		if need&rollout.NeedQueues != 0 && zone.Queues.Reading == nil {
			reading := p.evidence.Queues(ctx, p.view.agent, seen.entries)
			zone.Queues.Reading, more = &reading, true
		}
	}
	return more
}

// all are the VMUsers that spec names, and those that carry a record of ours. A
// VMUser that leads to a zone no more may have done so until a moment ago.
func (r *readers) all() []*unstructured.Unstructured {
	users := slices.Clone(r.listed)
	for _, user := range r.drained {
		if !slices.ContainsFunc(users, func(u *unstructured.Unstructured) bool { return u.GetName() == user.GetName() }) {
			users = append(users, user)
		}
	}
	return users
}
