// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/pages"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// settled is how long a server that has started is left alone before its memory counts.
const settled = 15 * time.Second

// size measures what the server takes before there are objects, controller and all: with
// an etcd beside it, with one in the process, and with records in the cluster.
func (b *bench) size(ctx context.Context) error {
	for _, store := range []controlplane.Store{controlplane.StoreEtcd, controlplane.StoreEmbedded, controlplane.StoreHost} {
		if err := b.idle(ctx, store); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) idle(ctx context.Context, store controlplane.Store) (err error) {
	s, err := site.Start(ctx, site.Options{Dir: filepath.Join(b.dir, string(store)), Store: store, Out: b.out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	side := "--storage=" + string(store)
	b.book.Add("start to ready", side, "s", s.Server.TimeToReady().Seconds())
	binary, err := os.Stat(filepath.Join(s.Control.BinDir(), "vmdistributed-apiserver"))
	if err != nil {
		return err
	}
	b.book.Add("binary, with symbols", side, "MB", float64(binary.Size())/1e6)
	if store == controlplane.StoreEtcd {
		unpacked, packed, err := b.inImage(ctx)
		if err != nil {
			return err
		}
		b.book.Add("binary, as the image has it", side, "MB", unpacked/1e6)
		b.book.Add("of that to be pulled", side, "MB", packed/1e6)
	}
	select {
	case <-time.After(settled):
	case <-ctx.Done():
		return ctx.Err()
	}
	page, err := pages.Read(ctx, s.Direct)
	if err != nil {
		return err
	}
	const mebi = 1 << 20
	b.book.Add("resident, idle", side, "MiB", page.Usage().ResidentBytes/mebi)
	anonymous, err := anonymousBytes(s.Server.PID())
	if err != nil {
		return err
	}
	b.book.Add("of that anonymous: not of the binary's file", side, "MiB", anonymous/mebi)
	b.book.Add("heap in use, idle", side, "MiB", page.Sum("go_memstats_heap_inuse_bytes", nil)/mebi)
	b.book.Add("heap taken from the system, idle", side, "MiB", page.Sum("go_memstats_heap_sys_bytes", nil)/mebi)
	return b.save(ctx, s.Direct, "heap?gc=1", "idle-"+string(store))
}

// inImage is how many bytes the server takes in the image (artifacts/Dockerfile), of which
// it is all but a file of certificates, and how many of these a registry hands out.
func (b *bench) inImage(ctx context.Context) (unpacked, packed float64, err error) {
	path := filepath.Join(b.dir, "in-image")
	link := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./cmd/vmdistributed-apiserver")
	link.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := link.CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("%s: %w: %s", link, err, out)
	}
	binary, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer binary.Close()
	var pulled counter
	layer := gzip.NewWriter(&pulled)
	read, err := io.Copy(layer, binary)
	if err := errors.Join(err, layer.Close()); err != nil {
		return 0, 0, fmt.Errorf("compressing %s: %w", path, err)
	}
	return float64(read), float64(pulled), nil
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// anonymousBytes are those in memory that are no part of a file: the kernel can't take
// them back when memory gets short.
func anonymousBytes(pid int) (float64, error) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	status, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(status), "RssAnon:")
	var kibi float64
	if _, err := fmt.Sscanf(rest, "%f kB", &kibi); !found || err != nil {
		return 0, fmt.Errorf("reading RssAnon of %s: %w", path, err)
	}
	return kibi * 1024, nil
}
