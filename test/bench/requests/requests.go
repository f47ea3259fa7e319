// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package requests makes the requests that are measured: the same ones on every side.
package requests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/objects"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
)

// The marks in a body that each request replaces.
const (
	nameMark    = "name-of-the-object"
	versionMark = "version-of-the-object"
	countMark   = 987654321
)

// Target is a side with objects of one size, one for each client.
type Target struct {
	Side *site.Side

	prefix string
	own    []object
	// created and updated are the bodies of these requests.
	created, updated []byte
}

// object is what a client knows of its own.
type object struct {
	name, version string
	// changes make each change differ from the last.
	changes int
}

// NewTarget makes the objects, under names that begin with prefix.
func NewTarget(ctx context.Context, side *site.Side, prefix string, zones, clients int) (*Target, error) {
	t := &Target{Side: side, prefix: prefix, own: make([]object, clients)}
	content := objects.Object(side.Group, site.Namespace, nameMark, zones, countMark)
	var err error
	if t.created, err = json.Marshal(content); err != nil {
		return nil, err
	}
	content["metadata"].(map[string]any)["resourceVersion"] = versionMark
	if t.updated, err = json.Marshal(content); err != nil {
		return nil, err
	}
	for i := range t.own {
		t.own[i].name = fmt.Sprintf("%s-%d", prefix, i)
		if err := t.change(ctx, i, t.creation(t.own[i])); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// fill puts into a body what differs between requests.
func fill(body []byte, o object) []byte {
	body = bytes.ReplaceAll(body, []byte(nameMark), []byte(o.name))
	body = bytes.Replace(body, []byte(versionMark), []byte(o.version), 1)
	return bytes.Replace(body, []byte(strconv.Itoa(countMark)), []byte(strconv.Itoa(1+o.changes%8)), 1)
}

func (t *Target) creation(o object) site.Call {
	return site.Call{Method: http.MethodPost, Path: t.Side.Objects(), Type: "application/json", Body: fill(t.created, o)}
}

func (t *Target) path(client int) string { return t.Side.Objects() + "/" + t.own[client].name }

// Get reads a client's object.
func (t *Target) Get(ctx context.Context, client, _ int) error {
	_, err := t.Side.Do(ctx, site.Call{Method: http.MethodGet, Path: t.path(client)})
	return err
}

// Update replaces a client's object by one that differs in one field of a zone.
func (t *Target) Update(ctx context.Context, client, _ int) error {
	return t.change(ctx, client, site.Call{
		Method: http.MethodPut, Path: t.path(client), Type: "application/json", Body: fill(t.updated, t.own[client]),
	})
}

// Patch changes one field of spec by a JSON merge patch.
func (t *Target) Patch(ctx context.Context, client, _ int) error {
	return t.change(ctx, client, site.Call{
		Method: http.MethodPatch, Path: t.path(client), Type: string(types.MergePatchType),
		Body: fmt.Appendf(nil, `{"spec":{"strategy":{"updatePause":"%ds"}}}`, t.own[client].changes%50),
	})
}

// Apply applies a client's object on the server's side, with one field of a zone changed.
func (t *Target) Apply(ctx context.Context, client, _ int) error {
	return t.change(ctx, client, site.Call{
		Method: http.MethodPatch, Path: t.path(client) + "?force=true&fieldManager=bench",
		Type: string(types.ApplyYAMLPatchType), Body: fill(t.created, t.own[client]),
	})
}

// change makes a request that answers with the object, and takes its version from there.
func (t *Target) change(ctx context.Context, client int, call site.Call) error {
	answer, err := t.Side.Do(ctx, call)
	if err != nil {
		return err
	}
	_, rest, found := bytes.Cut(answer, []byte(`"resourceVersion":"`))
	end := bytes.IndexByte(rest, '"')
	if !found || end < 0 {
		return errors.New("the answer holds no resourceVersion")
	}
	t.own[client].version = string(rest[:end])
	t.own[client].changes++
	return nil
}

// Version reads what the kind's group and version offer, which a server answers from
// memory: it shows what the way there takes.
func (t *Target) Version(ctx context.Context, _, _ int) error {
	_, err := t.Side.Do(ctx, site.Call{Method: http.MethodGet, Path: t.Side.Version()})
	return err
}

// Create makes a client's nth extra object.
func (t *Target) Create(ctx context.Context, client, n int) error {
	_, err := t.Side.Do(ctx, t.creation(object{name: t.extra(client, n)}))
	return err
}

func (t *Target) extra(client, n int) string {
	return fmt.Sprintf("%s-%d-extra-%d", t.prefix, client, n)
}

// Discard deletes a client's nth extra object, whatever wants to be asked first.
func (t *Target) Discard(ctx context.Context, client, n int) error {
	return discard(ctx, t.Side, t.extra(client, n))
}

// Close deletes the clients' objects.
func (t *Target) Close(ctx context.Context) error {
	for _, own := range t.own {
		if err := discard(ctx, t.Side, own.name); err != nil {
			return err
		}
	}
	return nil
}

// discard takes our finalizer away, where the controller that would is kept from work.
func discard(ctx context.Context, side *site.Side, name string) error {
	path := side.Objects() + "/" + name
	answer, err := side.Do(ctx, site.Call{Method: http.MethodDelete, Path: path})
	if err != nil || !bytes.Contains(answer, []byte(`"finalizers"`)) {
		return err
	}
	_, err = side.Do(ctx, site.Call{Method: http.MethodPatch, Path: path, Type: string(types.MergePatchType), Body: []byte(`{"metadata":{"finalizers":null}}`)})
	return err
}
