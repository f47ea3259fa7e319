// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"testing"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// member is an etcd, with a client of it.
type member struct {
	url    string
	client *clientv3.Client
}

// newMember runs an etcd that holds so many bytes; 0 for as many as it likes.
func newMember(t *testing.T, quota int64) *member {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, "etcd")
	must(t, err)
	config := embed.NewConfig()
	config.Dir, config.QuotaBackendBytes, config.UnsafeNoFsync = dir, quota, true
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	client, peer := freeURL(t), freeURL(t)
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	must(t, err)
	t.Cleanup(etcd.Close)
	select {
	case <-etcd.Server.ReadyNotify():
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
	m := &member{url: client.String()}
	m.connect(t, clientv3.Config{Endpoints: []string{m.url}, Logger: zap.NewNop()})
	return m
}

// freeURL has a port on which nobody listens.
func freeURL(t *testing.T) url.URL {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = listener.Close() }()
	return url.URL{Scheme: "http", Host: listener.Addr().String()}
}

// member is the etcd of the control plane.
func (s *site) member(t *testing.T) *member {
	t.Helper()
	access := s.control.EtcdAccess()
	files := transport.TLSInfo{CertFile: access.CertFile, KeyFile: access.KeyFile, TrustedCAFile: access.CAFile}
	config, err := files.ClientConfig()
	must(t, err)
	m := &member{url: access.URL}
	m.connect(t, clientv3.Config{Endpoints: []string{access.URL}, TLS: config, Logger: zap.NewNop()})
	return m
}

func (m *member) connect(t *testing.T, config clientv3.Config) {
	t.Helper()
	var err error
	m.client, err = clientv3.New(config)
	must(t, err)
	t.Cleanup(func() { must(t, m.client.Close()) })
}

const filler = "/filler/"

// fill writes until there is no space left, and the alarm is raised.
func (m *member) fill(t *testing.T) {
	t.Helper()
	value := string(make([]byte, 512<<10))
	for i := range 1000 {
		_, err := m.client.Put(t.Context(), fmt.Sprintf("%s%d", filler, i), value)
		if errors.Is(err, rpctypes.ErrNoSpace) {
			t.Logf("full after %d values", i)
			return
		}
		must(t, err)
	}
	t.Fatal("it never gets full")
}

// makeRoom does what the documentation of etcd says: compact, defragment, disarm.
func (m *member) makeRoom(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	deleted, err := m.client.Delete(ctx, filler, clientv3.WithPrefix())
	must(t, err)
	_, err = m.client.Compact(ctx, deleted.Header.Revision, clientv3.WithCompactPhysical())
	must(t, err)
	_, err = m.client.Defragment(ctx, m.url)
	must(t, err)
	_, err = m.client.AlarmDisarm(ctx, &clientv3.AlarmMember{})
	must(t, err)
}
