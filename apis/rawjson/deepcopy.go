// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rawjson

import "bytes"

// DeepCopyInto copies the text.
func (o *Object) DeepCopyInto(out *Object) { out.Raw = bytes.Clone(o.Raw) }

// DeepCopy returns a copy that shares nothing with the original.
func (o *Object) DeepCopy() *Object {
	if o == nil {
		return nil
	}
	return &Object{Raw: bytes.Clone(o.Raw)}
}
