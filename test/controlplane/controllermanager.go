// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"strconv"
	"strings"
)

const controllerManagerProgram = "kube-controller-manager"

func (c *ControlPlane) controllerManager() component {
	return component{
		name:    controllerManagerProgram,
		order:   orderController,
		ports:   []string{controllerManagerProgram},
		prepare: c.prepareControllerManager,
	}
}

func (c *ControlPlane) prepareControllerManager() (command, probe, error) {
	controllers := strings.Join(c.controllers(), ",")
	return c.prepareController(controllerManagerProgram, "system:kube-controller-manager", "/healthz", append([]string{
		"--controllers=" + controllers,
		// One identity for each controller, with the rights of that one.
		"--use-service-account-credentials",
		"--service-account-private-key-file=" + c.pki.serviceAccountKey(),
		"--root-ca-file=" + c.pki.cert("ca"),
		// Nodes become usable when this looks at them, and stay usable while a
		// slow or sleeping machine forgets to play their heartbeats.
		"--node-monitor-period=1s",
		"--node-monitor-grace-period=10m",
		// The built-in limits are made for a shared API server.
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	}, c.options.ControllerManagerArgs...)...)
}

// controllers returns the value of --controllers.
func (c *ControlPlane) controllers() []string {
	list := []string{
		"*",
		// kwok plays the volumes; nothing is attached to its nodes, and the
		// prober of these two would make a directory outside of ours.
		"-persistentvolume-attach-detach-controller",
		"-persistentvolume-expander-controller",
	}
	if c.options.Operator == OperatorStandin || c.options.Operator == OperatorDataPlane {
		// The stand-in or the data plane decides when pods come and become ready.
		list = append(list, "-statefulset-controller", "-deployment-controller", "-replicaset-controller")
	}
	return list
}

// prepareController prepares a program of the kind that kube-controller-manager
// and kube-scheduler are: a client of the API server that serves its health.
func (c *ControlPlane) prepareController(name, user, health string, args ...string) (command, probe, error) {
	kubeconfig, err := c.componentKubeconfig(name, user)
	if err != nil {
		return command{}, probe{}, err
	}
	serving := name + "-serving"
	if _, err := c.pki.server(c.pki.cluster, serving, loopback, "localhost"); err != nil {
		return command{}, probe{}, err
	}
	port, err := c.launcher.ports.port(name)
	if err != nil {
		return command{}, probe{}, err
	}
	cmd := c.command(name, append([]string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=" + loopback,
		"--secure-port=" + strconv.Itoa(port),
		"--cert-dir=" + c.layout.data("tmp"),
		"--tls-cert-file=" + c.pki.cert(serving),
		"--tls-private-key-file=" + c.pki.key(serving),
		"--leader-elect=false",
		"--profiling=false",
	}, args...))
	cmd.inputs = []string{kubeconfig, c.pki.cert(serving)}
	return cmd, probe{URL: localURL(port) + health, CAFile: c.pki.cert("ca")}, nil
}
