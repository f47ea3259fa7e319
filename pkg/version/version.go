// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package version knows the version of this program.
package version

import (
	"k8s.io/apimachinery/pkg/util/version"
	baseversion "k8s.io/component-base/version"
)

// Current is the version of the program, for compatibility: major and minor.
const Current = "0.1"

// build is set by the linker.
var build = "unknown"

// Build names the commit that the program was built from, as git describes it.
func Build() string { return build }

// Kubernetes maps a version of this program to the version of the Kubernetes
// libraries whose behaviour it stands for. An older version stands for an
// equally older Kubernetes.
func Kubernetes(ours *version.Version) *version.Version {
	newest := version.MustParse(baseversion.DefaultKubeBinaryVersion)
	current := version.MustParse(Current)
	if ours.Major() != current.Major() || ours.Minor() >= current.Minor() {
		return newest
	}
	return newest.SubtractMinor(current.Minor() - ours.Minor())
}
