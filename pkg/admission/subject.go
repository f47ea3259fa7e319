// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

type subjectKey struct{}

// WithSubject tells plugins which object a request to one of the verbs is about: its
// body is something else.
func WithSubject(ctx context.Context, object *vmdistributed.VMDistributedCluster) context.Context {
	return context.WithValue(ctx, subjectKey{}, object)
}

// Subject is what WithSubject has told, nil for nothing.
func Subject(ctx context.Context) *vmdistributed.VMDistributedCluster {
	object, _ := ctx.Value(subjectKey{}).(*vmdistributed.VMDistributedCluster)
	return object
}
