// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// Selects tells whether a VMAuth makes a VMUser part of its configuration, given
// the labels of the VMUser's namespace (IsUnmanaged and VisitSelected in
// factory/k8stools, and types/common_scrapeparams.go): without any selector all
// or none, by selectAllByDefault; with userSelector alone those of its own
// namespace; with userNamespaceSelector alone all of those namespaces; with both
// those that both select. One that has its configuration from elsewhere selects
// none.
func Selects(auth, user *unstructured.Unstructured, namespaceLabels map[string]string) (bool, error) {
	spec := object(auth.Object, "spec")
	if spec["externalConfig"] != nil || text(spec, "configSecret") != "" {
		return false, nil
	}
	users, namespaces := object(spec, "userSelector"), object(spec, "userNamespaceSelector")
	switch {
	case spec["userSelector"] == nil && spec["userNamespaceSelector"] == nil:
		return flag(spec, "selectAllByDefault"), nil
	case spec["userNamespaceSelector"] == nil && auth.GetNamespace() != user.GetNamespace():
		return false, nil
	}
	for _, by := range []struct {
		selector map[string]any
		labels   map[string]string
	}{{users, user.GetLabels()}, {namespaces, namespaceLabels}} {
		matches, err := selects(by.selector, by.labels)
		if err != nil {
			return false, fmt.Errorf("reading the selectors of VMAuth %s/%s: %w", auth.GetNamespace(), auth.GetName(), err)
		}
		if !matches {
			return false, nil
		}
	}
	return true, nil
}

// selects is true where there is no selector.
func selects(selector map[string]any, have map[string]string) (bool, error) {
	if selector == nil {
		return true, nil
	}
	var typed metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(selector, &typed); err != nil {
		return false, err
	}
	parsed, err := metav1.LabelSelectorAsSelector(&typed)
	if err != nil {
		return false, err
	}
	return parsed.Matches(labels.Set(have)), nil
}

// defaultReloadDelay is -delay-interval of the operator's config-reloader
// (cmd/config-reloader/main.go).
const defaultReloadDelay = 3 * time.Second

// ReloadDelay is how long the config-reloader beside a vmauth waits with what it
// has seen of the configuration before it makes vmauth load it.
func ReloadDelay(auth *unstructured.Unstructured) time.Duration {
	delay, err := time.ParseDuration(text(auth.Object, "spec", "configReloaderExtraArgs", "delay-interval"))
	if err != nil || delay < defaultReloadDelay {
		return defaultReloadDelay
	}
	return delay
}
