// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// selects tells whether a VMAuth in a namespace serves a VMUser. Selectors, if
// there are any, go before selectAllByDefault; a selector of labels alone stays
// within the VMAuth's own namespace.
func (s authSpec) selects(namespace string, user selectable) (bool, error) {
	if s.UserSelector == nil && s.UserNamespaceSelector == nil {
		return s.SelectAllByDefault, nil
	}
	if s.UserNamespaceSelector == nil && user.namespace != namespace {
		return false, nil
	}
	ok, err := matches("userNamespaceSelector", s.UserNamespaceSelector, user.namespaceLabels)
	if err != nil || !ok {
		return false, err
	}
	return matches("userSelector", s.UserSelector, user.labels)
}

// selectable is what a VMUser is selected by.
type selectable struct {
	namespace               string
	labels, namespaceLabels map[string]string
}

// matches is true for an absent selector, and for an empty one.
func matches(field string, selector *metav1.LabelSelector, set map[string]string) (bool, error) {
	if selector == nil {
		return true, nil
	}
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return false, fmt.Errorf("spec.%s: %w", field, err)
	}
	return compiled.Matches(labels.Set(set)), nil
}
