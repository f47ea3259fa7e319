// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"encoding/base64"
	"fmt"
)

// compressFrom is the size from which compression is worth that nobody can read the
// payload without another step. It is also what lets the largest object that the API takes
// fit into a record: etcd takes 1.5 MiB for a request, and base64 adds a third.
const compressFrom = 64 << 10

func toText(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func fromText(text string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("the payload is not base64: %w", err)
	}
	return data, nil
}
