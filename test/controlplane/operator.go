// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"net"
	"strconv"
)

const (
	operatorProgram     = "vm-operator"
	operatorMetricsPort = "vm-operator/metrics"
	operatorHealthPort  = "vm-operator/health"

	standinProgram    = "vmoperator-standin"
	standinHealthPort = "vmoperator-standin"
)

// operator returns what reconciles the operator's kinds; ok is false for nothing.
func (c *ControlPlane) operator() (program component, ok bool) {
	switch c.options.Operator {
	case OperatorReal:
		return component{
			name:    operatorProgram,
			order:   orderOperator,
			ports:   []string{operatorMetricsPort, operatorHealthPort},
			prepare: c.prepareOperator,
		}, true
	case OperatorStandin:
		return component{
			name:    standinProgram,
			order:   orderOperator,
			ports:   []string{standinHealthPort},
			prepare: c.prepareStandin,
		}, true
	}
	return component{}, false
}

func (c *ControlPlane) prepareOperator() (command, probe, error) {
	kubeconfig, err := c.componentKubeconfig(operatorProgram, operatorProgram, adminGroup)
	if err != nil {
		return command{}, probe{}, err
	}
	metrics, err := c.launcher.ports.port(operatorMetricsPort)
	if err != nil {
		return command{}, probe{}, err
	}
	health, err := c.launcher.ports.port(operatorHealthPort)
	if err != nil {
		return command{}, probe{}, err
	}
	address := net.JoinHostPort(loopback, strconv.Itoa(health))
	cmd := c.command(operatorProgram, []string{
		"-metrics-bind-address=" + net.JoinHostPort(loopback, strconv.Itoa(metrics)),
		"-health-probe-bind-address=" + address,
		"-pprof-addr=",
		"-leader-elect=false",
		"-webhook.enable=false",
		// The definitions of these two are left out, see CRDsAll.
		"-controller.disableReconcileFor=VMDistributed,VLDistributed",
	})
	cmd.env = append(cmd.env,
		// It has no flag for this.
		"KUBECONFIG="+kubeconfig,
		// How often it looks while it waits; kwok's pods are ready at once.
		"VM_PODWAITREADYINTERVALCHECK=1s",
		"VM_PVC_WAIT_READY_INTERVAL=1s",
		"VM_WAIT_READY_INTERVAL=1s",
	)
	cmd.env = append(cmd.env, c.options.OperatorEnv...)
	cmd.inputs = []string{kubeconfig}
	return cmd, probe{URL: "http://" + address + "/ready"}, nil
}

func (c *ControlPlane) prepareStandin() (command, probe, error) {
	kubeconfig, err := c.componentKubeconfig(standinProgram, standinProgram, adminGroup)
	if err != nil {
		return command{}, probe{}, err
	}
	health, err := c.launcher.ports.port(standinHealthPort)
	if err != nil {
		return command{}, probe{}, err
	}
	address := net.JoinHostPort(loopback, strconv.Itoa(health))
	cmd := c.command(standinProgram, []string{"--kubeconfig=" + kubeconfig, "--health-address=" + address})
	cmd.env = append(cmd.env, c.options.OperatorEnv...)
	cmd.inputs = []string{kubeconfig}
	return cmd, probe{URL: "http://" + address + "/ready"}, nil
}
