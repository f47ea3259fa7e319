// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// ReportZones reads every cluster anew and tells where its zone stands. It
// writes nothing: what a write would meet, a dry run tells.
func (c *Controller) ReportZones(ctx context.Context, object *vmdistributed.VMDistributedCluster) ([]vmdistributed.ZoneReport, error) {
	look := c.live.look(ctx, object.Namespace)
	defer look.ahead(len(object.Spec.VMUsers) > 0)()
	watching := observer{source: look}
	if !object.Spec.Paused {
		watching.trial = c.writer.try // as a pass of the controller would
	}
	view, err := watching.observe(ctx, object, c.clock.Now())
	if err != nil {
		return nil, err
	}
	decision := rollout.Decide(view.Observed)
	reports := make([]vmdistributed.ZoneReport, len(view.Zones))
	for i := range view.Zones {
		reports[i] = zoneReport(&view.Zones[i], &decision.Zones[i], view.zones[view.Zones[i].Name])
	}
	return reports, nil
}

func zoneReport(zone *rollout.Zone, state *rollout.ZoneState, seen *zoneView) vmdistributed.ZoneReport {
	report := vmdistributed.ZoneReport{
		Name: zone.Name,
		Cluster: vmdistributed.ZoneCluster{
			Kind:               victoriametrics.VMClusterKind.Kind,
			Name:               zone.Name,
			Exists:             seen.exists,
			Generation:         seen.cluster.Generation,
			ObservedGeneration: seen.cluster.ObservedGeneration,
			UpdateStatus:       seen.cluster.UpdateStatus,
			Reason:             seen.cluster.Reason,
		},
		Source:          vmdistributed.ZoneReferenced,
		Phase:           vmdistributed.ZonePhase(state.Record.Phase),
		Since:           metav1.Time{Time: state.Record.Since.Truncate(time.Second)},
		Reason:          state.Reason,
		WaitingFor:      state.WaitingFor,
		RevisionWanted:  zone.Revision,
		RevisionApplied: seen.applied,
		Ready:           state.Ready,
	}
	if zone.Inline {
		report.Source = vmdistributed.ZoneInline
	}
	return report
}
