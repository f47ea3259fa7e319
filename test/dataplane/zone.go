// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// clusterSpec is the part of a VMCluster's spec that a zone is made from.
type clusterSpec struct {
	RetentionPeriod string     `json:"retentionPeriod"`
	UseLegacyNaming bool       `json:"useLegacyNaming"`
	VMSelect        *component `json:"vmselect"`
	VMInsert        *component `json:"vminsert"`
	VMStorage       *component `json:"vmstorage"`
}

// zone runs a VMCluster: one process, with a front for each component.
type zone struct {
	plane *DataPlane
	key   bodyKey
	spec  clusterSpec
	pod   *replica
	parts []*zonePart
}

// zonePart is one component of a zone.
type zonePart struct {
	name, port      string
	publishNotReady bool
	of              func(*clusterSpec) *component
	front           *front
}

func newZone(d *DataPlane, key bodyKey) (*zone, error) {
	z := &zone{plane: d, key: key, parts: []*zonePart{
		{name: "vmselect", port: "8481", publishNotReady: true, of: func(s *clusterSpec) *component { return s.VMSelect }},
		{name: "vminsert", port: "8480", of: func(s *clusterSpec) *component { return s.VMInsert }},
		{name: "vmstorage", port: "8482", publishNotReady: true, of: func(s *clusterSpec) *component { return s.VMStorage }},
	}}
	var err error
	if z.pod, err = d.newReplica(key, "zone-"+key.name); err != nil {
		return nil, err
	}
	for _, part := range z.parts {
		port, err := d.freePort()
		if err != nil {
			return nil, err
		}
		part.front = newFront(port, z.pod.port)
		z.pod.fronts = append(z.pod.fronts, part.front)
	}
	d.supervise(z.pod)
	return z, nil
}

func (z *zone) play(obj *unstructured.Unstructured, up bool) (bool, error) {
	var spec clusterSpec
	if err := decodeSpec(obj, &spec); err != nil {
		return false, err
	}
	next, err := z.program(obj, spec)
	if err != nil {
		return false, err
	}
	if !up {
		z.pod.leave(next)
		return false, nil
	}
	z.spec = spec
	z.pod.want(next)
	return z.pod.isReady(next), nil
}

// program is the process of a zone. Whatever changes in the spec restarts it,
// except for the pause.
func (z *zone) program(obj *unstructured.Unstructured, spec clusterSpec) (*program, error) {
	settings, _, err := unstructured.NestedMap(obj.Object, "spec")
	if err != nil {
		return nil, err
	}
	settings = maps.Clone(settings)
	delete(settings, "paused")
	raw, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	args := []string{
		"-httpListenAddr=" + localAddress(z.pod.port),
		"-storageDataPath=" + filepath.Join(z.plane.dir(z.key), "data"),
		"-memory.allowedBytes=64MB",
		// vmagent's replicas send the same samples.
		"-dedup.minScrapeInterval=1ms",
		"-loggerTimezone=UTC",
	}
	if spec.RetentionPeriod != "" {
		args = append(args, "-retentionPeriod="+spec.RetentionPeriod)
	}
	for _, part := range z.parts {
		args = append(args, part.of(&spec).args(clusterOnly()...)...)
	}
	return &program{
		path: z.plane.options.program(clusterProgram), args: args, env: z.plane.environment(z.key),
		settings: string(raw), health: fmt.Sprintf("http://%s/health", localAddress(z.pod.port)),
	}, nil
}

// clusterOnly are flags of the cluster's components that the single node lacks
// or that are not the user's here.
func clusterOnly() []string {
	return []string{
		"storageNode", "selectNode", "replicationFactor", "clusternativeListenAddr", "dedup.minScrapeInterval",
		"httpListenAddr", "http.pathPrefix", "storageDataPath", "cacheDataPath",
	}
}

func (z *zone) services() []service {
	ready := z.pod.look().ready
	var all []service
	for _, part := range z.parts {
		c := part.of(&z.spec)
		if c == nil {
			continue
		}
		s := service{
			name: part.name + "-" + z.key.name, namespace: z.key.namespace, program: part.name, owner: z.key.name,
			partOf: "vmcluster", port: portNumber(c.portOr(part.port)),
			headless: part.publishNotReady, publishNotReady: part.publishNotReady,
		}
		if z.spec.UseLegacyNaming {
			s.name = z.key.name + "-" + part.name
		}
		for i := range c.replicas() {
			pod := fmt.Sprintf("%s-%d", s.name, i)
			s.pods = append(s.pods, servicePod{
				name: pod, address: z.plane.podAddress(z.key, pod), target: part.front.address, ready: ready,
			})
		}
		all = append(all, s)
	}
	return all
}

func (z *zone) replicas() []*replica { return []*replica{z.pod} }

func (z *zone) remove() { z.plane.end(z.pod) }
