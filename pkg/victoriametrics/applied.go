// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// appliedSuffix ends the type of the condition that a VMAuth sets on the VMUsers
// it selects: <name>.<namespace>.vmauth.victoriametrics.com/Applied
// (CreateOrUpdateConfig in factory/vmauth/vmauth.go, childConditionType in
// factory/reconcile/status.go).
const appliedSuffix = ".vmauth.victoriametrics.com/Applied"

// AppliedBy is what a VMAuth says of a VMUser.
type AppliedBy struct {
	VMAuth types.NamespacedName
	// Applied is whether the VMUser is part of the VMAuth's configuration.
	Applied bool
	// Current is whether that is said of the VMUser's present generation.
	Current bool
	// ObservedGeneration is the generation that it is said of.
	ObservedGeneration int64
	// Message says why it is not applied.
	Message string
	// LastUpdateTime is when it was said of this generation for the first time, or
	// repeated, which the operator does about hourly (setConditionTo,
	// factory/reconcile/status.go); zero where it cannot be read.
	LastUpdateTime time.Time
}

// Applied returns what each VMAuth says of a VMUser, in the order of its status.
//
// It is said once the configuration is written to the Secret, and only with
// spec.waitForConfigReload of the VMAuth after its replicas loaded it. The
// condition of a VMAuth that no longer selects the VMUser goes with that VMAuth's
// next pass, and that of a deleted one after hours, so a VMAuth may be told here
// that is gone. One whose configuration comes from elsewhere
// (spec.externalConfig) says nothing.
func Applied(user *unstructured.Unstructured) []AppliedBy {
	conditions, _ := member(user.Object, "status", "conditions").([]any)
	var said []AppliedBy
	for _, condition := range conditions {
		parent, found := strings.CutSuffix(text(condition, "type"), appliedSuffix)
		name, namespace, whole := strings.Cut(parent, ".")
		if !found || !whole {
			continue
		}
		by := AppliedBy{
			VMAuth:  types.NamespacedName{Namespace: namespace, Name: name},
			Applied: text(condition, "status") == "True",
			Message: text(condition, "message"),
		}
		by.ObservedGeneration, _ = integer(member(condition, "observedGeneration"))
		by.Current = by.ObservedGeneration >= user.GetGeneration()
		if at, err := time.Parse(time.RFC3339, text(condition, "lastUpdateTime")); err == nil {
			by.LastUpdateTime = at
		}
		said = append(said, by)
	}
	return said
}

func (a AppliedBy) String() string {
	return fmt.Sprintf("VMAuth %s (generation %d, applied: %t)", a.VMAuth, a.ObservedGeneration, a.Applied)
}

// WaitsForReload is true for a VMAuth that reports a VMUser as applied only once
// its replicas have loaded the configuration (spec.waitForConfigReload, since
// v0.74.0; WaitForConfigReloadHash in factory/reconcile/config_reload.go).
func WaitsForReload(auth *unstructured.Unstructured) bool {
	return flag(auth.Object, "spec", "waitForConfigReload")
}

// Selects reports whether a VMAuth is known to serve a VMUser, by its selectors:
// none set, it serves none, or all under selectAllByDefault; only userSelector
// set, those of its namespace; only userNamespaceSelector, all in these
// namespaces; both, those that both fit. Of the labels of a namespace only its name
// is known here, so that one that is selected by others does not count. A
// configuration that comes from elsewhere serves no VMUser (IsUnmanaged,
// types/vmauth_types.go).
func Selects(auth, user *unstructured.Unstructured) bool {
	spec := object(auth.Object, "spec")
	byLabels, byNamespace := spec["userSelector"], spec["userNamespaceSelector"]
	switch {
	case member(spec, "externalConfig", "secretRef") != nil, text(spec, "externalConfig", "localPath") != "":
		return false
	case byLabels == nil && byNamespace == nil:
		return flag(spec, "selectAllByDefault")
	case byLabels != nil && !selects(byLabels, user.GetLabels()):
		return false
	case byNamespace == nil:
		return auth.GetNamespace() == user.GetNamespace()
	}
	return selects(byNamespace, labels.Set{corev1.LabelMetadataName: user.GetNamespace()})
}

func selects(value any, set labels.Set) bool {
	selector, err := labelSelector(value)
	return err == nil && selector.Matches(set)
}
