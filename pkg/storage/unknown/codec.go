// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package unknown keeps in storage what a server does not know. While it is upgraded,
// replicas of two versions write the same objects; whichever does not know a field that
// the other one has stored would take it away with its next write, be it of a status
// alone.
//
// So an object that has such fields carries the text that it was read from, from its
// decoding to its encoding, and they are put back where the object still has a place
// for them. They are not served, and nobody can change or remove them by a server that
// does not know them, unless by removing the zone, or whatever else it is, that has them.
package unknown

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// codec wraps one of JSON.
type codec struct{ runtime.Codec }

// NewCodec returns the codec for storage that encodes and decodes as the given one,
// and keeps what that does not know of a VMDistributedCluster.
func NewCodec(inner runtime.Codec) runtime.Codec { return codec{inner} }

// Decode has an object carry what it was read from, where that is not what would be
// stored of it: it has unknown fields, or another order of those that are known.
func (c codec) Decode(data []byte, defaults *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	object, kind, err := c.Codec.Decode(data, defaults, into)
	cluster, ours := object.(*vmdistributed.VMDistributedCluster)
	if err != nil || !ours {
		return object, kind, err
	}
	known, err := runtime.Encode(c.Codec, cluster)
	if err != nil || bytes.Equal(data, known) {
		return object, kind, err
	}
	lost, err := missing(data, known)
	if err != nil {
		return object, kind, err
	}
	same, err := equal(data, known)
	if same || lost != nil {
		cluster.Stored = string(data)
	}
	return object, kind, err
}

// Encode puts unknown fields back.
func (c codec) Encode(object runtime.Object, w io.Writer) error {
	cluster, ours := object.(*vmdistributed.VMDistributedCluster)
	if !ours || cluster.Stored == "" {
		return c.Codec.Encode(object, w)
	}
	data, err := c.encodeAll(cluster)
	if err != nil {
		return fmt.Errorf("keeping the fields of VMDistributedCluster %s/%s that this server does not know: %w", cluster.Namespace, cluster.Name, err)
	}
	_, err = w.Write(data)
	return err
}

func (c codec) encodeAll(cluster *vmdistributed.VMDistributedCluster) ([]byte, error) {
	data, err := runtime.Encode(c.Codec, cluster)
	if err != nil {
		return nil, err
	}
	stored := []byte(cluster.Stored)
	before, err := runtime.Decode(c.Codec, stored)
	if err != nil {
		return nil, err
	}
	known, err := runtime.Encode(c.Codec, before)
	if err != nil {
		return nil, err
	}
	lost, err := missing(stored, known)
	if err != nil {
		return nil, err
	}
	if data, err = lost.putInto(data); err != nil {
		return nil, err
	}
	// The same text where nothing changes, so that there is nothing to write: whoever
	// wrote it has its fields in another order.
	same, err := equal(data, stored)
	if same {
		return stored, err
	}
	return append(data, '\n'), err
}

func equal(one, other []byte) (bool, error) {
	var values [2]any
	for i, raw := range [][]byte{one, other} {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		if err := decoder.Decode(&values[i]); err != nil {
			return false, err
		}
	}
	return reflect.DeepEqual(values[0], values[1]), nil
}
