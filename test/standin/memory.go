// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// episode is the update of one object that was noticed last.
type episode struct {
	uid        types.UID
	generation int64
	since      time.Time
}

// memory remembers when updates began. It is all that the stand-in keeps
// outside of the API; without it, a lag that was running runs again.
type memory struct {
	mu       sync.Mutex
	episodes map[key]episode
}

func newMemory() *memory {
	return &memory{episodes: map[key]episode{}}
}

// recall returns the last episode of an object, or the zero episode if there
// was none or it belongs to an earlier object of the same name.
func (m *memory) recall(k key, uid types.UID) episode {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.episodes[k]; e.uid == uid {
		return e
	}
	return episode{}
}

func (m *memory) keep(k key, e episode) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.episodes[k] = e
}

func (m *memory) forget(k key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.episodes, k)
}
