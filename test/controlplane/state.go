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
	"sort"
	"strings"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
)

// record is what is kept about a detached program, one file each, so that later
// runs find it again, judge it, and end it and nothing else.
type record struct {
	Name string `json:"name"`
	identity
	Program string `json:"program"`
	// Fingerprint is that of the command that it was started with.
	Fingerprint string    `json:"fingerprint"`
	Probe       probe     `json:"probe"`
	Log         string    `json:"log"`
	LogFrom     int64     `json:"logFrom"`
	Started     time.Time `json:"started"`
	// Order is the place in the order of starting; ending goes backwards.
	Order int `json:"order"`
}

func (r record) process() *process {
	return &process{name: r.Name, id: r.identity, log: spawn.Log{Path: r.Log, From: r.LogFrom}}
}

// recordBook keeps the records of one control plane in a directory.
type recordBook struct {
	dir string
}

const recordSuffix = ".process.json"

func (b recordBook) path(name string) string { return filepath.Join(b.dir, name+recordSuffix) }

func (b recordBook) put(r record) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	return writeFile(b.path(r.Name), raw)
}

// get returns the record of a program; ok is false if there is none.
func (b recordBook) get(name string) (r record, ok bool, err error) {
	raw, err := os.ReadFile(b.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, false, nil
	}
	if err != nil {
		return record{}, false, err
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return record{}, false, fmt.Errorf("reading the record %s: %w", b.path(name), err)
	}
	return r, true, nil
}

func (b recordBook) remove(name string) error {
	err := os.Remove(b.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// list returns all records in the order of starting.
func (b recordBook) list() ([]record, error) {
	entries, err := os.ReadDir(b.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []record
	for _, entry := range entries {
		name, isRecord := strings.CutSuffix(entry.Name(), recordSuffix)
		if !isRecord || strings.HasPrefix(name, ".") {
			continue
		}
		r, ok, err := b.get(name)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, r)
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Order < all[j].Order })
	return all, nil
}
