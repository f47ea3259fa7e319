// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// portBook remembers which port was given to what, so that a program comes back
// where the others expect it.
type portBook struct {
	mu    sync.Mutex
	path  string
	ports map[string]int
}

func openPortBook(path string) (*portBook, error) {
	b := &portBook{path: path, ports: map[string]int{}}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &b.ports); err != nil {
		return nil, fmt.Errorf("reading the ports in %s (make down makes a new beginning): %w", path, err)
	}
	return b, nil
}

// port returns the port known by this key, or a free one.
func (b *portBook) port(key string) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if port, ok := b.ports[key]; ok {
		return port, nil
	}
	taken := map[int]bool{}
	for _, port := range b.ports {
		taken[port] = true
	}
	port, err := freePort(taken)
	if err != nil {
		return 0, fmt.Errorf("finding a port for %s: %w", key, err)
	}
	b.ports[key] = port
	return port, b.save()
}

// forget makes port choose anew, after somebody else was faster to use a port.
func (b *portBook) forget(keys ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		delete(b.ports, key)
	}
	return b.save()
}

func (b *portBook) save() error {
	raw, err := json.MarshalIndent(b.ports, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(b.path), 0o700); err != nil {
		return err
	}
	return writeFile(b.path, raw)
}

// lowestPort keeps clear of what services are usually set to.
const lowestPort = 12000

// freePort finds a port of 127.0.0.1 that nothing listens on. It looks below
// the range from which the kernel takes the near ends of outgoing connections:
// within it, a port would get lost to some client while its program restarts.
func freePort(taken map[int]bool) (int, error) {
	limit := ephemeralStart()
	if limit <= lowestPort+1000 {
		return kernelPort()
	}
	for range 200 {
		port := lowestPort + rand.IntN(limit-lowestPort)
		if taken[port] {
			continue
		}
		listener, err := listen(port)
		if err != nil {
			continue
		}
		return port, listener.Close()
	}
	return 0, fmt.Errorf("200 ports between %d and %d tried on %s, all are in use", lowestPort, limit, loopback)
}

func kernelPort() (int, error) {
	listener, err := listen(0)
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

func listen(port int) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(context.Background(), "tcp4", net.JoinHostPort(loopback, strconv.Itoa(port)))
}

// ephemeralStart returns the first port of the kernel's own range, 0 if unknown.
func ephemeralStart() int {
	raw, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	var first, last int
	if _, err := fmt.Sscan(string(raw), &first, &last); err != nil {
		return 0
	}
	return first
}
