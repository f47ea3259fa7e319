// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	adminUser  = "controlplane-admin"
	adminGroup = "system:masters"
	// contextName is the one context of the kubeconfig files written here.
	contextName = "controlplane"
)

// Config returns a client configuration that may do everything.
func (c *ControlPlane) Config() *rest.Config { return c.config(c.admin) }

// ConfigFor returns a client configuration for a user with exactly these
// groups (system:authenticated is added by the API server), authenticated by a
// certificate of the cluster's own authority.
func (c *ControlPlane) ConfigFor(user string, groups ...string) (*rest.Config, error) {
	credentials, err := c.pki.cluster.client(user, groups...)
	if err != nil {
		return nil, err
	}
	return c.config(credentials), nil
}

func (c *ControlPlane) config(credentials pair) *rest.Config {
	return &rest.Config{
		Host: c.url,
		TLSClientConfig: rest.TLSClientConfig{
			CAData:   c.pki.cluster.cert,
			CertData: credentials.cert,
			KeyData:  credentials.key,
		},
		UserAgent: "controlplane",
		// The client's own limit would only slow tests down.
		QPS: -1,
	}
}

// Kubeconfig returns the path of a kubeconfig file that may do everything.
func (c *ControlPlane) Kubeconfig() string { return c.layout.adminKubeconfig() }

// LogOf returns the path of the log of a program, be it running or not.
func (c *ControlPlane) LogOf(program string) string { return c.layout.log(program) }

// BinDir returns the directory of the programs, kubectl among them.
func (c *ControlPlane) BinDir() string { return c.layout.bin }

// WriteKubeconfig writes a kubeconfig file like ConfigFor, with the
// certificates in it.
func (c *ControlPlane) WriteKubeconfig(path, user string, groups ...string) error {
	credentials, err := c.pki.cluster.client(user, groups...)
	if err != nil {
		return err
	}
	return c.writeKubeconfig(path, credentials)
}

// componentKubeconfig makes sure that there is a kubeconfig file for one of our
// own programs and returns its path. Unlike WriteKubeconfig it keeps the
// certificate that was made before, so that the file stays the same.
func (c *ControlPlane) componentKubeconfig(name, user string, groups ...string) (string, error) {
	credentials, err := c.pki.client(c.pki.cluster, name, user, groups...)
	if err != nil {
		return "", err
	}
	path := c.layout.data("kubeconfig", name)
	return path, c.writeKubeconfig(path, credentials)
}

func (c *ControlPlane) writeKubeconfig(path string, credentials pair) error {
	config := clientcmdapi.NewConfig()
	config.Clusters[contextName] = &clientcmdapi.Cluster{Server: c.url, CertificateAuthorityData: c.pki.cluster.cert}
	config.AuthInfos[contextName] = &clientcmdapi.AuthInfo{
		ClientCertificateData: credentials.cert,
		ClientKeyData:         credentials.key,
	}
	config.Contexts[contextName] = &clientcmdapi.Context{Cluster: contextName, AuthInfo: contextName}
	config.CurrentContext = contextName
	raw, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := writeFile(path, raw); err != nil {
		return fmt.Errorf("writing kubeconfig: %w", err)
	}
	return nil
}
