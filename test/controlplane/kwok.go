// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

const (
	kwokProgram = "kwok"
	kwokModule  = "sigs.k8s.io/kwok"
	podRange    = "198.18.0.0/16"
)

// resizeStage plays the growing of a volume, which kwok's own stages leave out.
//
//go:embed stages/volume-resize.yaml
var resizeStage []byte

// kwok plays the nodes, their pods and their volumes. The stages come from its
// module; reading them takes a context, so it is done before.
func (c *ControlPlane) kwok(ctx context.Context) (component, error) {
	stages, err := c.kwokStages(ctx)
	if err != nil {
		return component{}, fmt.Errorf("reading the stages of kwok: %w", err)
	}
	return component{
		name:    kwokProgram,
		order:   orderController,
		ports:   []string{kwokProgram},
		prepare: func() (command, probe, error) { return c.prepareKwok(stages) },
	}, nil
}

func (c *ControlPlane) prepareKwok(stages []byte) (command, probe, error) {
	// It acts as kubelet of all nodes and as provisioner and binder of volumes;
	// no role that comes with the cluster covers that.
	kubeconfig, err := c.componentKubeconfig(kwokProgram, "kwok", adminGroup)
	if err != nil {
		return command{}, probe{}, err
	}
	config := c.layout.data("kwok-stages.yaml")
	if err := writeFile(config, stages); err != nil {
		return command{}, probe{}, err
	}
	port, err := c.launcher.ports.port(kwokProgram)
	if err != nil {
		return command{}, probe{}, err
	}
	address := net.JoinHostPort(loopback, strconv.Itoa(port))
	cmd := c.command(kwokProgram, []string{
		"--kubeconfig=" + kubeconfig,
		"--config=" + config,
		"--manage-all-nodes",
		// Heartbeats go into the status of nodes; leases would be a write every
		// few seconds for each node.
		"--node-lease-duration-seconds=0",
		// Addresses set aside for benchmarks: who takes a pod's address for real
		// and asks it, reaches nobody.
		"--cidr=" + podRange,
		"--server-address=" + address,
	})
	cmd.inputs = []string{kubeconfig, config}
	return cmd, probe{URL: "http://" + address + "/healthz"}, nil
}

// kwokStages joins the stages that are used: everything happens at once, as
// tests want it, and volumes are provided on demand and can grow.
func (c *ControlPlane) kwokStages(ctx context.Context) ([]byte, error) {
	module, err := moduleDir(ctx, c.layout.tools("kwok"), kwokModule)
	if err != nil {
		return nil, err
	}
	documents := [][]byte{resizeStage}
	for _, name := range []string{
		"node/fast/node-initialize", "node/heartbeat/node-heartbeat",
		"pod/fast/pod-ready", "pod/fast/pod-complete", "pod/fast/pod-delete",
		"volume/fast/pvc-provision", "volume/fast/pvc-delete", "volume/fast/pv-bind", "volume/fast/pv-delete",
	} {
		document, err := os.ReadFile(filepath.Join(module, "kustomize", "stage", filepath.FromSlash(name)+".yaml"))
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
	return bytes.Join(documents, []byte("\n---\n")), nil
}
