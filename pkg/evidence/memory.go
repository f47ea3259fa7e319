// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"sync"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// kept is for how long a reading is compared with: no proof takes longer that
// begins with it, and a restart of the program, which forgets it, only makes a
// proof begin anew.
const kept = time.Hour

// readings are the first ones since something began, by pod.
type readings[T any] struct {
	mutex sync.Mutex
	first map[string]first[T]
}

type first[T any] struct {
	since time.Time
	seen  time.Time
	value T
}

// compare returns the first reading since the given moment, which is this one if
// there was none, and when it was made.
func (r *readings[T]) compare(key string, since, now time.Time, value T) (T, time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	known, found := r.first[key]
	if found && known.since.Equal(since) {
		return known.value, known.seen
	}
	if r.first == nil {
		r.first = map[string]first[T]{}
	}
	for old, reading := range r.first {
		if now.Sub(reading.seen) > kept {
			delete(r.first, old)
		}
	}
	r.first[key] = first[T]{since, now, value}
	return value, now
}

// restart makes this reading the first one.
func (r *readings[T]) restart(key string, since, now time.Time, value T) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.first[key] = first[T]{since, now, value}
}

// since is when the first reading was made; zero where there is none.
func (r *readings[T]) since(key string) time.Time {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.first[key].seen
}

// attempts are the numbers of reloads, those included that found nothing new.
type attempts struct{ readings[float64] }

// grown is true where a replica has loaded its configuration since it was written,
// be it the same as before.
func (a *attempts) grown(key string, written, now time.Time, reading victoriametrics.ReloadReading) bool {
	if reading.Attempts < 0 {
		return false
	}
	before, _ := a.compare(key+reading.Started.String(), written, now, reading.Attempts)
	return reading.Attempts > before
}

// requests are the numbers of reads that came in.
type requests struct{ readings[float64] }

// unchanged is true where none has come in for a while, by two pages.
func (r *requests) unchanged(key string, count float64, at time.Time) bool {
	before, since := r.compare(key, time.Time{}, at, count)
	if before != count || at.Before(since) || at.Sub(since) > 10*idleFor {
		r.restart(key, time.Time{}, at, count)
		return false
	}
	return at.Sub(since) >= idleFor
}

// due is since when a page would be late enough to be the second one, zero where
// it would not be yet: a page from a moment ago might be just too early.
func (r *requests) due(key string, now time.Time) time.Time {
	if first := r.since(key); !first.IsZero() && now.Sub(first) >= idleFor {
		return first.Add(idleFor)
	}
	return time.Time{}
}
