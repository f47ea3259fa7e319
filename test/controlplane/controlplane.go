// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// ControlPlane is a running control plane.
type ControlPlane struct {
	options  Options
	layout   layout
	pki      *pki
	launcher *launcher

	url     string // of kube-apiserver
	etcdURL string
	admin   pair
}

// Start returns with the control plane that the options ask for running and
// ready. The context bounds the start only; end the control plane with Stop or,
// where it is detached, with Down.
//
// If an attached start fails, everything that it started has ended. A detached
// one leaves what it reached, for the next Start to go on from.
func Start(ctx context.Context, options Options) (*ControlPlane, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	c := &ControlPlane{options: options, layout: options.layout()}
	if err := c.layout.prepare(); err != nil {
		return nil, err
	}
	if c.pki, err = openPKI(c.layout.data("pki")); err != nil {
		return nil, err
	}
	if c.launcher, err = newLauncher(options); err != nil {
		return nil, err
	}
	if err := c.start(ctx); err != nil {
		if !options.Detached {
			err = errors.Join(err, c.Stop())
		}
		return nil, err
	}
	return c, nil
}

func (c *ControlPlane) start(ctx context.Context) error {
	if err := c.stopUnwanted(ctx); err != nil {
		return err
	}
	if _, err := c.launcher.ensure(ctx, c.etcd()); err != nil {
		return err
	}
	if _, err := c.launcher.ensure(ctx, c.apiServer()); err != nil {
		return err
	}
	if err := c.writeKubeconfig(c.layout.adminKubeconfig(), c.admin); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.startOperator(ctx) })
	group.Go(func() error { return c.startNodes(ctx) })
	if c.options.ControllerManager {
		group.Go(func() error { return c.startOne(ctx, c.controllerManager()) })
	}
	if c.options.Scheduler {
		group.Go(func() error { return c.startOne(ctx, c.scheduler()) })
	}
	return group.Wait()
}

func (c *ControlPlane) startOne(ctx context.Context, program component) error {
	_, err := c.launcher.ensure(ctx, program)
	return err
}

// startOperator starts the reconciler of the operator's kinds once these exist,
// after who answers for the pods that it makes: a port of theirs that was lost is
// then replaced.
func (c *ControlPlane) startOperator(ctx context.Context) error {
	if err := c.applyCRDs(ctx); err != nil {
		return err
	}
	if c.options.Responders {
		if err := c.startOne(ctx, c.responders()); err != nil {
			return err
		}
	}
	if program, ok := c.operator(); ok {
		return c.startOne(ctx, program)
	}
	return nil
}

func (c *ControlPlane) startNodes(ctx context.Context) error {
	if err := c.ensureNodes(ctx, c.options.Nodes); err != nil {
		return err
	}
	if c.options.Nodes == 0 {
		return nil
	}
	program, err := c.kwok(ctx)
	if err != nil {
		return err
	}
	return c.startOne(ctx, program)
}

// stopUnwanted ends what an earlier start with other options left running. The
// project's own servers are not judged here: they are started by StartServer.
func (c *ControlPlane) stopUnwanted(ctx context.Context) error {
	if !c.options.Detached {
		return nil
	}
	wanted := map[string]bool{}
	for _, name := range c.options.programs() {
		wanted[name] = true
	}
	left, err := c.launcher.records.list()
	if err != nil {
		return err
	}
	for _, r := range left {
		if wanted[r.Name] || r.Order == orderServer {
			continue
		}
		c.launcher.progress.say("%s: not wanted any more, ending pid %d", r.Name, r.PID)
		if err := c.launcher.end(ctx, r.process()); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends all programs of the control plane and waits for them to be gone. It
// is bounded: what does not end when asked is killed.
func (c *ControlPlane) Stop() error {
	if err := c.launcher.stopAll(context.Background()); err != nil {
		return fmt.Errorf("stopping the control plane in %s: %w", c.layout.dir, err)
	}
	return nil
}

// Kill ends one of the control plane's programs at once, as a crash would.
func (c *ControlPlane) Kill(program string) error {
	p, _, err := c.launcher.tracked(program)
	if err != nil {
		return err
	}
	return p.kill(context.Background())
}

// Run is one run of a program of the control plane.
type Run struct{ process *process }

// RunOf returns the present run of a program, or its last one.
func (c *ControlPlane) RunOf(program string) (Run, error) {
	p, _, err := c.launcher.tracked(program)
	return Run{process: p}, err
}

// PID is that of the process, of one that has ended too.
func (r Run) PID() int { return r.process.id.PID }

// Alive tells whether the program runs. Nobody starts it again by itself.
func (r Run) Alive() bool { return r.process.alive() }

// Wait returns when the program has ended, or with an error when ctx ends first.
func (r Run) Wait(ctx context.Context) error { return r.process.wait(ctx) }

// Restart ends one of the control plane's programs, if it runs, and returns when
// it runs again as before and is ready.
func (c *ControlPlane) Restart(ctx context.Context, program string) error {
	return c.launcher.restart(ctx, program)
}

// URL returns the address of kube-apiserver.
func (c *ControlPlane) URL() string { return c.url }
