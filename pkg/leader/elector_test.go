// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/clock"
)

// newElector is one with times as short as a Lease can say. Leases are those of the
// host cluster in the tests of test/integration/rollout.
func newElector(client kubernetes.Interface, home string) *Elector {
	return New(client.CoordinationV1(), Config{
		Namespace: "system", Name: "lease", Home: home,
		LeaseDuration: time.Second, RenewDeadline: 500 * time.Millisecond, RetryPeriod: 50 * time.Millisecond,
	}, clock.RealClock{})
}

// lasting gives an elector a Lease that does not run out in a test.
func lasting(e *Elector) *Elector {
	e.config.LeaseDuration, e.config.RenewDeadline, e.tenure.sureFor = time.Hour, 30*time.Minute, time.Hour
	return e
}

// running is an elector at work.
type running struct {
	*Elector
	begun, ended chan struct{}
	stop         func()
}

// run has an elector run. The last thing that its work does is last.
func run(t *testing.T, e *Elector, last func()) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Elector: e, begun: make(chan struct{}, 100), ended: make(chan struct{}, 100)}
	done := make(chan error, 1)
	go func() {
		done <- e.Run(ctx, func(ctx context.Context) error {
			r.begun <- struct{}{}
			<-ctx.Done()
			last()
			r.ended <- struct{}{}
			return nil
		})
	}()
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		done <- nil
	}
	t.Cleanup(r.stop)
	return r
}

func held(t *testing.T, client kubernetes.Interface) coordinationv1.LeaseSpec {
	t.Helper()
	lease, err := client.CoordinationV1().Leases("system").Get(context.Background(), "lease", metav1.GetOptions{})
	if err != nil {
		t.Error(err)
	}
	return lease.Spec
}

func nothing() {}

// TestLeaseIsHeldUntilTheWorkHasEnded, and then let go of.
func TestLeaseIsHeldUntilTheWorkHasEnded(t *testing.T) {
	client := fake.NewClientset()
	linger := make(chan struct{})
	var stopping atomic.Bool
	var renewals atomic.Int32
	client.PrependReactor("update", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		// It goes on being renewed.
		if stopping.Load() && renewals.Add(1) == 5 {
			close(linger)
		}
		return false, nil, nil
	})
	var holder string
	first := run(t, lasting(newElector(client, "first")), func() { stopping.Store(true); <-linger; holder = *held(t, client).HolderIdentity })
	<-first.begun
	stopped := make(chan struct{})
	go func() { defer close(stopped); first.stop() }()
	second := run(t, lasting(newElector(client, "second")), nothing)
	<-first.ended
	if holder != first.tenure.holder {
		t.Errorf("while the first still worked, %q held the Lease", holder)
	}
	<-stopped
	if _, err := first.Term(); !IsNotLeading(err) {
		t.Errorf("the first still leads: %v", err)
	}
	<-second.begun
	term, err := second.Term()
	if err != nil || term.Number != 1 || *held(t, client).LeaseTransitions != 1 {
		t.Errorf("the second leads in %s, %v, by %v", term, err, held(t, client))
	}
}

// TestWhoCannotRenewStopsAndStandsAgain: the process goes on, and leads again when it
// can.
func TestWhoCannotRenewStopsAndStandsAgain(t *testing.T) {
	client := fake.NewClientset()
	var mute atomic.Bool
	client.PrependReactor("*", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return mute.Load(), nil, errors.New("nobody answers")
	})
	r := run(t, newElector(client, "first"), nothing)
	<-r.begun
	mute.Store(true)
	<-r.ended
	if _, err := r.Term(); !IsNotLeading(err) {
		t.Errorf("it still leads: %v", err)
	}
	if err := r.Check(nil); err != nil {
		t.Errorf("a process that has stopped is not healthy: %v", err)
	}
	mute.Store(false)
	<-r.begun
}

// TestWhoSeesAnotherHolderStopsAtOnce, though its last renewal would hold for longer.
func TestWhoSeesAnotherHolderStopsAtOnce(t *testing.T) {
	client := fake.NewClientset()
	e := lasting(newElector(client, "first"))
	var taken atomic.Bool
	// The fake knows no conflict.
	client.PrependReactor("update", "leases", func(action clienttesting.Action) (bool, runtime.Object, error) {
		lease := action.(clienttesting.UpdateAction).GetObject().(*coordinationv1.Lease)
		return taken.Load() && *lease.Spec.HolderIdentity == e.tenure.holder, nil, errors.New("somebody else has changed it")
	})
	r := run(t, e, nothing)
	<-r.begun
	leases := client.CoordinationV1().Leases("system")
	taken.Store(true)
	lease, err := leases.Get(t.Context(), "lease", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other := "other"
	lease.Spec.HolderIdentity = &other
	if _, err := leases.Update(t.Context(), lease, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	<-r.ended
	if _, err := r.Term(); !IsNotLeading(err) {
		t.Errorf("it still leads: %v", err)
	}
}

// TestWorkThatEndsByItselfLetsOthersLead.
func TestWorkThatEndsByItselfLetsOthersLead(t *testing.T) {
	client := fake.NewClientset()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	first := newElector(client, "first")
	first.config.RetryPeriod = 100 * time.Millisecond
	go func() {
		done <- first.Run(ctx, func(context.Context) error { return errors.New("it broke") })
	}()
	second := run(t, newElector(client, "second"), nothing)
	<-second.begun
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestProcessThatDoesNotStopIsUnhealthy, and no other.
func TestProcessThatDoesNotStopIsUnhealthy(t *testing.T) {
	e, clock := elected(t)
	for _, c := range []struct {
		works   bool
		after   time.Duration
		healthy bool
	}{
		{true, 29 * time.Second, true},
		{true, 2 * time.Second, false},
		{false, 0, true},
	} {
		e.tenure.works(c.works)
		clock.SetTime(clock.Now().Add(c.after))
		if err := e.Check(nil); (err == nil) != c.healthy {
			t.Errorf("working %t, %s later: %v", c.works, c.after, err)
		}
	}
}
