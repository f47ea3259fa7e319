// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"fmt"
	"math"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// tenure is what this process knows of its own leading. Times are compared by the
// monotonic clock.
type tenure struct {
	clock  clock.PassiveClock
	holder string
	lease  string
	// sureFor is how long after a renewal nobody else can have the Lease.
	sureFor time.Duration

	mutex   sync.Mutex
	leading bool
	working bool
	number  int32
	// floor is the least number that the next record of ours may carry.
	floor int32
	// renewed is a moment before the last renewal that succeeded was sent.
	renewed time.Time
	other   string
}

// term is the one that this process leads in, if it is sure to.
func (t *tenure) term() (Term, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	switch age := t.clock.Since(t.renewed); {
	case t.leading && age < t.sureFor:
		return Term{Holder: t.holder, Number: t.number}, nil
	case t.leading:
		return Term{}, &NotLeadingError{Reason: fmt.Sprintf(
			"it renewed Lease %s %s ago, so that another process may have it by now, or soon", t.lease, age.Round(time.Millisecond))}
	case t.other != "":
		return Term{}, &NotLeadingError{Reason: fmt.Sprintf("Lease %s is held by %q", t.lease, t.other)}
	}
	return Term{}, &NotLeadingError{Reason: fmt.Sprintf("it does not hold Lease %s", t.lease)}
}

// sees hears what the Lease says. It returns true where that ends our leading.
func (t *tenure) sees(holder string, number int32) (deposed bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.other = holder
	if holder == t.holder {
		t.raise(number)
		return false
	}
	t.raise(above(number))
	deposed = t.leading
	t.leading = false
	return deposed
}

// next is the number of the record that is written now.
func (t *tenure) next(proposed int32) int32 {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return max(proposed, t.floor)
}

// confirm says that the record was written, by a request that was begun then.
func (t *tenure) confirm(begun time.Time, number int32) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.leading, t.number, t.renewed, t.other = true, number, begun, ""
	t.raise(number)
}

// resign ends our leading, and returns whether there was any.
func (t *tenure) resign() (led bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	led, t.leading = t.leading, false
	return led
}

// outrank has the next record carry a higher number than that.
func (t *tenure) outrank(number int32) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if number >= t.number {
		t.raise(above(number))
	}
}

// works says whether what only the leader does is under way.
func (t *tenure) works(working bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.working = working
}

// stuck is for how long work has gone on without the Lease; zero where it does not,
// or is on its way to its end.
func (t *tenure) stuck(after time.Duration) time.Duration {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if age := t.clock.Since(t.renewed); t.working && age > after {
		return age
	}
	return 0
}

func (t *tenure) raise(floor int32) { t.floor = max(t.floor, floor) }

// above is the next number. Behind the last there is none.
func above(number int32) int32 {
	if number == math.MaxInt32 {
		return number
	}
	return number + 1
}
