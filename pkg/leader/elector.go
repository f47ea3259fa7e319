// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/util/retry"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// LeaseName is what the Lease is called by default.
const LeaseName = "vmdistributed-apiserver-controller"

// Config says which Lease is held, by whom, and how.
type Config struct {
	// Namespace and Name are those of the Lease.
	Namespace, Name string
	// Home is what this process has in common with those before and after it, and with
	// no other: the name of a host or a pod, or the identity of a store. Its own identity
	// is made of that.
	Home string
	// Alone is true where no two processes of one home run at the same time, however
	// the first one ended: what is held by a former one is taken over at once.
	Alone bool
	// LeaseDuration, RenewDeadline and RetryPeriod are those of the leader election of
	// client-go. LeaseDuration counts in whole seconds.
	LeaseDuration, RenewDeadline, RetryPeriod time.Duration
}

// Elector stands for election, again and again.
type Elector struct {
	config Config
	client coordinationv1.LeasesGetter
	tenure *tenure
}

// separator stands between the home of a process and what is its own. Neither a host
// name nor the identity of a store has one.
const separator = "_"

// New returns an elector that leads nothing before Run. Times are those of clock.
func New(client coordinationv1.LeasesGetter, config Config, clock clock.PassiveClock) *Elector {
	return &Elector{config: config, client: client, tenure: &tenure{
		clock:  clock,
		holder: config.Home + separator + string(uuid.NewUUID()),
		lease:  config.Namespace + "/" + config.Name,
		// The Lease says whole seconds. Whoever can't renew it gives up after
		// RenewDeadline; half of what is left is for a request to arrive.
		sureFor: config.LeaseDuration.Truncate(time.Second) - (config.LeaseDuration-config.RenewDeadline)/2,
	}}
}

// Term is the one that this process leads in. It is an error, a NotLeadingError, if it
// does not, or can't be sure to.
func (e *Elector) Term() (Term, error) { return e.tenure.term() }

// Outrank makes the next term one that comes after another, which was found in an
// object. Whether it ever begins is for the Lease to say.
func (e *Elector) Outrank(found Term) { e.tenure.outrank(found.Number) }

// Run does the work whenever this process leads, and returns when ctx has ended, the
// work has, and the Lease was let go of. Between two stretches of work, all of the
// first has ended. A work that returns by itself lets another process lead.
func (e *Elector) Run(ctx context.Context, work func(context.Context) error) error {
	for ctx.Err() == nil {
		if err := e.stand(ctx, work); err != nil {
			return err
		}
	}
	return nil
}

// stand waits for the Lease, and works until it is lost or ctx ends.
func (e *Elector) stand(ctx context.Context, work func(context.Context) error) error {
	// While the work ends, the Lease is still held.
	holding, letGo := context.WithCancel(context.WithoutCancel(ctx))
	defer letGo()
	s := newStint(ctx)
	defer context.AfterFunc(ctx, func() {
		_ = s.end() // told below
		letGo()
	})()
	held := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: e.config.Namespace, Name: e.config.Name},
		Client:     e.client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: e.tenure.holder},
	}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name:          e.config.Name,
		Lock:          &lock{Interface: held, tenure: e.tenure, ended: e.ended, deposed: letGo},
		LeaseDuration: e.config.LeaseDuration, RenewDeadline: e.config.RenewDeadline, RetryPeriod: e.config.RetryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { s.begin(e.counted(work), letGo) },
			OnStoppedLeading: func() {},
			OnNewLeader:      func(holder string) { klog.FromContext(ctx).Info("A process leads", "holder", holder) },
		},
	})
	if err != nil {
		return fmt.Errorf("preparing the Lease %s: %w", e.tenure.lease, err)
	}
	elector.Run(holding)

	done := holding.Err() != nil // else the Lease could not be renewed
	led := e.tenure.resign()
	failure := s.end()
	if led && done {
		e.release(ctx, held)
		if ctx.Err() == nil {
			klog.FromContext(ctx).Error(failure, "The work of the leader ended by itself; standing again", "after", e.config.RetryPeriod)
			wait(ctx, e.config.RetryPeriod)
		}
	}
	return nil
}

func wait(ctx context.Context, period time.Duration) {
	timer := time.NewTimer(period)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// counted notes when work goes on.
func (e *Elector) counted(work func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		e.tenure.works(true)
		defer e.tenure.works(false)
		term, _ := e.Term() // for people
		klog.FromContext(ctx).Info("Leading", "lease", e.tenure.lease, "term", term.Number, "holder", term.Holder)
		defer klog.FromContext(ctx).Info("Leading no more", "lease", e.tenure.lease, "holder", e.tenure.holder)
		return work(ctx)
	}
}

// ended is true of a process of our own home, where there is one at a time.
func (e *Elector) ended(holder string) bool {
	return e.config.Alone && strings.HasPrefix(holder, e.config.Home+separator)
}

// release lets go of the Lease, so that nobody has to wait until it has run out. The
// work has ended.
func (e *Elector) release(ctx context.Context, held resourcelock.Interface) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.config.RenewDeadline)
	defer cancel()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		record, _, err := held.Get(ctx)
		if err != nil || record.HolderIdentity != held.Identity() {
			return err
		}
		now := metav1.NewTime(e.tenure.clock.Now())
		return held.Update(ctx, resourcelock.LeaderElectionRecord{
			LeaderTransitions: record.LeaderTransitions, LeaseDurationSeconds: 1, RenewTime: now, AcquireTime: now,
		})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		klog.FromContext(ctx).Error(err, "Letting go of the Lease failed: another process will wait until it has run out", "lease", e.tenure.lease)
	}
}

// Name is that of the check of health.
func (e *Elector) Name() string { return "leader-election" }

// Check fails where work goes on that the loss of the Lease should have ended: only a
// restart will. A process that can't renew the Lease and has stopped working is in good
// health, and serves the API.
func (e *Elector) Check(*http.Request) error {
	if age := e.tenure.stuck(2 * e.config.LeaseDuration); age > 0 {
		return fmt.Errorf("the controller has not stopped, and Lease %s was renewed %s ago", e.tenure.lease, age.Round(time.Second))
	}
	return nil
}
