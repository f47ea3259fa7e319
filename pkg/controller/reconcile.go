// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// errStale ends a pass that found the caches behind; their next event starts
// another.
var errStale = errors.New("the caches are behind")

// isRace tells errors that are part of working beside others.
func isRace(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || errors.Is(err, errStale)
}

// reconcile is one pass over one object. It returns when to look again though
// nothing has changed; zero for never.
func (c *Controller) reconcile(ctx context.Context, key cache.ObjectName) (time.Time, error) {
	stored, exists, err := c.objects.GetStore().GetByKey(key.String())
	if err != nil || !exists {
		return time.Time{}, err
	}
	object, err := hub(stored.(*v1alpha1.VMDistributedCluster))
	if err != nil {
		return time.Time{}, err
	}
	p := &pass{Controller: c, object: object}
	if err := p.decide(ctx, observer{source: c.cached}); err != nil {
		return time.Time{}, err
	}
	if p.view.namespaceTerminates() && p.view.Deletion == nil {
		// The object will be deleted as well; until then nothing is written.
		return time.Time{}, nil
	}
	if p.decision.RestsOnHealth() {
		if gone, err := p.lookAgain(ctx, key); gone || err != nil {
			return time.Time{}, err
		}
	}
	if err := p.record(ctx); err != nil {
		return time.Time{}, err
	}
	return p.decision.Wake, p.act(ctx)
}

// pass is one look at one object, with what comes of it.
type pass struct {
	*Controller
	object   *vmdistributed.VMDistributedCluster
	view     *observation
	decision rollout.Decision
}

func (p *pass) decide(ctx context.Context, o observer) error {
	view, err := o.observe(ctx, p.object, p.clock.Now())
	if err != nil {
		return err
	}
	p.view, p.decision = view, rollout.Decide(view.Observed)
	return nil
}

// lookAgain decides anew by reads that no cache stands before.
func (p *pass) lookAgain(ctx context.Context, key cache.ObjectName) (gone bool, err error) {
	fresh, err := p.own.OperatorV1alpha1().VMDistributedClusters(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading VMDistributedCluster %s: %w", key, err)
	}
	if p.object, err = hub(fresh); err != nil {
		return false, err
	}
	return false, p.decide(ctx, observer{source: p.live, trial: p.writer.try})
}

// record stores the new status, if it is new.
func (p *pass) record(ctx context.Context) error {
	status := statusOf(p.object, p.view, &p.decision)
	if equality.Semantic.DeepEqual(status, p.object.Status) {
		return nil
	}
	before := p.object.Status
	if err := p.store(ctx, status); err != nil {
		return err
	}
	p.tell(story(&before, &status)...)
	return nil
}

// store writes status and goes on with the object as it then is.
func (p *pass) store(ctx context.Context, status vmdistributed.VMDistributedClusterStatus) error {
	changed := p.object.DeepCopy()
	changed.Status = status
	versioned, err := version(changed)
	if err != nil {
		return err
	}
	stored, err := p.own.OperatorV1alpha1().VMDistributedClusters(changed.Namespace).
		UpdateStatus(ctx, versioned, metav1.UpdateOptions{FieldManager: victoriametrics.FieldManager})
	if err != nil {
		return fmt.Errorf("writing the status of VMDistributedCluster %s/%s: %w", changed.Namespace, changed.Name, err)
	}
	p.object, err = hub(stored)
	return err
}

func (p *pass) tell(events ...event) {
	reference := &corev1.ObjectReference{
		APIVersion:      v1alpha1.SchemeGroupVersion.String(),
		Kind:            "VMDistributedCluster",
		Namespace:       p.object.Namespace,
		Name:            p.object.Name,
		UID:             p.object.UID,
		ResourceVersion: p.object.ResourceVersion,
	}
	for _, e := range events {
		p.recorder.Event(reference, e.kind, e.reason, e.message)
	}
}

// act carries the decision out.
func (p *pass) act(ctx context.Context) error {
	action := p.decision.Action
	if action.Type == rollout.Nothing {
		return nil
	}
	klog.FromContext(ctx).Info("Acting", "action", action.Type, "zone", action.Cluster)
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
	status := *p.object.Status.DeepCopy()
	i := slices.IndexFunc(status.Zones, func(z vmdistributed.ZoneStatus) bool { return z.Name == zone })
	if i < 0 {
		return nil
	}
	status.Zones[i].Generation = written.GetGeneration()
	return p.store(ctx, status)
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

// finalize lets the object go.
func (p *pass) finalize(ctx context.Context) error {
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

// hub converts what the API gives.
func hub(object *v1alpha1.VMDistributedCluster) (*vmdistributed.VMDistributedCluster, error) {
	converted := &vmdistributed.VMDistributedCluster{}
	// The conversion shares memory with its input, which may be a cache's.
	err := v1alpha1.Convert_v1alpha1_VMDistributedCluster_To_vmdistributed_VMDistributedCluster(object.DeepCopy(), converted, nil)
	if err != nil {
		return nil, fmt.Errorf("converting VMDistributedCluster %s/%s: %w", object.Namespace, object.Name, err)
	}
	return converted, nil
}

// version converts what the API takes.
func version(object *vmdistributed.VMDistributedCluster) (*v1alpha1.VMDistributedCluster, error) {
	converted := &v1alpha1.VMDistributedCluster{}
	if err := v1alpha1.Convert_vmdistributed_VMDistributedCluster_To_v1alpha1_VMDistributedCluster(object, converted, nil); err != nil {
		return nil, fmt.Errorf("converting VMDistributedCluster %s/%s: %w", object.Namespace, object.Name, err)
	}
	return converted, nil
}
