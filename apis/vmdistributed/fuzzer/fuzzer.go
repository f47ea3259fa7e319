// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fuzzer fills the hub types at random, for tests of conversion.
package fuzzer

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// Funcs returns what fills those types that do not take any value: members that
// have a default are never empty once they have been read, and the text of an
// object is JSON.
func Funcs(serializer.CodecFactory) []any {
	return []any{
		func(cluster *vmdistributed.VMDistributedCluster, c randfill.Continue) {
			c.FillNoCustom(cluster)
			cluster.Stored = "" // it is in no version
		},
		func(o *rawjson.Object, c randfill.Continue) {
			o.Raw = text(c, 3)
		},
		func(spec *vmdistributed.VMDistributedClusterSpec, c randfill.Continue) {
			c.FillNoCustom(spec)
			spec.DeletionPolicy = []vmdistributed.DeletionPolicy{vmdistributed.DeletionPolicyDelete, vmdistributed.DeletionPolicyRetain}[c.Intn(2)]
			spec.ManagementPolicy = []vmdistributed.ManagementPolicy{vmdistributed.ManagementPolicyManage, vmdistributed.ManagementPolicyObserve}[c.Intn(2)]
			spec.RevisionHistoryLimit = new(c.Int31n(maxZones))
			fillStrategy(&spec.Strategy, c)
		},
		func(record *vmdistributed.ControllerRecord, c randfill.Continue) {
			c.FillNoCustom(record)
			record.LeaseTransitions = c.Int31()
		},
	}
}

const maxZones = 100

func fillStrategy(strategy *vmdistributed.RolloutStrategy, c randfill.Continue) {
	for _, count := range []**int32{&strategy.MinAvailableZones, &strategy.MaxUnavailable, &strategy.MaxFailures} {
		*count = new(c.Int31n(maxZones))
	}
	strategy.Flush.MaxPendingBytes = new(int64(c.Int31()))
	for _, duration := range []*string{&strategy.ReadyTimeout, &strategy.UpdatePause, &strategy.ProgressDeadline,
		&strategy.Drain.Timeout, &strategy.Drain.GracePeriod, &strategy.Flush.Timeout, &strategy.Flush.StableFor} {
		*duration = time.Duration(1 + c.Int31()).String()
	}
	strategy.Approval = []vmdistributed.Approval{vmdistributed.ApprovalNever, vmdistributed.ApprovalAfterFirstZone, vmdistributed.ApprovalEveryZone}[c.Intn(3)]
	strategy.Drain.LastTarget = []vmdistributed.LastTarget{vmdistributed.LastTargetFailOver, vmdistributed.LastTargetRefuse}[c.Intn(2)]
}

// text writes an object in the form that encoding leaves alone: without spaces,
// and without the characters that are escaped for HTML.
func text(c randfill.Continue, depth int) []byte {
	raw := []byte{'{'}
	for i := range c.Intn(4) {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = fmt.Appendf(raw, `"%c%d":%s`, 'a'+c.Intn(26), i, value(c, depth))
	}
	return append(raw, '}')
}

func value(c randfill.Continue, depth int) []byte {
	switch kind := c.Intn(8); {
	case kind == 0:
		return []byte("null")
	case kind == 1:
		return fmt.Append(nil, c.Bool())
	case kind == 2:
		return fmt.Append(nil, c.Int63())
	case kind == 3:
		return fmt.Appendf(nil, "%d.%d0", c.Intn(10), c.Intn(10))
	case kind == 4:
		return fmt.Appendf(nil, `"ü%x"`, c.Int31())
	case depth == 0:
		return []byte("[]")
	case kind == 5:
		return fmt.Appendf(nil, "[%s,%s]", value(c, depth-1), value(c, depth-1))
	default:
		return text(c, depth-1)
	}
}
