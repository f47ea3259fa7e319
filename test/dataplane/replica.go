// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
)

const (
	// termGrace is how long a process may take to end by itself.
	termGrace = 20 * time.Second
	// restartDelay is the pause before a process that ended is started again.
	restartDelay = 200 * time.Millisecond
	// tick is how often a replica looks at what announces itself to nobody.
	tick = 20 * time.Millisecond
)

// replica is one pod: at most one process at a time, that is started, ended and
// started again until it is the one wanted. One goroutine owns the process.
type replica struct {
	name    string
	port    int
	log     string
	spawner spawn.Spawner
	// fronts are open while the process is ready.
	fronts []*front
	// config, if any, is the file that the process reloads.
	config *configFile
	// changed is called when state did.
	changed func()
	client  *http.Client

	wake  chan struct{}
	ended chan struct{}

	mu     sync.Mutex
	wanted *program
	held   bool
	state  replicaState
}

// replicaState is what others may know of a replica.
type replicaState struct {
	running *program
	process *os.Process
	ready   bool
	// starts counts the processes so far.
	starts int
}

// run is one process, known to the goroutine of its replica only.
type run struct {
	program *program
	cmd     *exec.Cmd
	log     spawn.Log
	exited  chan struct{}
}

func newReplica(name string, port int, log string, spawner spawn.Spawner, changed func()) *replica {
	// What is asked is on this machine, whatever the environment says, and
	// certificates of tests are nobody's.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true} //nolint:gosec // see above
	return &replica{
		name: name, port: port, log: log, spawner: spawner, changed: changed,
		client: &http.Client{Transport: transport, Timeout: time.Second},
		wake:   make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// want makes the replica run a program, or nothing.
func (r *replica) want(p *program) {
	r.mu.Lock()
	same := r.wanted.sameAs(p)
	r.wanted = p
	r.mu.Unlock()
	if !same {
		r.nudge()
	}
}

// leave makes the replica run nothing, if what it is to run is not this program.
func (r *replica) leave(p *program) {
	r.mu.Lock()
	other := !r.wanted.sameAs(p)
	r.mu.Unlock()
	if other {
		r.want(nil)
	}
}

// hold keeps the replica from starting processes, or lets go of it.
func (r *replica) hold(held bool) {
	r.mu.Lock()
	r.held = held
	r.mu.Unlock()
	r.nudge()
}

func (r *replica) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *replica) look() replicaState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// isReady tells whether the replica runs this program and is ready.
func (r *replica) isReady(p *program) bool {
	state := r.look()
	return state.ready && state.running.sameAs(p)
}

// kill ends the current process at once, as a crash would.
func (r *replica) kill() error {
	process := r.look().process
	if process == nil {
		return fmt.Errorf("killing %s: no process of it runs", r.name)
	}
	if err := process.Kill(); err != nil {
		return fmt.Errorf("killing %s (pid %d): %w", r.name, process.Pid, err)
	}
	return nil
}

// supervise works until the context ends, and ends the process then.
func (r *replica) supervise(ctx context.Context) {
	defer close(r.ended)
	var current *run
	for ctx.Err() == nil {
		current = r.step(ctx, current)
		r.pause(ctx, current)
	}
	if current != nil {
		r.stop(ctx, current)
	}
}

// step brings the replica one step nearer to what is wanted.
func (r *replica) step(ctx context.Context, current *run) *run {
	r.mu.Lock()
	wanted := r.wanted
	if r.held && current == nil {
		wanted = nil
	}
	r.mu.Unlock()
	switch {
	case current != nil && current.gone():
		klog.FromContext(ctx).Info("A process has ended by itself", "pod", r.name, "log", current.log.Path)
		r.closeFronts()
		r.collected()
		return nil
	case current != nil && !current.program.sameAs(wanted):
		r.stop(ctx, current)
		return nil
	case current == nil && wanted != nil:
		return r.start(ctx, wanted)
	case current != nil:
		r.attend(ctx, current)
	}
	return current
}

// pause waits until there may be something to do.
func (r *replica) pause(ctx context.Context, current *run) {
	var again <-chan time.Time
	var exited chan struct{}
	state := r.look()
	r.mu.Lock()
	idle := r.wanted == nil || r.held
	r.mu.Unlock()
	switch {
	case current == nil && !idle:
		again = time.After(restartDelay)
	case current != nil:
		exited = current.exited
		if !state.ready || r.config.due() {
			again = time.After(tick)
		}
	}
	select {
	case <-ctx.Done():
	case <-r.wake:
	case <-exited:
	case <-again:
	}
}

func (c *run) gone() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// start starts a process; that it fails is as good as its ending at once.
func (r *replica) start(ctx context.Context, p *program) *run {
	current, err := r.launch(p)
	r.mu.Lock()
	r.state.starts++
	if err == nil {
		r.state.running, r.state.process = p, current.cmd.Process
	}
	r.mu.Unlock()
	if err != nil {
		klog.FromContext(ctx).Error(err, "A process could not be started", "pod", r.name)
		return nil
	}
	go func() {
		// How it ended is in its log, or was wanted.
		_ = current.cmd.Wait()
		close(current.exited)
	}()
	return current
}

func (r *replica) launch(p *program) (*run, error) {
	if err := r.config.renew(); err != nil {
		return nil, err
	}
	log, file, err := spawn.OpenLog(r.log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// Not exec.CommandContext: the process is ended by asking it.
	cmd := exec.Command(p.path, p.args...) //nolint:noctx // see above
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, file, file
	if err := r.spawner.Spawn(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", r.name, err)
	}
	return &run{program: p, cmd: cmd, log: log, exited: make(chan struct{})}, nil
}

// attend looks after a process that runs as wanted.
func (r *replica) attend(ctx context.Context, current *run) {
	if !r.look().ready {
		if !r.answers(ctx, current.program.health) || current.gone() {
			return
		}
		for _, f := range r.fronts {
			if err := f.open(ctx); err != nil {
				klog.FromContext(ctx).Error(err, "A front does not open", "pod", r.name)
				return
			}
		}
		r.set(func(s *replicaState) { s.ready = true })
	}
	if r.config.deliver(ctx, reloadable{current.cmd.Process, r.client, current.program.metrics}) {
		r.changed()
	}
}

func (r *replica) answers(ctx context.Context, address string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	response, err := r.client.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// stop asks a process to end, insists after a while, and returns when it has
// ended. From the first moment on, nothing new gets to it.
func (r *replica) stop(ctx context.Context, current *run) {
	r.set(func(s *replicaState) { s.ready = false })
	var closing sync.WaitGroup
	closing.Go(r.closeFronts)
	if err := current.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		klog.FromContext(ctx).Error(err, "A process cannot be asked to end", "pod", r.name)
	}
	select {
	case <-current.exited:
	case <-time.After(termGrace):
		klog.FromContext(ctx).Info("A process does not end when asked and is killed", "pod", r.name, "log", current.log.Path)
		_ = current.cmd.Process.Kill()
		<-current.exited
	}
	closing.Wait()
	r.collected()
}

// closeFronts closes all fronts and returns when they have finished.
func (r *replica) closeFronts() {
	var closing sync.WaitGroup
	for _, f := range r.fronts {
		closing.Go(f.close)
	}
	closing.Wait()
}

// collected notes that no process is left.
func (r *replica) collected() {
	r.set(func(s *replicaState) { s.running, s.process, s.ready = nil, nil, false })
}

func (r *replica) set(change func(*replicaState)) {
	r.mu.Lock()
	before := r.state
	change(&r.state)
	different := before != r.state
	r.mu.Unlock()
	if different {
		r.changed()
	}
}
