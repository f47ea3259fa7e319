// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"reflect"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// workOf writes down what is remembered of a zone in work; nil of another one.
func workOf(record *rollout.Record) *vmdistributed.ZoneWork {
	work := &vmdistributed.ZoneWork{
		Begun:        microOrNil(record.Begun),
		Clock:        microOrNil(record.Clock),
		Drained:      microOrNil(record.Drained),
		DrainWritten: record.DrainDone,
		Redrained:    int32(record.Redrained),
		Loaded:       microOrNil(record.Loaded),
		Restored:     microOrNil(record.Restored),
		Healthy:      microOrNil(record.Healthy),
		Quiet:        microOrNil(record.Quiet),
	}
	for _, mark := range record.Baseline.Marks() {
		work.Queues = append(work.Queues, vmdistributed.QueueMark(mark))
	}
	if reflect.ValueOf(*work).IsZero() {
		return nil
	}
	return work
}

// readWork is the reverse.
func readWork(work *vmdistributed.ZoneWork, record *rollout.Record) {
	record.Begun, record.Clock = microOf(work.Begun), microOf(work.Clock)
	record.Drained, record.DrainDone, record.Redrained = microOf(work.Drained), work.DrainWritten, int(work.Redrained)
	record.Loaded, record.Restored = microOf(work.Loaded), microOf(work.Restored)
	record.Healthy, record.Quiet = microOf(work.Healthy), microOf(work.Quiet)
	var marks []rollout.Mark
	for _, mark := range work.Queues {
		marks = append(marks, rollout.Mark(mark))
	}
	record.Baseline = rollout.NewBaseline(marks)
}

func microOf(at *metav1.MicroTime) time.Time {
	if at == nil {
		return time.Time{}
	}
	return at.Time
}

// microOrNil cuts a time down to what the API can say.
func microOrNil(at time.Time) *metav1.MicroTime {
	if at.IsZero() {
		return nil
	}
	return &metav1.MicroTime{Time: at.Truncate(time.Microsecond)}
}
