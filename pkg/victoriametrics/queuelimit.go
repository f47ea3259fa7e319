// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

const (
	// defaultQueueLimit is defaultMaxDiskUsage of factory/vmagent/vmagent.go.
	defaultQueueLimit = "1073741824"
	// leastQueueLimit is what a VMAgent makes of anything smaller but 0
	// (DefaultChunkFileSize, lib/persistentqueue/persistentqueue.go of
	// VictoriaMetrics).
	leastQueueLimit = (32<<20 + 8) * 16
)

// maxDiskUsage returns the size that the queue of an entry may have on the disk,
// 0 for any, and false where it cannot be told. It is the entry's own
// maxDiskUsage, else that of remoteWriteSettings, else an equal part of the
// volume in statefulMode, else 1 GiB (buildRemoteWriteArgs,
// factory/vmagent/vmagent.go). An entry's own makes the operator write all of
// them out; extraArgs replace all.
func (w writer) maxDiskUsage(position int, item any) (int64, bool) {
	if given := w.args.get("remoteWrite.maxDiskUsagePerURL"); given.place != "" {
		return queueLimit(nth(given, position).value)
	}
	limit := bytesString(member(item, "maxDiskUsage"))
	if limit == "" {
		limit = w.commonLimit()
	}
	return queueLimit(limit)
}

func (w writer) commonLimit() string {
	limit := bytesString(member(w.spec, "remoteWriteSettings", "maxDiskUsagePerURL"))
	if limit != "" && limit != defaultQueueLimit {
		return limit
	}
	if !flag(w.spec, "statefulMode") || len(w.list) == 0 {
		return defaultQueueLimit
	}
	size, err := resource.ParseQuantity(text(w.spec, "statefulStorage", "volumeClaimTemplate", "spec", "resources", "requests", "storage"))
	if err != nil || size.Value() <= 0 {
		return defaultQueueLimit
	}
	return strconv.FormatInt(size.Value()/int64(len(w.list)), 10)
}

// bytesString reads BytesString (types/vmextra_types.go), a number or a string.
func bytesString(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	if n, ok := integer(value); ok {
		return strconv.FormatInt(n, 10)
	}
	return ""
}

func queueLimit(limit string) (int64, bool) {
	if limit == "" {
		return 0, true
	}
	size, err := parseBytes(limit)
	if err != nil {
		return 0, false
	}
	if size > 0 {
		size = max(size, leastQueueLimit)
	}
	return size, true
}

// parseBytes reads a size the way of VictoriaMetrics (lib/flagutil/bytes.go):
// KB is 1000 and KiB 1024, in any case.
func parseBytes(s string) (int64, error) {
	number, factor := strings.ToLower(s), float64(1)
	for i, unit := range []string{"k", "m", "g", "t"} {
		if rest, ok := strings.CutSuffix(number, unit+"ib"); ok {
			number, factor = rest, math.Pow(1024, float64(i+1))
			break
		}
		if rest, ok := strings.CutSuffix(number, unit+"b"); ok {
			number, factor = rest, math.Pow(1000, float64(i+1))
			break
		}
	}
	size, err := strconv.ParseFloat(number, 64)
	if err != nil || size < 0 || size*factor >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is not a size", s)
	}
	return int64(size * factor), nil
}
