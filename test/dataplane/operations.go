// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"fmt"
	"slices"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
)

// AgentURLs returns the addresses at which the replicas of a VMAgent listen on
// this machine, in their order.
func (d *DataPlane) AgentURLs(namespace, name string) []string {
	return d.urls(bodyKey{kind: "VMAgent", namespace: namespace, name: name})
}

// AuthURLs returns those of the replicas of a VMAuth.
func (d *DataPlane) AuthURLs(namespace, name string) []string {
	return d.urls(bodyKey{kind: "VMAuth", namespace: namespace, name: name})
}

// ZoneURL returns the address at which the process of a VMCluster listens,
// beside its fronts; "" if the VMCluster is unknown.
func (d *DataPlane) ZoneURL(namespace, name string) string {
	for _, url := range d.urls(bodyKey{kind: "VMCluster", namespace: namespace, name: name}) {
		return url
	}
	return ""
}

func (d *DataPlane) urls(key bodyKey) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, ok := d.bodies[key]
	if !ok {
		return nil
	}
	var urls []string
	for _, pod := range b.replicas() {
		urls = append(urls, "http://"+localAddress(pod.port))
	}
	return urls
}

// AgentPod names the process of a replica of a VMAgent for the methods that
// follow, AuthPod that of a VMAuth, ZonePod that of a VMCluster.
func AgentPod(name string, replica int) string { return fmt.Sprintf("vmagent-%s-%d", name, replica) }

// AuthPod names a replica of a VMAuth, see AgentPod.
func AuthPod(name string, replica int) string { return fmt.Sprintf("vmauth-%s-%d", name, replica) }

// ZonePod names the process of a VMCluster, see AgentPod.
func ZonePod(name string) string { return "zone-" + name }

// Kill ends a process at once, as a crash would. It is started again.
func (d *DataPlane) Kill(namespace, pod string) error {
	r, err := d.find(namespace, pod)
	if err != nil {
		return err
	}
	return r.kill()
}

// Hold keeps a pod from starting its process again, once that has ended, until
// it is called with false.
func (d *DataPlane) Hold(namespace, pod string, held bool) error {
	r, err := d.find(namespace, pod)
	if err != nil {
		return err
	}
	r.hold(held)
	return nil
}

// Starts returns how many processes a pod has started so far, and whether the
// current one is ready.
func (d *DataPlane) Starts(namespace, pod string) (starts int, ready bool, err error) {
	r, err := d.find(namespace, pod)
	if err != nil {
		return 0, false, err
	}
	state := r.look()
	return state.starts, state.ready, nil
}

// LogOf returns the last lines that the processes of a pod have written.
func (d *DataPlane) LogOf(namespace, pod string, lines int) (string, error) {
	r, err := d.find(namespace, pod)
	if err != nil {
		return "", err
	}
	return spawn.Log{Path: r.log}.Tail(lines), nil
}

// DelayReloads sets how long a change of the configuration takes to reach a
// replica of a VMAuth, which need not exist yet.
func (d *DataPlane) DelayReloads(namespace, name string, replica int, delay time.Duration) error {
	return d.delayReloads(namespace, name, replica, reloadDelay{delay: delay})
}

// HoldReloads keeps changes from a replica of a VMAuth until DelayReloads is
// called for it.
func (d *DataPlane) HoldReloads(namespace, name string, replica int) error {
	return d.delayReloads(namespace, name, replica, reloadDelay{held: true})
}

func (d *DataPlane) delayReloads(namespace, name string, replica int, delay reloadDelay) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.body(bodyKey{kind: "VMAuth", namespace: namespace, name: name})
	if err != nil {
		return err
	}
	b.(*auth).delay(replica, delay)
	return nil
}

// Settled tells whether every replica of a VMAuth has loaded what it is to have
// by now, and counts that among its metrics: vmauth serves a configuration a
// moment before it counts it.
func (d *DataPlane) Settled(namespace, name string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.body(bodyKey{kind: "VMAuth", namespace: namespace, name: name})
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(b.replicas(), func(pod *replica) bool { return pod.config.due() }), nil
}

func (d *DataPlane) find(namespace, pod string) (*replica, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, b := range d.bodies {
		for _, r := range b.replicas() {
			if key.namespace == namespace && r.name == pod {
				return r, nil
			}
		}
	}
	return nil, fmt.Errorf("no pod %s runs in namespace %s", pod, namespace)
}
