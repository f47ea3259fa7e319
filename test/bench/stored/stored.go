// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package stored looks at what objects take in etcd.
package stored

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// Bytes returns how many values are stored under a prefix, and how long they are
// together.
func Bytes(ctx context.Context, access controlplane.EtcdAccess, prefix string) (values, bytes int, err error) {
	tls := transport.TLSInfo{TrustedCAFile: access.CAFile, CertFile: access.CertFile, KeyFile: access.KeyFile}
	config, err := tls.ClientConfig()
	if err != nil {
		return 0, 0, err
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{access.URL}, TLS: config, DialTimeout: 10 * time.Second})
	if err != nil {
		return 0, 0, fmt.Errorf("reaching etcd at %s: %w", access.URL, err)
	}
	defer client.Close()
	answer, err := client.Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return 0, 0, fmt.Errorf("reading what is under %s: %w", prefix, err)
	}
	for _, pair := range answer.Kvs {
		bytes += len(pair.Value)
	}
	return len(answer.Kvs), bytes, nil
}
