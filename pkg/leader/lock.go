// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"context"

	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lock is the Lease, with our tenure told of all that becomes of it.
type lock struct {
	resourcelock.Interface
	tenure *tenure
	// ended is true of a holder that is known not to run any more.
	ended func(holder string) bool
	// deposed is called when another process has the Lease that was ours.
	deposed func()
}

// Get reads the Lease. One whose holder has ended reads as if it had been let go of.
func (l *lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err != nil {
		return nil, nil, err
	}
	if l.tenure.sees(record.HolderIdentity, int32(record.LeaderTransitions)) {
		l.deposed()
	}
	if record.HolderIdentity != l.Identity() && l.ended(record.HolderIdentity) {
		record.HolderIdentity = ""
	}
	return record, raw, nil
}

// Create makes the Lease, ours.
func (l *lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, record, l.Interface.Create)
}

// Update takes the Lease or renews it.
func (l *lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(ctx, record, l.Interface.Update)
}

func (l *lock) write(ctx context.Context, record resourcelock.LeaderElectionRecord, send func(context.Context, resourcelock.LeaderElectionRecord) error) error {
	begun, number := l.tenure.clock.Now(), l.tenure.next(int32(record.LeaderTransitions))
	record.LeaderTransitions = int(number)
	if err := send(ctx, record); err != nil {
		return err
	}
	l.tenure.confirm(begun, number)
	return nil
}
