// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/value"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

// codec turns objects into payloads and back.
type codec struct {
	runtime.Codec
	versioner   storage.Versioner
	transformer value.Transformer
	check       func(*storagev1.Record, runtime.Object) error
	decoded     *decoded
}

// SameName is a Check: a record is of an object of its own name and namespace. One
// that was copied by hand is not.
func SameName(record *storagev1.Record, object runtime.Object) error {
	named, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	if named.GetNamespace() != record.Namespace || named.GetName() != record.Name {
		return fmt.Errorf("the payload is that of %s/%s", named.GetNamespace(), named.GetName())
	}
	return nil
}

// encode returns the JSON of an object as it is stored, without resourceVersion.
func (c codec) encode(object runtime.Object) ([]byte, error) {
	if err := c.versioner.PrepareObjectForStorage(object); err != nil {
		return nil, fmt.Errorf("preparing the object for storage: %w", err)
	}
	return runtime.Encode(c.Codec, object)
}

// pack makes a payload of what encode returned.
func (c codec) pack(ctx context.Context, key string, data []byte) (string, error) {
	data, err := c.transformer.TransformToStorage(ctx, data, value.DefaultContext(key))
	if err != nil {
		return "", storage.NewInternalError(fmt.Errorf("transforming the payload: %w", err))
	}
	return toText(data), nil
}

// unpack undoes pack. What it returns is stale if it would be packed in another way
// today.
func (c codec) unpack(ctx context.Context, key, payload string) (data []byte, stale bool, err error) {
	if data, err = fromText(payload); err != nil {
		return nil, false, err
	}
	if data, stale, err = c.transformer.TransformFromStorage(ctx, data, value.DefaultContext(key)); err != nil {
		return nil, false, fmt.Errorf("transforming the payload: %w", err)
	}
	return data, stale, nil
}

// decode fills object with what encode returned, as the record is about it.
func (c codec) decode(data []byte, record *storagev1.Record, object runtime.Object) error {
	if _, _, err := c.Decode(data, nil, object); err != nil {
		return fmt.Errorf("decoding the payload: %w", err)
	}
	return c.finish(record, object)
}

// finish makes what was decoded that of a record.
func (c codec) finish(record *storagev1.Record, object runtime.Object) error {
	if err := c.check(record, object); err != nil {
		return err
	}
	return c.setVersion(record, object)
}

// setVersion gives an object the resourceVersion of its record.
func (c codec) setVersion(record *storagev1.Record, object runtime.Object) error {
	version, err := c.versioner.ParseResourceVersion(record.ResourceVersion)
	if err != nil {
		return err
	}
	return c.versioner.UpdateObject(object, version)
}

// decodeOnce does what decode does, by what is remembered of a list or a watch before.
func (c codec) decodeOnce(data []byte, record *storagev1.Record, object runtime.Object) error {
	at := place{record.Namespace, record.Name}
	if c.decoded.fill(at, data, object) {
		return c.finish(record, object)
	}
	if err := c.decode(data, record, object); err != nil {
		return err
	}
	c.decoded.keep(at, data, object)
	return nil
}

// read fills object with what a record holds, by decode or decodeOnce.
func (c codec) read(ctx context.Context, key string, record *storagev1.Record, object runtime.Object,
	decode func([]byte, *storagev1.Record, runtime.Object) error,
) error {
	data, _, err := c.unpack(ctx, key, record.Payload)
	if err == nil {
		err = decode(data, record, object)
	}
	if err != nil {
		return &unreadableError{record: record, cause: err}
	}
	return nil
}
