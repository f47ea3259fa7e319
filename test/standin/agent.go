// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"errors"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// agentSpec is the part of a VMAgent's spec that its workloads are made from.
type agentSpec struct {
	component
	UseLegacyNaming               bool                                 `json:"useLegacyNaming"`
	ManagedMetadata               metadata                             `json:"managedMetadata"`
	ShardCount                    int32                                `json:"shardCount"`
	StatefulMode                  bool                                 `json:"statefulMode"`
	DaemonSetMode                 bool                                 `json:"daemonSetMode"`
	StatefulRollingUpdateStrategy appsv1.StatefulSetUpdateStrategyType `json:"statefulRollingUpdateStrategy"`
}

// agentWorkloads returns what a VMAgent consists of: one workload, or one for
// each shard.
func agentWorkloads(agent *unstructured.Unstructured) ([]workload, error) {
	var spec agentSpec
	if err := decode(agent, "spec", &spec); err != nil {
		return nil, err
	}
	if spec.DaemonSetMode {
		return nil, errors.New("the stand-in does not play DaemonSets: set spec.daemonSetMode to false")
	}
	if spec.ShardCount <= 0 {
		w, err := spec.design(agent, "", nil).workload()
		return []workload{w}, err
	}
	var result []workload
	for shard := range spec.ShardCount {
		number := strconv.Itoa(int(shard))
		w, err := spec.design(agent, "-"+number, map[string]string{shardLabel: number}).workload()
		if err != nil {
			return nil, err
		}
		result = append(result, w)
	}
	return result, nil
}

func (s agentSpec) design(agent *unstructured.Unstructured, suffix string, selector map[string]string) design {
	c := s.component
	c.RollingUpdateStrategy = s.StatefulRollingUpdateStrategy
	name := "vmagent-" + agent.GetName()
	if s.UseLegacyNaming {
		name = agent.GetName()
	}
	return design{
		owner: agent, name: name + suffix, service: name, program: "vmagent", programLabel: "vmagent",
		selector: selector, managed: s.ManagedMetadata, component: c,
		settings: without(nested(agent.Object, "spec"), "paused", "replicaCount", "hpa", "managedMetadata"),
		stateful: s.StatefulMode, parallel: true,
	}
}

// agentStatus returns what the status of a VMAgent has beside that of others.
func agentStatus(agent *unstructured.Unstructured) (map[string]any, error) {
	var spec agentSpec
	if err := decode(agent, "spec", &spec); err != nil {
		return nil, fmt.Errorf("counting replicas: %w", err)
	}
	result := map[string]any{
		"selector": labels.SelectorFromSet(spec.design(agent, "", nil).commonLabels()).String(),
		"shards":   int64(max(spec.ShardCount, 1)),
	}
	// The operator counts what the spec asks for, not what it defaults to.
	if spec.ReplicaCount != nil && *spec.ReplicaCount != 0 {
		result["replicas"] = int64(*spec.ReplicaCount)
	}
	return result, nil
}
