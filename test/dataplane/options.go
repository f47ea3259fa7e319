// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// DefaultReloadDelay is how long the operator's config-reloader takes at the
// least: it sleeps for a second once it has written a configuration, and waits for
// -delay-interval, 3s by default, before it makes vmauth load it
// (cmd/config-reloader of the operator).
const DefaultReloadDelay = 4 * time.Second

// Options say how to run a DataPlane.
type Options struct {
	// Dir receives everything that is written: data, queues, logs. Required.
	Dir string
	// BinDir holds vmagent, vmauth and victoria-metrics. Required.
	BinDir string
	// Lag is how long a zone is down, at least, for a change of its spec, and how
	// long a VMUser takes to reach the configuration. Zero stands for
	// standin.DefaultLag; a negative one for none.
	Lag time.Duration
	// ReloadDelay is how long a change of the configuration takes to reach a
	// replica of vmauth; see DataPlane.DelayReloads for single ones. Zero stands for
	// DefaultReloadDelay; a negative one for none.
	ReloadDelay time.Duration
	// ProxyAddress is where the proxy listens. Default: any port of 127.0.0.1.
	ProxyAddress string
	// Behaviour is as in standin.Options.
	Behaviour func(obj *unstructured.Unstructured) standin.Behaviour
}

func (o Options) complete() (Options, error) {
	if o.Dir == "" || o.BinDir == "" {
		return o, errors.New("Options.Dir or Options.BinDir is empty: say where to write and where the programs are")
	}
	for _, path := range []*string{&o.Dir, &o.BinDir} {
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return o, err
		}
	}
	o.ReloadDelay = max(cmp.Or(o.ReloadDelay, DefaultReloadDelay), 0)
	o.ProxyAddress = cmp.Or(o.ProxyAddress, net.JoinHostPort(loopback, "0"))
	for _, name := range []string{clusterProgram, agentProgram, authProgram} {
		if _, err := os.Stat(o.program(name)); err != nil {
			return o, fmt.Errorf("%w: build it with hack/build-tools.sh %s", err, name)
		}
	}
	return o, os.MkdirAll(o.Dir, 0o700)
}

func (o Options) program(name string) string { return filepath.Join(o.BinDir, name) }
