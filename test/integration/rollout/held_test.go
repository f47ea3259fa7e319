// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import "sync"

// namespaces is a set of them, for several goroutines.
type namespaces struct{ names sync.Map }

func (n *namespaces) has(name string) bool {
	_, found := n.names.Load(name)
	return found
}

// hold makes the stand-in get stuck on all VMClusters of the namespace that ask
// for nothing else.
func (r *room) hold() {
	shared.held.names.Store(r.namespace, true)
	shared.operator.Reconsider()
}

// letGo takes hold back.
func (r *room) letGo() {
	shared.held.names.Delete(r.namespace)
	shared.operator.Reconsider()
}
