// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	clusterProgram = "victoria-metrics"
	agentProgram   = "vmagent"
	authProgram    = "vmauth"
)

// component is the part of a spec that the components of a VMCluster, VMAgent
// and VMAuth have in common.
type component struct {
	ReplicaCount *int32            `json:"replicaCount"`
	Port         string            `json:"port"`
	ExtraArgs    map[string]string `json:"extraArgs"`
	Image        struct {
		Tag string `json:"tag"`
	} `json:"image"`
}

func (c *component) replicas() int {
	switch {
	case c == nil:
		return 0
	case c.ReplicaCount == nil:
		return 1
	}
	return int(*c.ReplicaCount)
}

// portOr returns the port of the pods, or what the operator takes by default
// (internal/config/config.go).
func (c *component) portOr(byDefault string) string {
	if c.Port != "" {
		return c.Port
	}
	return byDefault
}

// args returns the extra arguments, but for those that are not the user's here.
func (c *component) args(without ...string) []string {
	if c == nil {
		return nil
	}
	var args []string
	for _, name := range slices.Sorted(maps.Keys(c.ExtraArgs)) {
		if !slices.Contains(without, name) {
			args = append(args, "-"+name+"="+c.ExtraArgs[name])
		}
	}
	return args
}

// scheme and prefix are how the pages of the component are addressed.
func (c *component) scheme() string {
	if c.ExtraArgs["tls"] == "true" {
		return "https"
	}
	return "http"
}

func (c *component) prefix() string { return c.ExtraArgs["http.pathPrefix"] }

// decodeSpec reads the spec of an object into a type that knows a part of it.
func decodeSpec(obj *unstructured.Unstructured, into any) error {
	raw, err := json.Marshal(obj.Object["spec"])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("reading the spec of %s %s/%s: %w", obj.GetKind(), obj.GetNamespace(), obj.GetName(), err)
	}
	return nil
}
