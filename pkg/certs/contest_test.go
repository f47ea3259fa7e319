// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"slices"
	"testing"
	"time"
)

// fight has another writer take what we put as soon as it is there, and returns after
// which pauses we put it back.
func fight(c contests, age time.Duration, rounds int) (pauses []time.Duration, now time.Duration) {
	c.note(age, "a", "ours")
	for range rounds {
		age += time.Millisecond
		c.see(age, "a", "theirs", "ours")
		pause := c.pause(age, "a", "ours")
		pauses = append(pauses, (pause + time.Millisecond).Truncate(100*time.Millisecond))
		age += pause
		c.note(age, "a", "ours")
	}
	return pauses, age
}

// TestPausesDouble from none to five minutes, and stay there.
func TestPausesDouble(t *testing.T) {
	t.Parallel()
	got, _ := fight(contests{}, 0, 40)
	want := []time.Duration{0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(got[:len(want)], want) {
		t.Errorf("pauses are %v, want %v", got[:len(want)], want)
	}
	if last := got[len(got)-1]; last != lastPause {
		t.Errorf("the last pause is %s", last)
	}
}

// TestPausesAreForgotten once nobody has touched it for long enough, and not before.
func TestPausesAreForgotten(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		left time.Duration
		want time.Duration
	}{{quiet - time.Second, 64 * time.Second}, {quiet, 0}} {
		c := contests{}
		_, age := fight(c, 0, 7)
		age += tc.left
		c.see(age, "a", "ours", "ours")
		c.see(age, "a", "theirs", "ours")
		c.note(age, "a", "ours")
		c.see(age, "a", "theirs", "ours")
		got := c.pause(age, "a", "ours")
		if tc.want == 0 {
			tc.want = firstPause // the second loss after the quiet
		} else {
			tc.want *= 2
		}
		if got != tc.want {
			t.Errorf("left alone for %s, the pause is %s, want %s", tc.left, got, tc.want)
		}
	}
}

// TestALossCountsOnce, however often it is looked at, and what is new waits for nobody.
func TestALossCountsOnce(t *testing.T) {
	t.Parallel()
	c := contests{}
	if c.see(0, "a", "theirs", "ours") || c.pause(0, "a", "ours") != 0 {
		t.Error("what was never put there has been taken away")
	}
	c.note(0, "a", "ours")
	for i := range 5 {
		if taken := c.see(time.Second, "a", "theirs", "ours"); taken != (i == 0) {
			t.Errorf("look %d: taken is %v", i, taken)
		}
	}
	if pause := c.pause(time.Second, "a", "ours"); pause != 0 {
		t.Errorf("after one loss, the pause is %s", pause)
	}
	_, age := fight(c, time.Second, 8)
	c.see(age, "a", "theirs", "ours")
	if c.pause(age, "a", "ours") == 0 || c.pause(age, "a", "renewed") != 0 || c.pause(age, "b", "ours") != 0 {
		t.Error("something else waits, or this does not")
	}
}
