// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package compressed stores objects in fewer bytes. The zones of an object are replicas, so
// that their definitions say much the same.
package compressed

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"k8s.io/apiserver/pkg/storage/value"
)

// magic begins what gzip has written, and no object: these are JSON.
const magic = "\x1f\x8b"

// maxSize is more than any object has. What is larger was not written by us.
const maxSize = 16 << 20

// Transformer compresses what another one then stores, as by encrypting it. Values that
// are not compressed are read as they are.
type Transformer struct {
	inner value.Transformer
	// Either takes more memory to set up than most objects have.
	writers, readers sync.Pool
}

var _ value.Transformer = &Transformer{}

// New returns a Transformer before inner, which may be nil.
func New(inner value.Transformer) *Transformer {
	t := &Transformer{inner: inner}
	t.writers.New = func() any {
		writer, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for an unknown level only
		return writer
	}
	t.readers.New = func() any { return &gzip.Reader{} }
	return t
}

// TransformToStorage returns what is stored for data.
func (t *Transformer) TransformToStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, error) {
	small, err := t.compress(data)
	if err != nil {
		return nil, fmt.Errorf("compressing %d bytes of an object: %w", len(data), err)
	}
	if t.inner == nil {
		return small, nil
	}
	return t.inner.TransformToStorage(ctx, small, dataCtx)
}

// TransformFromStorage returns the data that was stored as what is given. It is stale where
// the inner Transformer says so: what is not compressed is as good.
func (t *Transformer) TransformFromStorage(ctx context.Context, stored []byte, dataCtx value.Context) (data []byte, stale bool, err error) {
	data = stored
	if t.inner != nil {
		if data, stale, err = t.inner.TransformFromStorage(ctx, stored, dataCtx); err != nil {
			return nil, stale, err
		}
	}
	if !bytes.HasPrefix(data, []byte(magic)) {
		return data, stale, nil
	}
	if data, err = t.expand(data); err != nil {
		return nil, stale, fmt.Errorf("reading a compressed object: %w", err)
	}
	return data, stale, nil
}

// compress returns the data itself where it would not get smaller.
func (t *Transformer) compress(data []byte) ([]byte, error) {
	var small bytes.Buffer
	small.Grow(len(data) / 4)
	writer := t.writers.Get().(*gzip.Writer)
	defer t.writers.Put(writer)
	writer.Reset(&small)
	if _, err := writer.Write(data); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	if small.Len() >= len(data) {
		return data, nil
	}
	return small.Bytes(), nil
}

func (t *Transformer) expand(small []byte) ([]byte, error) {
	reader := t.readers.Get().(*gzip.Reader)
	defer t.readers.Put(reader)
	if err := reader.Reset(bytes.NewReader(small)); err != nil {
		return nil, err
	}
	var data bytes.Buffer
	// The last four bytes say how many there are, which saves growing. They may be wrong.
	said := min(int(binary.LittleEndian.Uint32(small[len(small)-4:])), 64*len(small))
	data.Grow(said + bytes.MinRead)
	read, err := io.Copy(&data, io.LimitReader(reader, maxSize+1))
	if err != nil {
		return nil, err
	}
	if read > maxSize {
		return nil, fmt.Errorf("it has more than %d bytes", maxSize)
	}
	return data.Bytes(), reader.Close()
}
