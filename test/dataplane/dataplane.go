// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// DataPlane runs what the operator's objects of one API server ask for.
type DataPlane struct {
	options  Options
	ctx      context.Context // ends with Stop
	cancel   context.CancelFunc
	spawner  *spawn.Attached
	proxy    *Proxy
	operator *standin.Operator
	publish  *publisher

	// running are the goroutines of replicas, working those of everything else.
	running, working sync.WaitGroup
	// ended is closed when the operator has ended, and failure is why, if not
	// because of Stop.
	ended   chan struct{}
	failure error

	mu        sync.Mutex
	bodies    map[bodyKey]body
	cancels   map[*replica]context.CancelFunc
	ports     map[int]bool
	addresses map[string]string
}

// Start returns with the operator at work on the objects there are. End the data
// plane, and everything that it has started, with Stop.
func Start(ctx context.Context, config *rest.Config, options Options) (*DataPlane, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	d := &DataPlane{
		options: options, spawner: spawn.NewAttached(), ended: make(chan struct{}),
		bodies: map[bodyKey]body{}, cancels: map[*replica]context.CancelFunc{},
		ports: map[int]bool{}, addresses: map[string]string{},
	}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := d.start(ctx, config); err != nil {
		return nil, errors.Join(err, d.Stop())
	}
	return d, nil
}

func (d *DataPlane) start(ctx context.Context, config *rest.Config) error {
	var err error
	if d.proxy, err = startProxy(d.ctx, d.options.ProxyAddress); err != nil {
		return fmt.Errorf("starting the proxy: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client for %s: %w", config.Host, err)
	}
	d.publish = newPublisher(client, d.proxy, d.services)
	d.operator, err = standin.New(config, standin.Options{Lag: d.options.Lag, Behaviour: d.options.Behaviour, Pods: pods{d}})
	if err != nil {
		return err
	}
	d.working.Go(func() { d.publish.run(d.ctx) })
	d.working.Go(func() {
		defer close(d.ended)
		d.failure = d.operator.Run(d.ctx)
	})
	select {
	case <-d.operator.Ready():
		return nil
	case <-d.ended:
		return d.failure
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop ends everything and returns when it has ended. It is bounded: a process
// that does not end when asked is killed.
func (d *DataPlane) Stop() error {
	d.cancel()
	d.working.Wait()
	d.running.Wait()
	d.spawner.Close()
	if d.proxy == nil {
		return d.failure
	}
	return errors.Join(d.failure, d.proxy.stop())
}

// Ended is closed once nothing is done for the operator's objects any more; Stop
// says why.
func (d *DataPlane) Ended() <-chan struct{} { return d.ended }

// Proxy returns the forward proxy by which the addresses of pods are reached.
func (d *DataPlane) Proxy() *Proxy { return d.proxy }

// Reconsider makes the operator look at every object again; call it when
// Options.Behaviour answers otherwise.
func (d *DataPlane) Reconsider() { d.operator.Reconsider() }

// poke is called when something happened to a replica. It does not block.
func (d *DataPlane) poke() {
	d.operator.Reconsider()
	d.publish.nudge()
}

// body returns what runs for an object, making it if needed.
func (d *DataPlane) body(key bodyKey) (body, error) {
	if b, ok := d.bodies[key]; ok {
		return b, nil
	}
	var b body
	var err error
	switch key.kind {
	case "VMCluster":
		b, err = newZone(d, key)
	case "VMAgent":
		b = newAgent(d, key)
	case "VMAuth":
		b = newAuth(d, key)
	default:
		return nil, fmt.Errorf("the data plane does not run a %s", key.kind)
	}
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", key, err)
	}
	d.bodies[key] = b
	return b, nil
}

// services returns what is to be published now.
func (d *DataPlane) services() []service {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []service
	for _, b := range d.bodies {
		all = append(all, b.services()...)
	}
	return all
}

// newReplica makes a pod of an object, with a port that stays its own.
func (d *DataPlane) newReplica(key bodyKey, name string) (*replica, error) {
	port, err := d.freePort()
	if err != nil {
		return nil, err
	}
	return newReplica(name, port, filepath.Join(d.dir(key), name+".log"), d.spawner, d.poke), nil
}

func (d *DataPlane) freePort() (int, error) {
	port, err := spawn.FreePort(d.ports)
	if err != nil {
		return 0, err
	}
	d.ports[port] = true
	return port, nil
}

// dir is where everything of an object is written.
func (d *DataPlane) dir(key bodyKey) string {
	return filepath.Join(d.options.Dir, key.namespace, key.kind+"-"+key.name)
}

// environment is what processes see: nothing of the caller's.
func (d *DataPlane) environment(key bodyKey) []string {
	return []string{"PATH=/usr/bin:/bin", "HOME=" + d.dir(key), "TMPDIR=" + d.dir(key), "GOMAXPROCS=2"}
}

// podAddress returns the address of a pod in TEST-NET-1 to 3 (RFC 5737), which
// stays its own.
func (d *DataPlane) podAddress(key bodyKey, pod string) string {
	id := key.String() + "/" + pod
	if address, ok := d.addresses[id]; ok {
		return address
	}
	nets := []string{"192.0.2.", "198.51.100.", "203.0.113."}
	n := len(d.addresses)
	d.addresses[id] = nets[n/254%len(nets)] + strconv.Itoa(n%254+1)
	return d.addresses[id]
}

// portNumber reads a port; the schema of the operator's kinds takes any text.
func portNumber(port string) int32 {
	n, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

// pods is the DataPlane as the operator sees it.
type pods struct{ plane *DataPlane }

// Play makes what runs for an object what its spec says.
func (p pods) Play(_ context.Context, obj *unstructured.Unstructured, up bool) (bool, error) {
	d := p.plane
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.body(keyOf(obj))
	if err != nil {
		return false, err
	}
	defer d.publish.nudge()
	return b.play(obj, up)
}

// Remove ends what runs for an object.
func (p pods) Remove(_ context.Context, obj *unstructured.Unstructured) error {
	d := p.plane
	d.mu.Lock()
	defer d.mu.Unlock()
	if b, ok := d.bodies[keyOf(obj)]; ok {
		b.remove()
		delete(d.bodies, keyOf(obj))
		d.publish.nudge()
	}
	return nil
}

// Serve puts a VMUser into the configuration of a VMAuth.
func (p pods) Serve(_ context.Context, authObject, user *unstructured.Unstructured, problem string) (bool, error) {
	return p.configure(authObject, user, problem == "")
}

// Withdraw takes a VMUser out of it.
func (p pods) Withdraw(_ context.Context, authObject, user *unstructured.Unstructured) error {
	_, err := p.configure(authObject, user, false)
	return err
}

func (p pods) configure(authObject, user *unstructured.Unstructured, put bool) (bool, error) {
	p.plane.mu.Lock()
	defer p.plane.mu.Unlock()
	b, err := p.plane.body(keyOf(authObject))
	if err != nil {
		return false, err
	}
	a, ok := b.(*auth)
	if !ok {
		return false, fmt.Errorf("%s is no VMAuth", keyOf(authObject))
	}
	return a.serve(user, put)
}
