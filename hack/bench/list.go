// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/loop"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/objects"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/pages"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

const (
	// listedZones is the size of each object in the lists.
	listedZones = 3
	// page is how many objects a paged list returns at once.
	page = 100
	// tenth is the label of one object in ten.
	tenth = "bench/tenth"
)

// query is a list that is measured.
type query struct {
	name string
	of   func(ctx context.Context, side *site.Side) error
}

func queries() []query {
	list := func(parameters url.Values) func(context.Context, *site.Side) error {
		return func(ctx context.Context, side *site.Side) error {
			_, err := side.Do(ctx, site.Call{Method: http.MethodGet, Path: side.Objects() + "?" + parameters.Encode()})
			return err
		}
	}
	return []query{
		{"list", list(nil)},
		{"list as of any time", list(url.Values{"resourceVersion": {"0"}})},
		{fmt.Sprintf("list in pages of %d", page), paged},
		{"list one in ten by label", list(url.Values{"labelSelector": {tenth + "=0"}})},
		{"start of a watch", startWatch},
	}
}

// list measures what is read of many objects.
func (b *bench) list(ctx context.Context) (err error) {
	s, err := site.Start(ctx, site.Options{Dir: filepath.Join(b.dir, "site"), Store: controlplane.StoreEtcd, Idle: true, Out: b.out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	many := 1000
	if b.short {
		many = 200
	}
	of := count(many, "object")
	if err := b.queries(ctx, s, many, of); err != nil {
		return err
	}
	if err := b.fanOut(ctx, []*site.Side{s.Aggregated, s.Peer, s.Direct}); err != nil {
		return err
	}
	if err := b.informers(ctx, s, of); err != nil {
		return err
	}
	const mebi = 1 << 20
	for _, side := range []*site.Side{s.Direct, s.Peer} {
		told, err := pages.Read(ctx, side)
		if err != nil {
			return err
		}
		name := map[string]string{s.Direct.Name: s.Aggregated.Name, s.Peer.Name: s.Peer.Name}[side.Name]
		b.book.Add("resident in the process that serves, "+of, name, "MiB", told.Usage().ResidentBytes/mebi)
	}
	return nil
}

// queries makes many objects on both kinds and measures what is read of them at once.
func (b *bench) queries(ctx context.Context, s *site.Site, many int, of string) error {
	sides := []*site.Side{s.Aggregated, s.Peer}
	for _, side := range sides {
		if err := fill(ctx, side, many); err != nil {
			return fmt.Errorf("making %d objects on %s: %w", many, side.Name, err)
		}
	}
	for _, q := range queries() {
		if err := b.query(ctx, q, q.name+", "+of, append(sides, s.Direct)); err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
	}
	return nil
}

// fill makes objects, of which one in ten has a label.
func fill(ctx context.Context, side *site.Side, many int) error {
	const clients = 4
	_, err := loop.Run(ctx, clients, loop.Limits{Length: time.Hour, Each: many / clients}, func(ctx context.Context, client, n int) error {
		object := objects.Object(side.Group, site.Namespace, fmt.Sprintf("listed-%d-%d", client, n), listedZones, 2)
		object["metadata"].(map[string]any)["labels"].(map[string]any)[tenth] = fmt.Sprint(n % 10)
		body, err := json.Marshal(object)
		if err != nil {
			return err
		}
		_, err = side.Do(ctx, site.Call{Method: http.MethodPost, Path: side.Objects(), Type: "application/json", Body: body})
		return err
	})
	return err
}

// query asks each side in turn.
func (b *bench) query(ctx context.Context, q query, of string, sides []*site.Side) error {
	times, bytes := make([][]float64, len(sides)), make([][]float64, len(sides))
	for n := range 3*b.rounds() + 1 {
		for at := range sides {
			i := (at + n) % len(sides)
			begun, in := time.Now(), sides[i].Wire().In()
			if err := q.of(ctx, sides[i]); err != nil {
				return err
			}
			if n > 0 {
				times[i] = append(times[i], milliseconds(time.Since(begun)))
				bytes[i] = append(bytes[i], float64(sides[i].Wire().In()-in)/1000)
			}
		}
	}
	for i, side := range sides {
		b.book.Add(of, side.Name, "ms", times[i]...)
		b.book.Add(of+", on the wire", side.Name, "kB", bytes[i]...)
		b.say("%s on %s: %.1f ms", of, side.Name, b.book.Value(of, side.Name))
	}
	return nil
}

// paged lists everything, a page after the other.
func paged(ctx context.Context, side *site.Side) error {
	next := ""
	for {
		parameters := url.Values{"limit": {fmt.Sprint(page)}, "continue": {next}}
		answer, err := side.Do(ctx, site.Call{Method: http.MethodGet, Path: side.Objects() + "?" + parameters.Encode()})
		if err != nil {
			return err
		}
		if next = after(answer, `"continue":"`); next == "" {
			return nil
		}
	}
}

// after returns the text between a key and the next quote.
func after(answer []byte, key string) string {
	_, rest, found := bytes.Cut(answer, []byte(key))
	if !found {
		return ""
	}
	text, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(text)
}

// startWatch is over when the server says that it watches.
func startWatch(ctx context.Context, side *site.Side) error {
	watched, err := side.Open(ctx, site.Call{Method: http.MethodGet, Path: side.Objects() + "?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=0"})
	if err != nil {
		return err
	}
	return watched.Close()
}
