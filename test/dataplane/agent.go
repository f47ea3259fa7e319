// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// agentSpec is the part of a VMAgent's spec that its replicas are made from.
type agentSpec struct {
	component
	UseLegacyNaming bool          `json:"useLegacyNaming"`
	ShardCount      int32         `json:"shardCount"`
	StatefulMode    bool          `json:"statefulMode"`
	RemoteWrite     []remoteWrite `json:"remoteWrite"`
	Settings        struct {
		MaxDiskUsagePerURL any               `json:"maxDiskUsagePerURL"`
		FlushInterval      string            `json:"flushInterval"`
		Queues             *int32            `json:"queues"`
		ShowURL            *bool             `json:"showURL"`
		MaxBlockSize       *int64            `json:"maxBlockSize"`
		Label              map[string]string `json:"label"`
		MultiTenant        bool              `json:"useMultiTenantMode"`
	} `json:"remoteWriteSettings"`
}

type remoteWrite struct {
	URL          string   `json:"url"`
	SendTimeout  string   `json:"sendTimeout"`
	MaxDiskUsage any      `json:"maxDiskUsage"`
	Queues       *int32   `json:"queues"`
	ProxyURL     string   `json:"proxyURL"`
	Headers      []string `json:"headers"`
	ForceVMProto bool     `json:"forceVMProto"`
}

// agent runs a VMAgent.
type agent struct {
	rolled
	spec agentSpec
}

func newAgent(d *DataPlane, key bodyKey) *agent {
	return &agent{rolled: rolled{plane: d, key: key}}
}

func (a *agent) serviceName() string {
	if a.spec.UseLegacyNaming {
		return a.key.name
	}
	return "vmagent-" + a.key.name
}

func (a *agent) play(obj *unstructured.Unstructured, up bool) (bool, error) {
	if !up {
		return false, nil // A rolling update leaves what runs.
	}
	var spec agentSpec
	if err := decodeSpec(obj, &spec); err != nil {
		return false, err
	}
	if spec.ShardCount > 1 {
		return false, errors.New("the data plane runs no shards: leave spec.shardCount out")
	}
	a.spec = spec
	if err := a.scale(spec.replicas(), a.serviceName(), nil); err != nil {
		return false, err
	}
	var programs []*program
	for _, pod := range a.pods {
		programs = append(programs, a.program(pod))
	}
	return a.roll(programs), nil
}

// program is what one replica runs. Its arguments are those that the operator
// makes (factory/vmagent/vmagent.go), as far as they do not read Secrets.
func (a *agent) program(pod *replica) *program {
	s := &a.spec
	args := []string{
		"-httpListenAddr=" + localAddress(pod.port),
		"-remoteWrite.tmpDataPath=" + filepath.Join(a.plane.dir(a.key), pod.name, "queue"),
		"-memory.allowedBytes=64MB",
	}
	for _, target := range s.RemoteWrite {
		args = append(args, "-remoteWrite.url="+target.URL)
	}
	args = append(args, s.flags()...)
	args = append(args, s.args("httpListenAddr", "remoteWrite.tmpDataPath")...)
	return &program{
		path: a.plane.options.program(agentProgram), args: args, settings: s.Image.Tag,
		env:    append(a.plane.environment(a.key), a.plane.proxy.Env()...),
		health: fmt.Sprintf("%s://%s%s/health", s.scheme(), localAddress(pod.port), s.prefix()),
	}
}

// flags are those for which some target of remote write has a value, with one
// value for each target.
func (s *agentSpec) flags() []string {
	byTarget := []struct {
		name, otherwise string
		value           func(remoteWrite) string
	}{
		{"remoteWrite.sendTimeout", "", func(t remoteWrite) string { return t.SendTimeout }},
		{"remoteWrite.proxyURL", "", func(t remoteWrite) string { return t.ProxyURL }},
		{"remoteWrite.headers", "", func(t remoteWrite) string { return strings.Join(t.Headers, "^^") }},
		{"remoteWrite.queues", number(s.Settings.Queues), func(t remoteWrite) string { return number(t.Queues) }},
		{"remoteWrite.maxDiskUsagePerURL", cmp.Or(text(s.Settings.MaxDiskUsagePerURL), "1073741824"), func(t remoteWrite) string { return text(t.MaxDiskUsage) }},
		{"remoteWrite.forceVMProto", "", func(t remoteWrite) string { return map[bool]string{true: "true"}[t.ForceVMProto] }},
	}
	var args []string
	for _, flag := range byTarget {
		values := make([]string, len(s.RemoteWrite))
		for i, target := range s.RemoteWrite {
			values[i] = cmp.Or(flag.value(target), flag.otherwise)
		}
		if slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
			args = append(args, "-"+flag.name+"="+strings.Join(values, ","))
		}
	}
	return append(args, s.settings()...)
}

func (s *agentSpec) settings() []string {
	var args []string
	if s.Settings.FlushInterval != "" {
		args = append(args, "-remoteWrite.flushInterval="+s.Settings.FlushInterval)
	}
	if s.Settings.ShowURL != nil {
		args = append(args, fmt.Sprintf("-remoteWrite.showURL=%t", *s.Settings.ShowURL))
	}
	if s.Settings.MaxBlockSize != nil {
		args = append(args, fmt.Sprintf("-remoteWrite.maxBlockSize=%d", *s.Settings.MaxBlockSize))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Settings.Label)) {
		args = append(args, "-remoteWrite.label="+name+"="+s.Settings.Label[name])
	}
	if s.Settings.MultiTenant {
		args = append(args, "-enableMultitenantHandlers=true")
	}
	return args
}

func number(n *int32) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(int(*n))
}

// text is a value that may be written as a text or as a number.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func (a *agent) services() []service {
	s := service{
		name: a.serviceName(), namespace: a.key.namespace, program: agentProgram, owner: a.key.name,
		port: portNumber(a.spec.portOr("8429")), headless: a.spec.StatefulMode,
	}
	return []service{a.withPods(s)}
}

// withPods adds the replicas to a Service.
func (g *rolled) withPods(s service) service {
	for _, pod := range g.pods {
		s.pods = append(s.pods, servicePod{
			name: pod.name, address: g.plane.podAddress(g.key, pod.name),
			target: localAddress(pod.port), ready: pod.look().ready,
		})
	}
	return s
}
