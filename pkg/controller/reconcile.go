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
	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/evidence"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/leader"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// errStale ends a pass that found the caches behind; their next event starts
// another.
var errStale = errors.New("the caches are behind")

// isRace tells errors that are part of working beside others.
func isRace(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || errors.Is(err, errStale) || leader.IsNotLeading(err)
}

// reconcile is one pass over one object. It returns when to look again though
// nothing has changed; zero for never.
func (c *shift) reconcile(ctx context.Context, key cache.ObjectName) (time.Time, error) {
	object, behind, err := c.get(key)
	if err != nil || object == nil || unreadable(ctx, object) {
		return time.Time{}, err
	}
	wake, err := c.pass(ctx, key, object)
	if behind {
		wake = earlier(wake, c.clock.Now().Add(ownLag))
	}
	return wake, err
}

// unreadable is true of what is shown in the place of an object that can't be read.
// Nothing is known of what that wants, so nothing is done for it.
func unreadable(ctx context.Context, object *vmdistributed.VMDistributedCluster) bool {
	why, shown := object.Annotations[storagev1.UnreadableAnnotation]
	if shown {
		klog.FromContext(ctx).Info("Doing nothing for an object that can't be read", "why", why)
	}
	return shown
}

// get returns an object, nil where there is none. The cache is behind where what
// we wrote ourselves has not come back by an event yet.
func (c *shift) get(key cache.ObjectName) (object *vmdistributed.VMDistributedCluster, behind bool, err error) {
	cached, exists, err := c.objects.GetStore().GetByKey(key.String())
	if err != nil || !exists {
		return nil, false, err
	}
	latest, exists, err := c.latest.GetByKey(key.String())
	if err != nil || !exists {
		return nil, false, err
	}
	last := latest.(*v1alpha1.VMDistributedCluster)
	object, err = hub(last)
	return object, last.ResourceVersion != cached.(*v1alpha1.VMDistributedCluster).ResourceVersion, err
}

// pass makes one over an object as it is known to be.
func (c *shift) pass(ctx context.Context, key cache.ObjectName, object *vmdistributed.VMDistributedCluster) (time.Time, error) {
	term, err := c.mandate.Term()
	if err != nil {
		return time.Time{}, err
	}
	p := &pass{shift: c, term: term, object: object, evidence: c.evidence.Look()}
	if err := p.decide(ctx, observer{source: caches{c.inventory, c.halt, c.history}}); err != nil {
		return time.Time{}, err
	}
	if p.leftAlone() {
		return time.Time{}, nil
	}
	if p.decision.RestsOnHealth() || p.dropsRecords() || p.foretells() {
		if gone, err := p.lookAgain(ctx, key); gone || err != nil {
			return time.Time{}, err
		}
		if p.leftAlone() {
			return time.Time{}, nil
		}
	}
	if until := p.resting(); !until.IsZero() {
		return earlier(p.wake(), until), nil
	}
	if err := p.record(ctx); err != nil {
		return time.Time{}, err
	}
	p.chronicle(ctx)
	err = p.act(ctx)
	if p.decision.Action.Type != rollout.Nothing {
		p.countStep(err)
	}
	if err != nil && !isRace(err) && ctx.Err() == nil {
		if told := failure(p.decision.Action, err); p.complaints.isNews(key, told.message, p.clock.Now()) {
			p.tell(told)
		}
	}
	if err != nil {
		err = &stepError{p.decision.Action, err}
	}
	return p.wake(), err
}

// foretells is true where the user is told what would be done: what the caches say
// of that is not good enough, and only a closer look tries it out.
func (p *pass) foretells() bool { return p.view.Observing && p.decision.Foretells() }

// pollInterval is how often metrics are looked at while something waits for
// them: nothing tells when they change.
const pollInterval = time.Second

// observeInterval is how often they are looked at for an object that is only
// observed: that goes on for as long as the user likes.
const observeInterval = 10 * time.Second

// haltRetry is when it is asked again whether all is halted, where that could not be
// told.
const haltRetry = 5 * time.Second

// retryUntried is when the API server is asked again what a write would do, where
// it could not tell; retryRefused, where it has refused it. What makes it answer
// otherwise, a webhook or a policy say, is nothing that is watched.
const retryUntried, retryRefused = 5 * time.Second, time.Minute

// wake is when to look again though no event has come.
func (p *pass) wake() time.Time {
	wake := p.decision.Wake
	by := func(at time.Time) { wake = earlier(wake, at) }
	switch needs := len(p.decision.Needs()) > 0; {
	case needs && p.view.Observing:
		by(p.view.Now.Add(observeInterval))
	case needs:
		by(p.view.Now.Add(pollInterval))
		if due := p.evidence.Due(); due.After(p.view.Now) {
			by(due)
		}
	}
	if stop := p.view.Halt; stop != nil && stop.Unknown != "" {
		by(p.view.Now.Add(haltRetry))
	}
	for i := range p.view.Zones {
		if zone := &p.view.Zones[i]; zone.Untried != "" {
			by(p.view.Now.Add(retryUntried))
		} else if zone.Problem != "" {
			by(p.view.Now.Add(retryRefused))
		}
	}
	by(p.unkept)
	if scrape := p.view.scrape; scrape != nil && scrape.retry > 0 {
		by(p.view.Now.Add(scrape.retry))
	}
	return wake
}

