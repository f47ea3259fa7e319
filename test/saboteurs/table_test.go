// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

// TestEveryGuardIsWhereTheTableSays, so that a change of the code that the table does
// not follow is noticed at once.
func TestEveryGuardIsWhereTheTableSays(t *testing.T) {
	t.Chdir("../..")
	scratch, names := t.TempDir(), map[string]bool{}
	for _, s := range saboteurs {
		if _, err := s.overlay(scratch); err != nil {
			t.Errorf("guard %q: %v", s.guard, err)
		}
		if names[s.guard] {
			t.Errorf("guard %q is there twice", s.guard)
		}
		names[s.guard] = true
	}
}
