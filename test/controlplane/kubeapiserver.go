// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"strconv"
)

const (
	apiServerProgram = "kube-apiserver"
	apiServerPort    = "kube-apiserver"
	// frontProxyUser is the name that the aggregator shows to aggregated servers.
	frontProxyUser = "front-proxy-client"
	serviceRange   = "10.96.0.0/16"
	issuer         = "https://kubernetes.default.svc"
	auditLog       = "audit"
)

func (c *ControlPlane) apiServer() component {
	return component{
		name:    apiServerProgram,
		order:   orderAPIServer,
		ports:   []string{apiServerPort},
		prepare: c.prepareAPIServer,
	}
}

func (c *ControlPlane) prepareAPIServer() (command, probe, error) {
	if err := c.issueForAPIServer(); err != nil {
		return command{}, probe{}, err
	}
	port, err := c.launcher.ports.port(apiServerPort)
	if err != nil {
		return command{}, probe{}, err
	}
	// Written only when it changes: tests restart this while others read it.
	if url := localURL(port); c.url != url {
		c.url = url
	}
	cmd := c.command(apiServerProgram, c.apiServerArgs(port))
	cmd.inputs = []string{c.pki.cert("ca"), c.pki.cert("front-ca"), c.pki.serviceAccountPublic()}
	if c.options.AuditPolicyFile != "" {
		cmd.inputs = append(cmd.inputs, c.options.AuditPolicyFile)
	}
	return cmd, probe{
		URL: c.url + "/readyz", CAFile: c.pki.cert("ca"),
		CertFile: c.pki.cert("admin"), KeyFile: c.pki.key("admin"),
	}, nil
}

// issueForAPIServer makes the certificates that have to be there before it runs.
func (c *ControlPlane) issueForAPIServer() error {
	hosts := []string{loopback, "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	if _, err := c.pki.server(c.pki.cluster, apiServerProgram, hosts...); err != nil {
		return err
	}
	if _, err := c.pki.client(c.pki.front, "front-proxy", frontProxyUser); err != nil {
		return err
	}
	admin, err := c.pki.client(c.pki.cluster, "admin", adminUser, adminGroup)
	if c.admin.cert == nil {
		c.admin = admin
	}
	return err
}

func (c *ControlPlane) apiServerArgs(port int) []string {
	args := append(c.EtcdFlags(),
		"--bind-address="+loopback,
		"--secure-port="+strconv.Itoa(port),
		// Given, since else the machine is searched for a default route; never
		// published, since nobody maintains the endpoints of Service kubernetes.
		"--advertise-address="+loopback,
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range="+serviceRange,
		"--cert-dir="+c.layout.data("tmp"),
		"--tls-cert-file="+c.pki.cert(apiServerProgram),
		"--tls-private-key-file="+c.pki.key(apiServerProgram),
		"--client-ca-file="+c.pki.cert("ca"),
		"--authorization-mode=RBAC",
		"--service-account-issuer="+issuer,
		"--service-account-key-file="+c.pki.serviceAccountPublic(),
		"--service-account-signing-key-file="+c.pki.serviceAccountKey(),
		"--requestheader-client-ca-file="+c.pki.cert("front-ca"),
		"--requestheader-allowed-names="+frontProxyUser,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+c.pki.cert("front-proxy"),
		"--proxy-client-key-file="+c.pki.key("front-proxy"),
		"--profiling=false",
	)
	if !c.options.ControllerManager {
		// Nobody makes the service accounts that this plugin asks pods for.
		args = append(args, "--disable-admission-plugins=ServiceAccount")
	}
	if c.options.AuditPolicyFile != "" {
		args = append(args, c.auditArgs()...)
	}
	return append(args, c.options.APIServerArgs...)
}

func (c *ControlPlane) auditArgs() []string {
	return []string{
		"--audit-policy-file=" + c.options.AuditPolicyFile,
		"--audit-log-path=" + c.layout.log(auditLog),
	}
}
