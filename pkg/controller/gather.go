// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// gather fetches the evidence that a decision lacks, and nothing else: metrics
// are read while something waits for them only.
func (p *pass) gather(ctx context.Context) (more bool) {
	needs := p.decision.Needs()
	for i := range p.view.Zones {
		zone := &p.view.Zones[i]
		seen := p.view.zones[zone.Name]
		need := needs[zone.Name]
		if need&rollout.NeedLoaded != 0 && zone.Reads.Loaded == nil {
			since := zone.Record.Drained
			if zone.Record.Restored.After(since) {
				since = zone.Record.Restored
			}
			evidence := p.evidence.Loaded(ctx, seen.readers.all(), p.view.readers.auths, since)
			zone.Reads.Loaded, more = &evidence, true
		}
		if need&rollout.NeedIdle != 0 && zone.Reads.Idle == nil {
			evidence := p.evidence.Idle(ctx, seen.cluster)
			zone.Reads.Idle, more = &evidence, true
		}
		if need&rollout.NeedQueues != 0 && zone.Queues.Reading == nil {
			reading := p.evidence.Queues(ctx, p.view.agent, seen.entries)
			zone.Queues.Reading, more = &reading, true
		}
	}
	return more
}

// all are the VMUsers that lead to a zone, and those that did.
func (z *zoneReaders) all() []*unstructured.Unstructured {
	users := slices.Clone(z.leading)
	for _, user := range z.drained {
		if !slices.ContainsFunc(users, func(u *unstructured.Unstructured) bool { return u.GetName() == user.GetName() }) {
			users = append(users, user)
		}
	}
	return users
}
