// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// DefaultLag is the lag where nothing else is asked for.
const DefaultLag = 200 * time.Millisecond

// Options configure an Operator. The zero value is usable.
type Options struct {
	// Lag is the time that a new spec takes to have its effect. Zero stands for
	// DefaultLag; a negative one for none.
	Lag time.Duration
	// Behaviour is asked how to treat an object that has no BehaviourAnnotation.
	// It is called from several goroutines, with an object that it must not
	// change. Call Operator.Reconsider when its answers change.
	Behaviour func(obj *unstructured.Unstructured) Behaviour
	// Pods, if any, run behind the objects.
	Pods Pods
}

func (o Options) lag() time.Duration {
	if o.Lag == 0 {
		return DefaultLag
	}
	return max(o.Lag, 0)
}
