// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// The defaults of readyTimeout and updatePause are those of upstream's
// VMDistributed.
const (
	// DefaultMinAvailableZones keeps one zone to read from.
	DefaultMinAvailableZones int32 = 1
	// DefaultReadyTimeout is the default of spec.strategy.readyTimeout.
	DefaultReadyTimeout = "5m"
	// DefaultUpdatePause is the default of spec.strategy.updatePause.
	DefaultUpdatePause = "1m"
)

// SetDefaults_VMDistributedClusterSpec fills in what the user left out.
func SetDefaults_VMDistributedClusterSpec(spec *VMDistributedClusterSpec) {
	if spec.DeletionPolicy == "" {
		spec.DeletionPolicy = DeletionPolicyDelete
	}
	if spec.Strategy.MinAvailableZones == nil {
		zones := DefaultMinAvailableZones
		spec.Strategy.MinAvailableZones = &zones
	}
	if spec.Strategy.ReadyTimeout == "" {
		spec.Strategy.ReadyTimeout = DefaultReadyTimeout
	}
	if spec.Strategy.UpdatePause == "" {
		spec.Strategy.UpdatePause = DefaultUpdatePause
	}
}
