// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"fmt"
)

const (
	etcdProgram    = "etcd"
	etcdClientPort = "etcd/client"
	etcdPeerPort   = "etcd/peer"
	// etcdClient names the certificate by which API servers enter etcd.
	etcdClient = "etcd-client"
)

func (c *ControlPlane) etcd() component {
	return component{
		name:    etcdProgram,
		order:   orderEtcd,
		ports:   []string{etcdClientPort, etcdPeerPort},
		prepare: c.prepareEtcd,
	}
}

func (c *ControlPlane) prepareEtcd() (command, probe, error) {
	if _, err := c.pki.server(c.pki.etcd, "etcd", loopback, "localhost"); err != nil {
		return command{}, probe{}, err
	}
	if _, err := c.pki.client(c.pki.etcd, etcdClient, etcdClient); err != nil {
		return command{}, probe{}, err
	}
	client, err := c.launcher.ports.port(etcdClientPort)
	if err != nil {
		return command{}, probe{}, err
	}
	peer, err := c.launcher.ports.port(etcdPeerPort)
	if err != nil {
		return command{}, probe{}, err
	}
	if url := localURL(client); c.etcdURL != url {
		c.etcdURL = url
	}
	cmd := c.command(etcdProgram, c.etcdArgs(c.etcdURL, localURL(peer)))
	cmd.inputs = []string{c.pki.cert("etcd"), c.pki.cert("etcd-ca")}
	return cmd, probe{
		URL: c.etcdURL + "/health", CAFile: c.pki.cert("etcd-ca"),
		CertFile: c.pki.cert(etcdClient), KeyFile: c.pki.key(etcdClient),
	}, nil
}

func (c *ControlPlane) etcdArgs(client, peer string) []string {
	return append([]string{
		"--name=local",
		"--data-dir=" + c.layout.data("etcd"),
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=local=" + peer,
		"--client-cert-auth",
		"--trusted-ca-file=" + c.pki.cert("etcd-ca"),
		"--cert-file=" + c.pki.cert("etcd"),
		"--key-file=" + c.pki.key("etcd"),
		"--peer-client-cert-auth",
		"--peer-trusted-ca-file=" + c.pki.cert("etcd-ca"),
		"--peer-cert-file=" + c.pki.cert("etcd"),
		"--peer-key-file=" + c.pki.key("etcd"),
		// The data outlives the program, but need not outlive the machine.
		"--unsafe-no-fsync",
		"--log-level=warn",
	}, c.options.EtcdArgs...)
}

// EtcdFlags returns the flags by which an API server uses the etcd of this
// control plane; give it an --etcd-prefix of its own.
func (c *ControlPlane) EtcdFlags() []string {
	return []string{
		"--etcd-servers=" + c.etcdURL,
		"--etcd-cafile=" + c.pki.cert("etcd-ca"),
		"--etcd-certfile=" + c.pki.cert(etcdClient),
		"--etcd-keyfile=" + c.pki.key(etcdClient),
	}
}

func localURL(port int) string { return fmt.Sprintf("https://%s:%d", loopback, port) }

// EtcdAccess says how a client reaches an etcd.
type EtcdAccess struct{ URL, CAFile, CertFile, KeyFile string }

// EtcdAccess returns that of the etcd of this control plane, for a test that looks
// below kube-apiserver.
func (c *ControlPlane) EtcdAccess() EtcdAccess {
	return EtcdAccess{
		URL: c.etcdURL, CAFile: c.pki.cert("etcd-ca"), CertFile: c.pki.cert(etcdClient), KeyFile: c.pki.key(etcdClient),
	}
}

// command says how to run one of the programs with what they all share.
func (c *ControlPlane) command(name string, args []string) command {
	return command{
		name:    name,
		program: c.layout.program(name),
		args:    args,
		env:     c.layout.environment(),
		dir:     c.layout.data("tmp"),
	}
}
