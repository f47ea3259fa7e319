// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"fmt"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// authSpec is the part of a VMAuth's spec that its replicas are made from.
type authSpec struct {
	component
	UseLegacyNaming   bool             `json:"useLegacyNaming"`
	DefaultTargetRefs []map[string]any `json:"defaultTargetRefs"`
	// WaitForConfigReload makes a VMUser applied once all replicas have loaded
	// it, and not once it is written.
	WaitForConfigReload bool `json:"waitForConfigReload"`
}

// auth runs a VMAuth.
type auth struct {
	rolled
	spec authSpec
	// users are those in the configuration, by namespace/name.
	users map[string]*unstructured.Unstructured
	// delays are those that differ from the options', by replica.
	delays map[int]reloadDelay
}

type reloadDelay struct {
	delay time.Duration
	held  bool
}

func newAuth(d *DataPlane, key bodyKey) *auth {
	return &auth{
		rolled: rolled{plane: d, key: key},
		users:  map[string]*unstructured.Unstructured{}, delays: map[int]reloadDelay{},
	}
}

func (a *auth) serviceName() string {
	if a.spec.UseLegacyNaming {
		return a.key.name
	}
	return "vmauth-" + a.key.name
}

func (a *auth) play(obj *unstructured.Unstructured, up bool) (bool, error) {
	if !up {
		return false, nil // A rolling update leaves what runs.
	}
	var spec authSpec
	if err := decodeSpec(obj, &spec); err != nil {
		return false, err
	}
	a.spec = spec
	if err := a.scale(spec.replicas(), a.serviceName(), a.prepare); err != nil {
		return false, err
	}
	if _, err := a.configure(); err != nil {
		return false, err
	}
	var programs []*program
	for _, pod := range a.pods {
		programs = append(programs, a.program(pod))
	}
	return a.roll(programs), nil
}

// prepare gives a new replica its configuration.
func (a *auth) prepare(pod *replica) {
	pod.config = &configFile{
		path:  filepath.Join(a.plane.dir(a.key), pod.name, "auth.yaml"),
		delay: a.plane.options.ReloadDelay,
	}
	if own, ok := a.delays[len(a.pods)]; ok {
		pod.config.delayBy(own.delay, own.held)
	}
}

func (a *auth) page(pod *replica, path string) string {
	return fmt.Sprintf("%s://%s%s%s", a.spec.scheme(), localAddress(pod.port), a.spec.prefix(), path)
}

func (a *auth) program(pod *replica) *program {
	return &program{
		path: a.plane.options.program(authProgram),
		args: append([]string{
			"-httpListenAddr=" + localAddress(pod.port),
			"-auth.config=" + pod.config.path,
		}, a.spec.args("httpListenAddr", "auth.config")...),
		env: a.plane.environment(a.key), settings: a.spec.Image.Tag,
		health: a.page(pod, "/health"), metrics: a.page(pod, "/metrics"),
	}
}

// serve puts a VMUser into the configuration, or takes it out with put false,
// and tells whether the VMUser is to be reported as applied.
func (a *auth) serve(user *unstructured.Unstructured, put bool) (applied bool, err error) {
	name := user.GetNamespace() + "/" + user.GetName()
	if put {
		a.users[name] = user.DeepCopy()
	} else {
		delete(a.users, name)
	}
	content, err := a.configure()
	if err != nil {
		return false, err
	}
	for _, pod := range a.pods {
		if a.spec.WaitForConfigReload && !pod.config.hasLoaded(content) {
			return false, nil
		}
	}
	return true, nil
}

// configure makes all replicas want the configuration as it is to be now.
func (a *auth) configure() ([]byte, error) {
	sections := []map[string]any{}
	for _, name := range sortedKeys(a.users) {
		section, err := a.plane.routesOf(a.users[name], a.spec.DefaultTargetRefs)
		if err != nil {
			return nil, fmt.Errorf("making the routes of VMUser %s for %s: %w", name, a.key, err)
		}
		sections = append(sections, section)
	}
	content, err := yaml.Marshal(map[string]any{"users": sections})
	if err != nil {
		return nil, err
	}
	for _, pod := range a.pods {
		pod.config.want(content)
		pod.nudge()
	}
	return content, nil
}

// delay changes how long a configuration takes to reach a replica.
func (a *auth) delay(replica int, d reloadDelay) {
	a.delays[replica] = d
	if replica < len(a.pods) {
		a.pods[replica].config.delayBy(d.delay, d.held)
		a.pods[replica].nudge()
	}
}

func (a *auth) services() []service {
	return []service{a.withPods(service{
		name: a.serviceName(), namespace: a.key.namespace, program: authProgram, owner: a.key.name,
		port: portNumber(a.spec.portOr("8427")),
	})}
}
