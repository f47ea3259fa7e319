// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

const schedulerProgram = "kube-scheduler"

func (c *ControlPlane) scheduler() component {
	return component{
		name:    schedulerProgram,
		order:   orderController,
		ports:   []string{schedulerProgram},
		prepare: c.prepareScheduler,
	}
}

func (c *ControlPlane) prepareScheduler() (command, probe, error) {
	return c.prepareController(schedulerProgram, "system:kube-scheduler", "/readyz")
}
