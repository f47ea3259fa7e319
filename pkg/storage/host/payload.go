// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
)

const (
	// compressFrom is the size from which compression is worth that nobody can read
	// the payload without another step. It is also what lets the largest object that
	// the API takes fit into a record: etcd takes 1.5 MiB for a request, and base64
	// adds a third.
	compressFrom = 64 << 10
	// maxUnpacked is more than any object has. What is larger was not written by us.
	maxUnpacked = 16 << 20
)

// gzipMagic begins what is compressed, and no JSON.
var gzipMagic = []byte{0x1f, 0x8b}

// compress makes large data smaller.
func compress(data []byte) ([]byte, error) {
	if len(data) < compressFrom {
		return data, nil
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(data); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// expand undoes compress.
func expand(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, gzipMagic) {
		return data, nil
	}
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("expanding the payload: %w", err)
	}
	unpacked, err := io.ReadAll(io.LimitReader(reader, maxUnpacked+1))
	if err != nil {
		return nil, fmt.Errorf("expanding the payload: %w", err)
	}
	if len(unpacked) > maxUnpacked {
		return nil, fmt.Errorf("the payload expands to more than %d bytes", maxUnpacked)
	}
	return unpacked, nil
}

func toText(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func fromText(text string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("the payload is not base64: %w", err)
	}
	return data, nil
}
