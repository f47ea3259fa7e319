// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/controller"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/leader"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/claim"
)

// podNameVariable holds the name of the pod where there is one.
const podNameVariable = "POD_NAME"

// election says when this process runs the controller.
type election struct {
	mandate controller.Mandate
	run     func(ctx context.Context, work func(context.Context) error) error
	live    []healthz.HealthChecker
}

// newElection has the process lead by a Lease in the host cluster, or always.
func (o *options) newElection(host *rest.Config) (*election, error) {
	if !o.Election.LeaderElect {
		always := func(ctx context.Context, work func(context.Context) error) error { return work(ctx) }
		return &election{mandate: leader.Unopposed{}, run: always}, nil
	}
	home, err := o.home()
	if err != nil {
		return nil, err
	}
	host = rest.CopyConfig(host)
	// A request that nobody answers must leave time for another one.
	host.Timeout = o.Election.RenewDeadline.Duration / 2
	client, err := kubernetes.NewForConfig(rest.AddUserAgent(host, "leader-election"))
	if err != nil {
		return nil, fmt.Errorf("making a client for the Lease of the controller: %w", err)
	}
	elector := leader.New(client.CoordinationV1(), leader.Config{
		Namespace: o.Election.ResourceNamespace, Name: o.Election.ResourceName,
		// The claim on an embedded store is for one process at a time.
		Home: home, Alone: o.embedded,
		LeaseDuration: o.Election.LeaseDuration.Duration,
		RenewDeadline: o.Election.RenewDeadline.Duration,
		RetryPeriod:   o.Election.RetryPeriod.Duration,
	}, clock.RealClock{})
	return &election{mandate: elector, run: elector.Run, live: []healthz.HealthChecker{elector}}, nil
}

// home is what this process has in common with those that ran in its place before: the
// embedded store, which has one process at a time, or the pod or the machine.
func (o *options) home() (string, error) {
	if o.embedded {
		return claim.StoreID(o.Storage.DataDir)
	}
	return replica()
}

// replica is the name of the pod, or of the machine.
func replica() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("asking for the name of the host, to tell replicas apart: %w", err)
	}
	return cmp.Or(os.Getenv(podNameVariable), host), nil
}
