// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// wordsRest is how long the words of a status stay before others take their
// place, where nothing else changes. While a step of a rollout goes on, what it
// waits for changes with every event, and the write that says so would stand
// between the last of them and what follows.
const wordsRest = 500 * time.Millisecond

// pace remembers when statuses were last written. The zero value is ready for use.
type pace struct {
	mutex   sync.Mutex
	written map[cache.ObjectName]time.Time
}

func (p *pace) note(object cache.ObjectName, now time.Time) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.written == nil {
		p.written = map[cache.ObjectName]time.Time{}
	}
	for other, at := range p.written {
		if now.Sub(at) >= wordsRest {
			delete(p.written, other)
		}
	}
	p.written[object] = now
}

// rests is until when the words of a status stay; zero where others may take
// their place.
func (p *pace) rests(object cache.ObjectName, now time.Time) time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if at, known := p.written[object]; known && now.Sub(at) < wordsRest {
		return at.Add(wordsRest)
	}
	return time.Time{}
}

// onlyWords is true where two statuses differ at most in what only people read.
func onlyWords(before, after *vmdistributed.VMDistributedClusterStatus) bool {
	return equality.Semantic.DeepEqual(withoutWords(before), withoutWords(after))
}

func withoutWords(status *vmdistributed.VMDistributedClusterStatus) *vmdistributed.VMDistributedClusterStatus {
	bare := status.DeepCopy()
	bare.Reason = ""
	for i := range bare.Zones {
		bare.Zones[i].Reason, bare.Zones[i].WaitingFor = "", ""
		bare.Zones[i].Deadline, bare.Zones[i].QueueBytes = nil, nil
	}
	for i := range bare.Conditions {
		bare.Conditions[i].Reason, bare.Conditions[i].Message = "", ""
	}
	return bare
}
