// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package embeddedetcd runs an etcd of one member inside this process, for a
// laptop, for tests and for installations of one replica.
package embeddedetcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
	"golang.org/x/sys/unix"
)

// maxSocketPath is what Linux allows for the path of a unix socket, less the
// terminating zero.
const maxSocketPath = 107

const (
	clientSocket = "client.sock"
	peerSocket   = "peer.sock"
)

// Config says where the member keeps its data, and how carefully.
type Config struct {
	// DataDir is created where it does not exist.
	DataDir string
	// UnsafeNoFsync trades durability for speed: for data that may be thrown
	// away.
	UnsafeNoFsync bool
}

// Member is a running etcd. It listens on unix sockets that no other user can
// open, and on nothing else.
type Member struct {
	etcd     *embed.Etcd
	lock     *os.File
	endpoint string
	// sockets is a directory to be removed in the end, or empty.
	sockets string
}

// Start returns once the member serves. A data directory that another process
// uses is refused at once.
func Start(ctx context.Context, config Config) (*Member, error) {
	dir, err := filepath.Abs(config.DataDir)
	if err != nil {
		return nil, fmt.Errorf("embedded etcd: resolving the data directory %q: %w", config.DataDir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("embedded etcd: creating the data directory: %w", err)
	}
	lock, err := acquire(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	member, err := start(ctx, dir, config.UnsafeNoFsync)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	member.lock = lock
	return member, nil
}

// Endpoint is the address for clients.
func (m *Member) Endpoint() string { return m.endpoint }

// Failed delivers the error that ended the member, should it end by itself.
func (m *Member) Failed() <-chan error { return m.etcd.Err() }

// Close ends the member and lets go of the data directory.
func (m *Member) Close() error {
	m.etcd.Close()
	return errors.Join(removeSockets(m.sockets), m.lock.Close())
}

func start(ctx context.Context, dir string, noFsync bool) (*Member, error) {
	if err := removeStaleSockets(dir); err != nil {
		return nil, err
	}
	sockets, own, err := socketDir(dir)
	if err != nil {
		return nil, err
	}
	etcd, err := serve(ctx, memberConfig(dir, sockets, noFsync))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("embedded etcd: starting on %q: %w", dir, err), removeSockets(own))
	}
	return &Member{etcd: etcd, endpoint: "unix://" + filepath.Join(sockets, clientSocket), sockets: own}, nil
}

// serve returns an etcd that answers.
func serve(ctx context.Context, config *embed.Config) (*embed.Etcd, error) {
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err := <-etcd.Err():
		etcd.Close()
		return nil, err
	case <-ctx.Done():
		etcd.Close()
		return nil, fmt.Errorf("waiting for it to serve: %w", context.Cause(ctx))
	}
}

// socketDir is where the sockets go: into the data directory, or, where its path
// is too long for that, into a new one for temporary files, own, which no other
// user can enter; and where TMPDIR is too long too, into one in /tmp.
func socketDir(dir string) (sockets, own string, err error) {
	if len(filepath.Join(dir, clientSocket)) <= maxSocketPath {
		return dir, "", nil
	}
	parent := os.TempDir()
	if len(filepath.Join(parent, "etcd-0123456789", clientSocket)) > maxSocketPath {
		parent = "/tmp"
	}
	own, err = os.MkdirTemp(parent, "etcd-")
	if err != nil {
		return "", "", fmt.Errorf("embedded etcd: the data directory %q leaves no room for a socket, whose path may have %d bytes, "+
			"and making one for it elsewhere failed: %w; choose a shorter data directory, or set TMPDIR", dir, maxSocketPath, err)
	}
	return own, own, nil
}

// removeSockets takes a directory made by socketDir away, if there is one.
func removeSockets(own string) error {
	if own == "" {
		return nil
	}
	if err := os.RemoveAll(own); err != nil {
		return fmt.Errorf("embedded etcd: removing its sockets: %w", err)
	}
	return nil
}

func memberConfig(dir, sockets string, noFsync bool) *embed.Config {
	client := url.URL{Scheme: "unix", Path: filepath.Join(sockets, clientSocket)}
	peer := url.URL{Scheme: "unix", Path: filepath.Join(sockets, peerSocket)}

	config := embed.NewConfig()
	config.Name = "embedded"
	config.Dir = filepath.Join(dir, "etcd")
	config.UnsafeNoFsync = noFsync
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	// Server-side apply keeps a record of owners that can be as large as the
	// object itself, of which 1 MiB is allowed.
	config.MaxRequestBytes = 4 << 20
	// A member alone has nobody to wait for.
	config.TickMs, config.ElectionMs = 10, 100
	// What ends the member is delivered by Failed. Its log of errors has entries
	// for every ordinary first start and every ordinary end.
	config.LogLevel = "fatal"
	return config
}

// removeStaleSockets clears away what a killed process left behind; the lock is
// held, so nobody listens there.
func removeStaleSockets(dir string) error {
	for _, name := range []string{clientSocket, peerSocket} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("embedded etcd: removing a socket left behind: %w", err)
		}
	}
	return nil
}

// acquire takes a lock that ends with the process, however that ends.
func acquire(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("embedded etcd: opening the lock: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		err = fmt.Errorf("embedded etcd: locking %q: %w; is another server running on the same data directory?", path, err)
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
