// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
)

// component is one program of the control plane.
type component struct {
	name string
	// order is the place in the order of starting; ending goes backwards.
	order int
	// ports are the keys in the port book of what the program listens on.
	ports []string
	// prepare chooses the ports, writes what the program reads at start, and
	// says how to run it and how to ask whether it is ready.
	prepare func() (command, probe, error)
}

// The order of starting.
const (
	orderEtcd = iota
	orderAPIServer
	orderController
	orderResponders
	orderOperator
	orderServer
)

// launcher starts the programs of one control plane and keeps track of them.
type launcher struct {
	layout   layout
	patience time.Duration
	detached bool
	spawner  spawn.Spawner
	ports    *portBook
	records  recordBook
	progress *progress

	mu      sync.Mutex
	started map[string]*process
	known   map[string]component
}

func newLauncher(o Options) (*launcher, error) {
	ports, err := openPortBook(o.layout().run("ports.json"))
	if err != nil {
		return nil, err
	}
	l := &launcher{
		layout:   o.layout(),
		patience: o.Patience,
		detached: o.Detached,
		spawner:  spawn.Detached{},
		ports:    ports,
		records:  recordBook{dir: o.layout().run("")},
		progress: newProgress(o.Out),
		started:  map[string]*process{},
		known:    map[string]component{},
	}
	if !o.Detached {
		l.spawner = spawn.NewAttached()
	}
	return l, nil
}

// adoptPatience is how long a program that was ready before may take to say so
// again before it is restarted.
const adoptPatience = 10 * time.Second

// attempts is how often a program may lose its port to somebody else.
const attempts = 3

// ensure returns with the program running as it should and ready: it is kept,
// started, or restarted.
func (l *launcher) ensure(ctx context.Context, c component) (*process, error) {
	for attempt := 1; ; attempt++ {
		p, err := l.ensureOnce(ctx, c)
		if err == nil || !lostPort(p) || attempt == attempts {
			return p, err
		}
		l.progress.say("%s: its port was taken by somebody else, choosing another", c.name)
		if err := l.ports.forget(c.ports...); err != nil {
			return nil, err
		}
	}
}

func lostPort(p *process) bool {
	return p != nil && !p.alive() && p.log.Contains("address already in use")
}

func (l *launcher) ensureOnce(ctx context.Context, c component) (*process, error) {
	cmd, ask, err := c.prepare()
	if err != nil {
		return nil, fmt.Errorf("preparing %s: %w", c.name, err)
	}
	fingerprint, err := cmd.fingerprint()
	if err != nil {
		return nil, err
	}
	if p, err := l.adopt(ctx, c, fingerprint, ask); err != nil || p != nil {
		return p, err
	}
	p, err := startProcess(l.spawner, cmd, l.layout.log(c.name))
	if err != nil {
		return nil, err
	}
	if err := l.remember(c, cmd, p, fingerprint, ask); err != nil {
		return p, errors.Join(err, p.kill(context.WithoutCancel(ctx)))
	}
	if err := pollReady(ctx, p, ask, l.patience); err != nil {
		return p, l.giveUp(ctx, p, err)
	}
	p.readyAfter = time.Since(p.begun)
	l.progress.say("%s: ready after %.1fs (pid %d)", c.name, p.readyAfter.Seconds(), p.id.PID)
	return p, nil
}

// giveUp says why a program did not become ready. A detached one stays, to be
// looked at and for the next start to judge; an attached one would be lost track
// of when it is started again.
func (l *launcher) giveUp(ctx context.Context, p *process, reason error) error {
	err := ctx.Err()
	if err == nil {
		err = fmt.Errorf("%s (pid %d) %w; %s", p.name, p.id.PID, reason, p.log.Tail(20))
	}
	if l.detached {
		return err
	}
	return errors.Join(err, p.kill(context.WithoutCancel(ctx)))
}

// adopt finds the program where an earlier run left it. It returns nil if it is
// to be started, having ended it if it ran otherwise than it should.
func (l *launcher) adopt(ctx context.Context, c component, fingerprint string, ask probe) (*process, error) {
	r, ok, err := l.records.get(c.name)
	if err != nil || !ok || !l.detached {
		return nil, err
	}
	p := r.process()
	reason := ""
	switch {
	case !p.alive():
		l.progress.say("%s: pid %d is gone, starting it again", c.name, r.PID)
		return nil, nil
	case r.Fingerprint != fingerprint:
		reason = "its binary or what it is started with changed"
	default:
		if err := pollReady(ctx, p, ask, min(adoptPatience, l.patience)); err != nil {
			reason = err.Error()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if reason == "" {
		l.progress.say("%s: runs (pid %d)", c.name, r.PID)
		l.track(c, p)
		return p, nil
	}
	l.progress.say("%s: restarting pid %d: %s", c.name, r.PID, reason)
	return nil, unforced(p.stop(ctx))
}

func (l *launcher) remember(c component, cmd command, p *process, fingerprint string, ask probe) error {
	l.track(c, p)
	if !l.detached {
		return nil
	}
	return l.records.put(record{
		Name: c.name, identity: p.id, Program: cmd.program, Fingerprint: fingerprint, Probe: ask,
		Log: p.log.Path, LogFrom: p.log.From, Started: time.Now().UTC(), Order: c.order,
	})
}

func (l *launcher) track(c component, p *process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started[c.name], l.known[c.name] = p, c
}

func (l *launcher) tracked(name string) (*process, component, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.started[name]
	if !ok {
		return nil, component{}, fmt.Errorf("%s is no program of this control plane", name)
	}
	return p, l.known[name], nil
}

// pollReady returns when the program says that it is ready, or fails with what
// it said last if it ends or takes too long.
func pollReady(ctx context.Context, p *process, ask probe, patience time.Duration) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 25*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		if !p.alive() {
			return false, fmt.Errorf("%s before it was ready", p.ending())
		}
		last = ask.check(ctx)
		// Somebody else may answer on its port, hence the second look.
		return last == nil && p.alive(), nil
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("is not ready after %v: %w", patience, last)
	}
	return err
}

// stopAll ends all programs, those that depend on others first.
func (l *launcher) stopAll(ctx context.Context) error {
	var problems []error
	for order := orderServer; order >= orderEtcd; order-- {
		problems = append(problems, l.stopOrder(ctx, order))
	}
	l.spawner.Close()
	return errors.Join(problems...)
}

// stopOrder ends the programs of one place in the order, all at the same time.
func (l *launcher) stopOrder(ctx context.Context, order int) error {
	var group errgroup.Group
	l.mu.Lock()
	for name, p := range l.started {
		if l.known[name].order == order {
			group.Go(func() error { return l.end(ctx, p) })
		}
	}
	l.mu.Unlock()
	return group.Wait()
}

func (l *launcher) end(ctx context.Context, p *process) error {
	err := p.stop(ctx)
	if errors.Is(err, errForced) {
		l.progress.say("%s: %v", p.name, err)
	}
	if err := unforced(err); err != nil {
		return err
	}
	return l.records.remove(p.name)
}

// restart ends a program if it runs and starts it again as it was.
func (l *launcher) restart(ctx context.Context, name string) error {
	p, c, err := l.tracked(name)
	if err != nil {
		return err
	}
	if err := unforced(p.stop(ctx)); err != nil {
		return err
	}
	_, err = l.ensure(ctx, c)
	return err
}
