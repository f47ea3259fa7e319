// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// same is true for a write that changes nothing of what advice is about.
func same(object, old *vmdistributed.VMDistributedCluster) bool {
	const annotation = victoriametrics.PermitShrinkAnnotation
	return old != nil && object.Annotations[annotation] == old.Annotations[annotation] && equality.Semantic.DeepEqual(object.Spec, old.Spec)
}

// onItself is the advice that takes no look at anything else.
func onItself(s *scene) []string { return collect(s, onStrategy, onUnlisted, onNoAgent) }

// onEverything is all advice, the most important first.
func onEverything(s *scene) []string {
	return collect(s,
		onForeign, onAbsent, onShrinks, onStrategy, onUndrainable, onWrites, onRoutes,
		onUnlisted, onContested, onAllStorage, onIdleOverrides, onNoAgent,
	)
}

func collect(s *scene, advise ...func(*scene) []string) []string {
	var found []string
	for _, on := range advise {
		found = append(found, on(s)...)
	}
	return found
}
