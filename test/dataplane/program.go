// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"slices"
)

// program is what a replica is to run.
type program struct {
	path string
	args []string
	env  []string
	// settings stand for what restarts it when it changes, beside the above.
	settings string
	// health is the address that answers 200 when it is ready, metrics that of
	// its metrics, where they are read.
	health, metrics string
}

// sameAs tells whether a replica that runs one program runs the other as well.
func (p *program) sameAs(other *program) bool {
	if p == nil || other == nil {
		return p == other
	}
	return p.path == other.path && slices.Equal(p.args, other.args) && slices.Equal(p.env, other.env) && p.settings == other.settings
}
