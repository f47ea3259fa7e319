// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// act carries the decision out.
func (p *pass) act(ctx context.Context) error {
	action := p.decision.Action
	if action.Type == rollout.Nothing {
		return nil
	}
	klog.FromContext(ctx).Info("Acting", actionKey, action.Type, zoneKey, action.Cluster)
	traceAction(ctx, action)
	switch action.Type {
	case rollout.CreateCluster, rollout.MarkCluster:
		_, err := p.writer.send(ctx, p.view.zones[action.Cluster].write, false)
		return err
	case rollout.UpdateCluster:
		return p.update(ctx, action.Cluster)
	case rollout.ReleaseCluster:
		return p.release(ctx, action.Cluster)
	case rollout.DeleteCluster:
		return p.delete(ctx, action.Cluster)
	case rollout.DrainReads:
		return p.drainReads(ctx, action.Cluster)
	case rollout.RestoreReads:
		return p.restoreReads(ctx, action.Cluster)
	case rollout.ForgetDrain:
		return p.forgetDrain(ctx, action.Cluster)
	case rollout.ConfigureScrape:
		return p.configureScrape(ctx)
	case rollout.Finalize:
		return p.finalize(ctx)
	}
	return fmt.Errorf("carrying out %q: there is no such action", action.Type)
}

// update writes a zone's wanted state, then notes the generation that it got, by
// which a later change of somebody else is told from our own.
func (p *pass) update(ctx context.Context, zone string) error {
	written, err := p.writer.send(ctx, p.view.zones[zone].write, false)
	if err != nil {
		return err
	}
	return p.note(ctx, zone, func(status *vmdistributed.ZoneStatus) { status.Generation = written.GetGeneration() })
}

// note changes what status says of a zone.
func (p *pass) note(ctx context.Context, zone string, change func(*vmdistributed.ZoneStatus)) error {
	status := *p.object.Status.DeepCopy()
	i := slices.IndexFunc(status.Zones, func(z vmdistributed.ZoneStatus) bool { return z.Name == zone })
	if i < 0 {
		return nil
	}
	change(&status.Zones[i])
	return p.store(ctx, status)
}

// drainReads takes a zone out of every VMUser, then notes that this is done, by
// which somebody else's undoing of it is told from our not having come to it.
func (p *pass) drainReads(ctx context.Context, zone string) error {
	seen := p.view.zones[zone]
	var others []victoriametrics.Cluster
	for _, successor := range p.decision.Successors {
		others = append(others, p.view.zones[successor].cluster)
	}
	drain := drainOf(p.object, p.view, zone, others)
	for _, user := range seen.readers.leading {
		plan, err := victoriametrics.PlanDrain(user, drain)
		switch {
		case err != nil:
			return err
		case plan.Refusal != "":
			return fmt.Errorf("draining zone %s: %s", zone, plan.Refusal)
		case plan.Patch == nil:
			continue
		}
		if _, err := p.writer.send(ctx, mergePatch(victoriametrics.VMUserResource, user.GetNamespace(), user.GetName(), plan.Patch), false); err != nil {
			return err
		}
	}
	return p.note(ctx, zone, func(status *vmdistributed.ZoneStatus) {
		if status.Work != nil {
			status.Work.DrainWritten = true
		}
	})
}

// restoreReads puts a zone back into every VMUser that it was taken out of.
func (p *pass) restoreReads(ctx context.Context, zone string) error {
	for _, restore := range p.view.viewOf(zone).readers.returns {
		if _, err := p.writer.send(ctx, restore, false); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// forgetDrain takes a zone that is gone off our record on every VMUser.
func (p *pass) forgetDrain(ctx context.Context, zone string) error {
	for _, removal := range p.view.viewOf(zone).readers.returns {
		if _, err := p.writer.send(ctx, removal, false); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		p.tell(event{corev1.EventTypeWarning, "DrainForgotten", fmt.Sprintf(
			"VMUser %s leads to zone %s no more: its VMCluster does not exist, so that the reads taken from it can't be given back. Add the zone to spec.targetRefs again once it exists", removal.name, zone)})
	}
	return nil
}

// release takes our mark off a cluster and leaves the rest as it runs.
func (p *pass) release(ctx context.Context, name string) error {
	cluster := p.view.marked[name]
	if cluster == nil {
		return errStale
	}
	patch := victoriametrics.ReleasePatch(cluster)
	if patch == nil {
		return nil
	}
	if _, err := p.writer.send(ctx, patchReferenced(cluster, patch), false); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	p.tell(event{corev1.EventTypeNormal, "ZoneReleased", fmt.Sprintf("Released VMCluster %s, which goes on as it is", name)})
	return nil
}

// delete removes an inline cluster that carries our mark.
func (p *pass) delete(ctx context.Context, name string) error {
	cluster := p.view.marked[name]
	if cluster == nil {
		return errStale
	}
	if err := p.writer.remove(ctx, cluster); err != nil {
		return err
	}
	p.tell(event{corev1.EventTypeNormal, "ZoneDeleted", fmt.Sprintf("Deleted VMCluster %s", name)})
	return nil
}

func (p *pass) configureScrape(ctx context.Context) error {
	for name, patch := range p.view.scrape.patches {
		if _, err := p.writer.send(ctx, mergePatch(victoriametrics.VMAgentResource, p.object.Namespace, name, patch), false); err != nil {
			return err
		}
		p.tell(event{corev1.EventTypeNormal, "ScrapeConfigured", fmt.Sprintf("Wrote spec.serviceScrapeSelector of VMAgent %s", name)})
	}
	return nil
}

// finalize lets the object go, and what is on record of it before.
func (p *pass) finalize(ctx context.Context) error {
	if err := p.forgetHistory(ctx); err != nil {
		return err
	}
	changed := p.object.DeepCopy()
	changed.Finalizers = slices.DeleteFunc(changed.Finalizers, func(name string) bool { return name == vmdistributed.Finalizer })
	if len(changed.Finalizers) == len(p.object.Finalizers) {
		return nil
	}
	versioned, err := version(changed)
	if err != nil {
		return err
	}
	_, err = p.own.OperatorV1alpha1().VMDistributedClusters(changed.Namespace).
		Update(ctx, versioned, metav1.UpdateOptions{FieldManager: victoriametrics.FieldManager})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("removing the finalizer of VMDistributedCluster %s/%s: %w", changed.Namespace, changed.Name, err)
	}
	return nil
}
