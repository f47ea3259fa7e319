// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"

	"k8s.io/component-base/metrics/legacyregistry"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"  // requests to the host cluster, the election
	_ "k8s.io/component-base/metrics/prometheus/workqueue" // the queue of the controller

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/telemetry"
)

// registerTelemetry has the metrics page tell of rollouts. It is for once in a process.
func registerTelemetry(told *telemetry.Telemetry) error {
	if err := legacyregistry.CustomRegister(told.Collector()); err != nil {
		return fmt.Errorf("registering the metrics about rollouts: %w", err)
	}
	return register(told.Registerables())
}
