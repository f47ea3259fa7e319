// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package promise

import (
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// behaviours say which VMClusters the operator can't bring to health.
type behaviours struct {
	mutex sync.Mutex
	set   map[types.NamespacedName]standin.Behaviour
}

func (b *behaviours) of(object *unstructured.Unstructured) standin.Behaviour {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if object.GetKind() != "VMCluster" {
		return standin.Normal
	}
	return b.set[types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}]
}

func (b *behaviours) give(namespace, name string, behaviour standin.Behaviour) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.set == nil {
		b.set = map[types.NamespacedName]standin.Behaviour{}
	}
	b.set[types.NamespacedName{Namespace: namespace, Name: name}] = behaviour
}
