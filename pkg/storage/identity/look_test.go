// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"errors"
	"testing"
)

// TestWhoAsksIsToldByALookThatBeganAfterwards, and a crowd shares it.
func TestWhoAsksIsToldByALookThatBeganAfterwards(t *testing.T) {
	began, end := make(chan int), make(chan error)
	count := 0
	l := &looks{look: func() (sight, error) {
		count++
		began <- count
		return sight{}, <-end
	}}
	t.Cleanup(l.wait)
	asked := func(n int) <-chan error {
		answers := make(chan error, n)
		for range n {
			mine := l.join()
			go func() {
				<-mine.done
				answers <- mine.err
			}()
		}
		return answers
	}
	first := asked(1)
	<-began
	crowd := asked(50)
	end <- nil
	if err := <-first; err != nil {
		t.Errorf("the first one is told %v", err)
	}
	<-began
	select {
	case err := <-crowd:
		t.Errorf("told %v by a look that began before it was asked", err)
	default:
	}
	changed := errors.New("changed")
	end <- changed
	for range 50 {
		if err := <-crowd; !errors.Is(err, changed) {
			t.Errorf("one of the crowd is told %v", err)
		}
	}
	if l.wait(); count != 2 {
		t.Errorf("there were %d looks for 51 that asked, want 2", count)
	}
}

// TestWhoGivesUpTakesNoOtherAlong: the look goes on for those who wait.
func TestWhoGivesUpTakesNoOtherAlong(t *testing.T) {
	began, end := make(chan struct{}), make(chan error)
	l := &looks{look: func() (sight, error) {
		began <- struct{}{}
		return sight{}, <-end
	}}
	t.Cleanup(l.wait)
	first := l.join()
	<-began
	patient := l.join()
	impatient := errors.New("impatient")
	ctx, giveUp := context.WithCancelCause(t.Context())
	giveUp(impatient)
	if _, err := l.ask(ctx); !errors.Is(err, impatient) {
		t.Errorf("who gave up is told %v", err)
	}
	end <- nil
	<-first.done
	<-began
	end <- nil
	if <-patient.done; patient.err != nil {
		t.Errorf("who waits is told %v", patient.err)
	}
}
