// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"net"
	"strconv"

	"github.com/vmdistributed/vmdistributed-apiserver/test/responders"
	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
)

const (
	// OperatorProgram is what OperatorReal runs.
	OperatorProgram = "vm-operator"

	operatorMetricsPort = "vm-operator/metrics"
	operatorHealthPort  = "vm-operator/health"

	standinProgram    = "vmoperator-standin"
	standinHealthPort = "vmoperator-standin"

	dataplaneProgram    = "vmoperator-dataplane"
	dataplaneHealthPort = "vmoperator-dataplane/health"
	dataplaneProxyPort  = "vmoperator-dataplane/proxy"

	respondersProgram = "pod-responders"
	respondersPort    = respondersProgram
)

// operator returns what reconciles the operator's kinds; ok is false for nothing.
func (c *ControlPlane) operator() (program component, ok bool) {
	switch c.options.Operator {
	case OperatorReal:
		return component{
			name:    OperatorProgram,
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
	case OperatorDataPlane:
		return component{
			name:    dataplaneProgram,
			order:   orderOperator,
			ports:   []string{dataplaneHealthPort, dataplaneProxyPort},
			prepare: c.prepareDataPlane,
		}, true
	}
	return component{}, false
}

func (c *ControlPlane) prepareOperator() (command, probe, error) {
	kubeconfig, err := c.componentKubeconfig(OperatorProgram, OperatorProgram, adminGroup)
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
	cmd := c.command(OperatorProgram, []string{
		"-metrics-bind-address=" + net.JoinHostPort(loopback, strconv.Itoa(metrics)),
		"-health-probe-bind-address=" + address,
		"-pprof-addr=",
		"-leader-elect=false",
		"-webhook.enable=false",
	})
	if !c.options.OperatorReconcilesAll {
		// The definitions of these two are left out, see CRDsAll, or hidden by ours.
		cmd.args = append(cmd.args, "-controller.disableReconcileFor=VMDistributed,VLDistributed")
	}
	cmd.env = append(cmd.env,
		// It has no flag for this.
		"KUBECONFIG="+kubeconfig,
		// How often it looks while it waits; kwok's pods are ready at once.
		"VM_PODWAITREADYINTERVALCHECK=1s",
		"VM_PVC_WAIT_READY_INTERVAL=1s",
		"VM_WAIT_READY_INTERVAL=1s",
	)
	proxy, err := c.proxyEnv() // it asks config-reloaders what they have loaded
	if err != nil {
		return command{}, probe{}, err
	}
	cmd.env = append(append(cmd.env, proxy...), c.options.OperatorEnv...)
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

func (c *ControlPlane) prepareDataPlane() (command, probe, error) {
	kubeconfig, err := c.componentKubeconfig(dataplaneProgram, dataplaneProgram, adminGroup)
	if err != nil {
		return command{}, probe{}, err
	}
	health, err := c.launcher.ports.port(dataplaneHealthPort)
	if err != nil {
		return command{}, probe{}, err
	}
	proxy, err := c.launcher.ports.port(dataplaneProxyPort)
	if err != nil {
		return command{}, probe{}, err
	}
	address := net.JoinHostPort(loopback, strconv.Itoa(health))
	cmd := c.command(dataplaneProgram, []string{
		"--kubeconfig=" + kubeconfig,
		"--health-address=" + address,
		"--proxy-address=" + net.JoinHostPort(loopback, strconv.Itoa(proxy)),
		"--dir=" + c.layout.data(dataplaneProgram),
		"--bin-dir=" + c.layout.bin,
	})
	cmd.env = append(cmd.env, c.options.OperatorEnv...)
	cmd.inputs = []string{kubeconfig}
	return cmd, probe{URL: "http://" + address + "/ready"}, nil
}

// responders answer for the pods of kwok, in which nothing runs.
func (c *ControlPlane) responders() component {
	return component{
		name:    respondersProgram,
		order:   orderResponders,
		ports:   []string{respondersPort},
		prepare: c.prepareResponders,
	}
}

func (c *ControlPlane) prepareResponders() (command, probe, error) {
	kubeconfig, err := c.componentKubeconfig(respondersProgram, respondersProgram, adminGroup)
	if err != nil {
		return command{}, probe{}, err
	}
	port, err := c.launcher.ports.port(respondersPort)
	if err != nil {
		return command{}, probe{}, err
	}
	address := net.JoinHostPort(loopback, strconv.Itoa(port))
	cmd := c.command(respondersProgram, []string{"--kubeconfig=" + kubeconfig, "--address=" + address})
	cmd.inputs = []string{kubeconfig}
	return cmd, probe{URL: "http://" + address + responders.ReadyPath}, nil
}

// ProxyURL is the address of the forward proxy by which pods are reached, those of
// OperatorDataPlane, whose Services it knows too, or those that Options.Responders
// answer for; "" without one.
func (c *ControlPlane) ProxyURL() (string, error) {
	key := ""
	switch {
	case c.options.Operator == OperatorDataPlane:
		key = dataplaneProxyPort
	case c.options.Responders:
		key = respondersPort
	default:
		return "", nil
	}
	port, err := c.launcher.ports.port(key)
	if err != nil {
		return "", err
	}
	return "http://" + net.JoinHostPort(loopback, strconv.Itoa(port)), nil
}

// proxyEnv makes a program reach pods that are played.
func (c *ControlPlane) proxyEnv() ([]string, error) {
	proxy, err := c.ProxyURL()
	if err != nil || proxy == "" {
		return nil, err
	}
	return spawn.ProxyEnv(proxy), nil
}
