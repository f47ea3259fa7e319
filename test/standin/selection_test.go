// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAVMAuthSelectsVMUsersAsTheOperatorDoes(t *testing.T) {
	own := selectable{namespace: "here", labels: map[string]string{"team": "a"}, namespaceLabels: map[string]string{"env": "dev"}}
	other := own
	other.namespace = "elsewhere"
	match := func(key, value string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
	}
	for name, c := range map[string]struct {
		spec       authSpec
		own, other bool
	}{
		"nothing without selectors":                   {authSpec{}, false, false},
		"everything by default, where that is set":    {authSpec{SelectAllByDefault: true}, true, true},
		"its own namespace, by labels":                {authSpec{UserSelector: match("team", "a")}, true, false},
		"no other labels":                             {authSpec{UserSelector: match("team", "b")}, false, false},
		"all namespaces, with an empty selector":      {authSpec{UserNamespaceSelector: &metav1.LabelSelector{}}, true, true},
		"namespaces by label":                         {authSpec{UserNamespaceSelector: match("env", "dev")}, true, true},
		"no other namespaces":                         {authSpec{UserNamespaceSelector: match("env", "prod")}, false, false},
		"both at once":                                {authSpec{UserNamespaceSelector: match("env", "dev"), UserSelector: match("team", "b")}, false, false},
		"selectors rather than everything by default": {authSpec{SelectAllByDefault: true, UserSelector: match("team", "b")}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			for user, want := range map[*selectable]bool{&own: c.own, &other: c.other} {
				got, err := c.spec.selects("here", *user)
				if err != nil || got != want {
					t.Errorf("for a user in %s: got %v, %v; want %v", user.namespace, got, err, want)
				}
			}
		})
	}
}
