// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// body is what runs for one VMCluster, VMAgent or VMAuth. Its methods are called
// under the lock of the DataPlane, and do not wait.
type body interface {
	// play makes the body what a spec says, as Pods.Play does.
	play(obj *unstructured.Unstructured, up bool) (ready bool, err error)
	// services says how the body is to be found.
	services() []service
	// replicas are those that there are.
	replicas() []*replica
	// remove wants nothing any more.
	remove()
}

// bodyKey names a body.
type bodyKey struct {
	kind, namespace, name string
}

func keyOf(obj *unstructured.Unstructured) bodyKey {
	return bodyKey{kind: obj.GetKind(), namespace: obj.GetNamespace(), name: obj.GetName()}
}

func (k bodyKey) String() string { return fmt.Sprintf("%s %s/%s", k.kind, k.namespace, k.name) }

// service is what a Service and its EndpointSlice are made from.
type service struct {
	name, namespace, program, owner, partOf string
	port                                    int32
	// headless Services have no address of their own.
	headless, publishNotReady bool
	pods                      []servicePod
}

// servicePod is one pod behind a Service.
type servicePod struct {
	name, address string
	// target is where the pod listens, in truth.
	target string
	ready  bool
}

// rolled is what the VMAgent's and the VMAuth's replicas have in common.
type rolled struct {
	plane *DataPlane
	key   bodyKey
	pods  []*replica
}

func (g *rolled) replicas() []*replica { return g.pods }

// scale starts or ends replicas until there are n of them.
func (g *rolled) scale(n int, name string, prepare func(*replica)) error {
	for len(g.pods) > n {
		last := g.pods[len(g.pods)-1]
		g.pods = g.pods[:len(g.pods)-1]
		g.plane.end(last)
	}
	for len(g.pods) < n {
		pod, err := g.plane.newReplica(g.key, fmt.Sprintf("%s-%d", name, len(g.pods)))
		if err != nil {
			return err
		}
		if prepare != nil {
			prepare(pod)
		}
		g.pods = append(g.pods, pod)
		g.plane.supervise(pod)
	}
	return nil
}

// roll makes the replicas run their programs one after the other, the next one
// only when those before it are ready, as a Deployment does. It tells whether all are.
func (g *rolled) roll(programs []*program) bool {
	for i, pod := range g.pods {
		pod.want(programs[i])
		if !pod.isReady(programs[i]) && pod.look().starts > 0 {
			return false
		}
	}
	return g.ready(programs)
}

func (g *rolled) ready(programs []*program) bool {
	for i, pod := range g.pods {
		if !pod.isReady(programs[i]) {
			return false
		}
	}
	return true
}

func (g *rolled) remove() {
	for _, pod := range g.pods {
		g.plane.end(pod)
	}
	g.pods = nil
}

// supervise runs a replica until it is ended.
func (d *DataPlane) supervise(pod *replica) {
	ctx, cancel := context.WithCancel(d.ctx)
	d.cancels[pod] = cancel
	d.running.Go(func() { pod.supervise(ctx) })
}

// end makes a replica end; Stop waits for it.
func (d *DataPlane) end(pod *replica) {
	if cancel, ok := d.cancels[pod]; ok {
		cancel()
		delete(d.cancels, pod)
	}
}
