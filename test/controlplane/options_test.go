// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"slices"
	"testing"
)

func TestRespondersGoWithTheOperatorWhosePodsRunNothing(t *testing.T) {
	for _, mode := range OperatorModes() {
		options := Options{Operator: mode, Responders: true}
		err := options.completeOperator()
		if accepted := err == nil; accepted != (mode == OperatorReal) {
			t.Errorf("%s: got error %v", mode, err)
		}
		options = Options{Operator: mode}
		must(t, options.completeOperator())
		if slices.Contains(options.programs(), respondersProgram) {
			t.Errorf("%s: %s runs unasked", mode, respondersProgram)
		}
	}
}
