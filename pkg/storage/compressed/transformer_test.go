// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package compressed_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/storage/value"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/compressed"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/objects"
)

// turned is a transformer that stores the bytes of a value in the reverse order.
type turned struct{ stale bool }

func (turned) reverse(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for i := range data {
		out = append(out, data[len(data)-1-i])
	}
	return out
}

func (t turned) TransformToStorage(_ context.Context, data []byte, _ value.Context) ([]byte, error) {
	return t.reverse(data), nil
}

func (t turned) TransformFromStorage(_ context.Context, data []byte, _ value.Context) ([]byte, bool, error) {
	return t.reverse(data), t.stale, nil
}

var object = []byte(`{"zones":[` + strings.Repeat(`{"retentionPeriod":"14","vmstorage":{"replicaCount":2}},`, 50) + `{}]}`)

func TestWhatIsStoredIsReadAgain(t *testing.T) {
	for name, data := range map[string][]byte{"nothing": {}, "a few bytes": []byte("{}"), "an object": object} {
		for _, inner := range []value.Transformer{nil, turned{}} {
			t.Run(fmt.Sprintf("%s, inner %T", name, inner), func(t *testing.T) {
				transformer := compressed.New(inner)
				for range 3 { // what it works with is used again
					stored, err := transformer.TransformToStorage(t.Context(), data, nil)
					if err != nil {
						t.Fatal(err)
					}
					if len(stored) > len(data) {
						t.Errorf("%d bytes are stored as %d", len(data), len(stored))
					}
					if read, stale, err := transformer.TransformFromStorage(t.Context(), stored, nil); err != nil || stale || !bytes.Equal(read, data) {
						t.Errorf("read back %q, stale %v: %v", read, stale, err)
					}
				}
			})
		}
	}
}

func TestZonesThatSayTheSameTakeLittle(t *testing.T) {
	stored, err := compressed.New(nil).TransformToStorage(t.Context(), object, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(stored) > len(object)/10 {
		t.Errorf("%d bytes are stored as %d", len(object), len(stored))
	}
}

// TestWhatWasNeverCompressedIsRead: an object of an earlier version, or one that somebody
// has restored by hand.
func TestWhatWasNeverCompressedIsRead(t *testing.T) {
	for _, want := range []bool{false, true} {
		transformer := compressed.New(turned{stale: want})
		read, stale, err := transformer.TransformFromStorage(t.Context(), turned{}.reverse(object), nil)
		if err != nil || stale != want || !bytes.Equal(read, object) {
			t.Errorf("read %q, stale %v: %v", read, stale, err)
		}
	}
}

func TestDamagedValuesAreErrors(t *testing.T) {
	transformer := compressed.New(nil)
	stored, err := transformer.TransformToStorage(t.Context(), object, nil)
	if err != nil {
		t.Fatal(err)
	}
	wrong := bytes.Clone(stored)
	wrong[len(wrong)-1] = 0xff // more bytes than there are
	half := stored[:len(stored)/2]
	for name, damaged := range map[string][]byte{"a part": half, "no more than the beginning": stored[:2], "another length": wrong} {
		if read, _, err := transformer.TransformFromStorage(t.Context(), damaged, nil); err == nil {
			t.Errorf("%s: read as %q", name, read)
		}
		if read, _, err := transformer.TransformFromStorage(t.Context(), stored, nil); err != nil || !bytes.Equal(read, object) {
			t.Errorf("what is whole, after %s: read as %q: %v", name, read, err)
		}
	}
}

func FuzzTransformer(f *testing.F) {
	f.Add(object)
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		transformer := compressed.New(nil)
		_, _, _ = transformer.TransformFromStorage(t.Context(), data, nil) // never panics
		if bytes.HasPrefix(data, []byte("\x1f\x8b")) {
			return // no object
		}
		stored, err := transformer.TransformToStorage(t.Context(), data, nil)
		if err != nil {
			t.Fatal(err)
		}
		if read, _, err := transformer.TransformFromStorage(t.Context(), stored, nil); err != nil || !bytes.Equal(read, data) {
			t.Errorf("read back %q: %v", read, err)
		}
	})
}

// BenchmarkTransformer is of an object of three zones as they are in production.
func BenchmarkTransformer(b *testing.B) {
	data, err := json.Marshal(objects.Object("operator.victoriametrics.com", "monitoring", "metrics", 3, 2))
	if err != nil {
		b.Fatal(err)
	}
	transformer := compressed.New(nil)
	stored, err := transformer.TransformToStorage(b.Context(), data, nil)
	if err != nil {
		b.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"write": func() error {
			_, err := transformer.TransformToStorage(b.Context(), data, nil)
			return err
		},
		"read": func() error {
			_, _, err := transformer.TransformFromStorage(b.Context(), stored, nil)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
