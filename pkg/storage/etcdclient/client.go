// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package etcdclient connects to the etcd that holds the objects, beside the connections of
// the storage library, and waits for it at the start.
package etcdclient

import (
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"k8s.io/apiserver/pkg/storage/storagebackend"
)

// keepAlive is how often a silent connection is tried.
const keepAlive = 30 * time.Second

// New returns a client of an etcd, which connects when it is used.
func New(to storagebackend.TransportConfig) (*clientv3.Client, error) {
	config := clientv3.Config{
		Endpoints: to.ServerList, Logger: zap.NewNop(), // what fails is returned
		DialKeepAliveTime: keepAlive, DialKeepAliveTimeout: keepAlive / 3,
	}
	if to.CertFile != "" || to.KeyFile != "" || to.TrustedCAFile != "" {
		files := transport.TLSInfo{CertFile: to.CertFile, KeyFile: to.KeyFile, TrustedCAFile: to.TrustedCAFile}
		tls, err := files.ClientConfig()
		if err != nil {
			return nil, fmt.Errorf("reading the certificates for the etcd at %s: %w", strings.Join(to.ServerList, ","), err)
		}
		config.TLS = tls
	}
	client, err := clientv3.New(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for the etcd at %s: %w", strings.Join(to.ServerList, ","), err)
	}
	return client, nil
}
