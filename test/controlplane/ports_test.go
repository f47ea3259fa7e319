// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"path/filepath"
	"strconv"
	"testing"
)

func TestPortBook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "ports.json")
	book, err := openPortBook(path)
	must(t, err)
	seen := map[int]string{}
	for i := range 50 {
		key := strconv.Itoa(i)
		port, err := book.port(key)
		must(t, err)
		if other, taken := seen[port]; taken {
			t.Errorf("port %d given to %s and %s", port, other, key)
		}
		seen[port] = key
	}

	again, err := openPortBook(path)
	must(t, err)
	for port, key := range seen {
		got, err := again.port(key)
		must(t, err)
		if got != port {
			t.Errorf("port of %s is %d after reading the book again, was %d", key, got, port)
		}
	}
	must(t, again.forget("7"))
	reread, err := openPortBook(path)
	must(t, err)
	if _, known := reread.ports["7"]; known {
		t.Error("a port that was forgotten is still there")
	}
}
