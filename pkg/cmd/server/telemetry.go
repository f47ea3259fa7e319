// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"

	"k8s.io/component-base/metrics/legacyregistry"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"  // requests to the host cluster, the election
	_ "k8s.io/component-base/metrics/prometheus/workqueue" // the queue of the controller
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/telemetry"
)

// newTelemetry has the metrics page tell of rollouts. It is for once in a process.
func newTelemetry() (*telemetry.Telemetry, error) {
	told := telemetry.New(clock.RealClock{})
	errs := []error{legacyregistry.CustomRegister(told.Collector())}
	for _, metric := range told.Registerables() {
		errs = append(errs, legacyregistry.Register(metric))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("registering the metrics about rollouts: %w", err)
	}
	return told, nil
}
