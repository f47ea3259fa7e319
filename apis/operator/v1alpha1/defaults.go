// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "cmp"

// The defaults of readyTimeout and updatePause are those of upstream's
// VMDistributed.
const (
	// DefaultMinAvailableZones keeps one zone to read from.
	DefaultMinAvailableZones int32 = 1
	// DefaultReadyTimeout is the default of spec.strategy.readyTimeout.
	DefaultReadyTimeout = "5m"
	// DefaultUpdatePause is the default of spec.strategy.updatePause.
	DefaultUpdatePause = "1m"
	// DefaultMaxUnavailable is the default of spec.strategy.maxUnavailable.
	DefaultMaxUnavailable int32 = 1
	// DefaultMaxFailures is the default of spec.strategy.maxFailures.
	DefaultMaxFailures int32 = 0
	// DefaultProgressDeadline is the default of spec.strategy.progressDeadline.
	DefaultProgressDeadline = "1h"
	// DefaultDrainTimeout is more than the operator's resynchronisation of 60s,
	// until which it may leave a change of a VMUser lying.
	DefaultDrainTimeout = "3m"
	// DefaultGracePeriod is the default of spec.strategy.drain.gracePeriod, and
	// that of vmselect's -search.maxQueryDuration.
	DefaultGracePeriod = "30s"
	// DefaultFlushTimeout is the default of spec.strategy.flush.timeout.
	DefaultFlushTimeout = "30m"
	// DefaultMaxPendingBytes is the default of
	// spec.strategy.flush.maxPendingBytes.
	DefaultMaxPendingBytes int64 = 1 << 20
	// DefaultRevisionHistoryLimit is that of a Deployment.
	DefaultRevisionHistoryLimit int32 = 10
)

// SetDefaults_VMDistributedClusterSpec fills in what the user left out.
func SetDefaults_VMDistributedClusterSpec(spec *VMDistributedClusterSpec) {
	setDefault(&spec.RevisionHistoryLimit, DefaultRevisionHistoryLimit)
	setDefaultsOfStrategy(&spec.Strategy)
}

func setDefaultsOfStrategy(strategy *RolloutStrategy) {
	setDefault(&strategy.MaxUnavailable, DefaultMaxUnavailable)
	setDefault(&strategy.MinAvailableZones, DefaultMinAvailableZones)
	setDefault(&strategy.MaxFailures, DefaultMaxFailures)
	setDefault(&strategy.Flush.MaxPendingBytes, DefaultMaxPendingBytes)
	strategy.ReadyTimeout = cmp.Or(strategy.ReadyTimeout, DefaultReadyTimeout)
	strategy.UpdatePause = cmp.Or(strategy.UpdatePause, DefaultUpdatePause)
	strategy.ProgressDeadline = cmp.Or(strategy.ProgressDeadline, DefaultProgressDeadline)
	strategy.Drain.Timeout = cmp.Or(strategy.Drain.Timeout, DefaultDrainTimeout)
	strategy.Drain.GracePeriod = cmp.Or(strategy.Drain.GracePeriod, DefaultGracePeriod)
	strategy.Flush.Timeout = cmp.Or(strategy.Flush.Timeout, DefaultFlushTimeout)
}

func setDefault[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
