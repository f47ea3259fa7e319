// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// host measures single requests and lists where objects are kept as records of the
// cluster: each takes a request to kube-apiserver more.
func (b *bench) host(ctx context.Context) (err error) {
	s, err := site.Start(ctx, site.Options{Dir: filepath.Join(b.dir, "site"), Store: controlplane.StoreHost, Idle: true, Out: b.out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	for _, clients := range []int{1, 16} {
		if err := b.requests(ctx, s, listedZones, clients); err != nil {
			return err
		}
	}
	const many = 200
	return b.queries(ctx, s, many, count(many, "object"))
}
