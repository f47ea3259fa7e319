// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"encoding/base64"
	"fmt"
)

func toText(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func fromText(text string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("the payload is not base64: %w", err)
	}
	return data, nil
}
