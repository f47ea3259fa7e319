// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
)

// component is what workloads are made from: the part of a spec that the
// components of a VMCluster, VMAgent and VMAuth have in common.
type component struct {
	ReplicaCount *int32 `json:"replicaCount"`
	HPA          *struct {
		MinReplicas *int32 `json:"minReplicas"`
	} `json:"hpa"`
	Image struct {
		Repository string `json:"repository"`
		Tag        string `json:"tag"`
	} `json:"image"`
	ComponentVersion string            `json:"componentVersion"`
	ExtraArgs        map[string]string `json:"extraArgs"`
	PodMetadata      metadata          `json:"podMetadata"`
	MinReadySeconds  int32             `json:"minReadySeconds"`

	// RollingUpdateStrategy is that of a StatefulSet, the two others are those
	// of a Deployment.
	RollingUpdateStrategy appsv1.StatefulSetUpdateStrategyType `json:"rollingUpdateStrategy"`
	UpdateStrategy        appsv1.DeploymentStrategyType        `json:"updateStrategy"`
	RollingUpdate         *appsv1.RollingUpdateDeployment      `json:"rollingUpdate"`
}

// metadata is that of objects which are made on behalf of another one.
type metadata struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// replicas is how many pods the component wants. Under an autoscaler it is the
// least number, since none is there to ask for more.
func (c component) replicas() int32 {
	switch {
	case c.HPA != nil && c.HPA.MinReplicas != nil:
		return *c.HPA.MinReplicas
	case c.ReplicaCount != nil:
		return *c.ReplicaCount
	}
	return 1
}

// image returns what the pods run; version is the one of the whole cluster.
func (c component) image(program, version string) string {
	repository, tag := c.Image.Repository, c.Image.Tag
	if repository == "" {
		repository = "victoriametrics/" + program
	}
	for _, candidate := range []string{c.ComponentVersion, version, "stand-in"} {
		if tag == "" {
			tag = candidate
		}
	}
	return repository + ":" + tag
}

func (c component) args() []string {
	var args []string
	for name, value := range c.ExtraArgs {
		args = append(args, fmt.Sprintf("-%s=%s", name, value))
	}
	slices.Sort(args)
	return args
}

func (c component) statefulSetStrategy() appsv1.StatefulSetUpdateStrategyType {
	if c.RollingUpdateStrategy == "" {
		return appsv1.OnDeleteStatefulSetStrategyType
	}
	return c.RollingUpdateStrategy
}

// podManagementPolicy follows the update strategy, unlike the default of the
// API server.
func (c component) podManagementPolicy() appsv1.PodManagementPolicyType {
	if c.MinReadySeconds > 0 || c.statefulSetStrategy() == appsv1.RollingUpdateStatefulSetStrategyType {
		return appsv1.OrderedReadyPodManagement
	}
	return appsv1.ParallelPodManagement
}

func (c component) deploymentStrategy() appsv1.DeploymentStrategyType {
	if c.UpdateStrategy == "" {
		return appsv1.RollingUpdateDeploymentStrategyType
	}
	return c.UpdateStrategy
}
