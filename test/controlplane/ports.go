// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
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
	port, err := spawn.FreePort(taken)
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