// earlier leaves out what is zero, for never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// leftAlone is true in a namespace that terminates: the object will be deleted as
// well, and until then nothing is written.
func (p *pass) leftAlone() bool { return p.view.namespaceTerminates() && p.view.Deletion == nil }

// dropsRecords is true where status remembers a zone of which nothing is left to
// remember, as far as the caches know.
func (p *pass) dropsRecords() bool {
	return slices.ContainsFunc(p.object.Status.Zones, func(zone vmdistributed.ZoneStatus) bool {
		return p.view.zones[zone.Name] == nil &&
			!slices.ContainsFunc(p.view.Strays, func(stray rollout.Stray) bool { return stray.Name == zone.Name && stray.Drained() })
	})
}

// pass is one look at one object, with what comes of it.
type pass struct {
	*shift
	// term is the one in which this process leads.
	term     leader.Term
	object   *vmdistributed.VMDistributedCluster
	view     *observation
	decision rollout.Decision
	evidence *evidence.Look
	// unkept is when what could not be put on record is tried again.
	unkept time.Time
}

func (p *pass) decide(ctx context.Context, o observer) error {
	if err := p.yield(); err != nil {
		return err
	}
	view, err := o.observe(ctx, p.object, p.clock.Now())
	if err != nil {
		return err
	}
	p.view, p.decision = view, rollout.Decide(view.Observed)
	for p.gather(ctx) {
		p.decision = rollout.Decide(view.Observed)
	}
	keepWording(p.object, p.view, &p.decision)
	return nil
}

// lookAgain decides anew by reads that no cache stands before.
func (p *pass) lookAgain(ctx context.Context, key cache.ObjectName) (gone bool, err error) {
	p.evidence.Again(ctx)
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
	begun := p.clock.Now()
	look := p.live.look(ctx, p.object)
	wait := look.ahead(len(p.object.Spec.VMUsers) > 0)
	tried := p.tryAhead(ctx)
	if p.clock.Since(begun) > lookHolds {
		wait()
		look, p.evidence = p.live.look(ctx, p.object), p.shift.evidence.Look()
		p.evidence.Again(ctx)
		wait = look.ahead(len(p.object.Spec.VMUsers) > 0)
	}
	defer wait()
	return false, p.decide(ctx, observer{source: look, trial: tried.try})
}

// lookHolds is for how long a look may have to wait for what is tried out, which may
// take as long as a webhook does, before it begins anew.
const lookHolds = 2 * time.Second

// resting is until when a status stays that would change in words only, and with
// which nothing is to be done; zero where it may be written.
func (p *pass) resting() time.Time {
	if p.decision.RestsOnHealth() {
		return time.Time{}
	}
	status := statusOf(p.object, p.view, &p.decision)
	if !onlyWords(&p.object.Status, &status) || equality.Semantic.DeepEqual(status, p.object.Status) {
		return time.Time{}
	}
	return p.pace.rests(cache.MetaObjectToName(p.object), p.clock.Now())
}

// record stores the new status, if it is new. Before an action, a status that another
// process has written counts as old: whoever acts has said so in it.
func (p *pass) record(ctx context.Context) error {
	status := statusOf(p.object, p.view, &p.decision)
	acts := p.decision.Action.Type != rollout.Nothing
	if equality.Semantic.DeepEqual(status, p.object.Status) && (p.signed() || !acts) {
		return nil
	}
	before := p.object.Status
	if err := p.store(ctx, status); err != nil {
		return err
	}
	p.tell(story(&before, &status)...)
	p.count(&before, &status)
	logPhases(klog.FromContext(ctx), &before, &status)
	tracePhases(ctx, &before, &status)
	return nil
}

// store writes status and goes on with the object as it then is.
func (p *pass) store(ctx context.Context, status vmdistributed.VMDistributedClusterStatus) error {
	changed := p.object.DeepCopy()
	changed.Status = status
	p.sign(&changed.Status)
	versioned, err := version(changed)
	if err != nil {
		return err
	}
	stored, err := p.own.OperatorV1alpha1().VMDistributedClusters(changed.Namespace).
		UpdateStatus(ctx, versioned, metav1.UpdateOptions{FieldManager: victoriametrics.FieldManager})
	if err != nil {
		return fmt.Errorf("writing the status of VMDistributedCluster %s/%s: %w", changed.Namespace, changed.Name, err)
	}
	p.latest.Mutation(stored)
	p.pace.note(cache.MetaObjectToName(stored), p.clock.Now())
	p.object, err = hub(stored)
	return err
}

func (p *pass) tell(events ...event) {
	reference := &corev1.ObjectReference{
		APIVersion:      v1alpha1.SchemeGroupVersion.String(),
		Kind:            vmdistributed.Kind,
		Namespace:       p.object.Namespace,
		Name:            p.object.Name,
		UID:             p.object.UID,
		ResourceVersion: p.object.ResourceVersion,
	}
	for _, e := range events {
		p.recorder.Event(reference, e.kind, e.reason, e.message)
	}
}
