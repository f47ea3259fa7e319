// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributed

import (
	"fmt"
	"strings"
)

const (
	// PromoteAnnotation is the user's word to go on with a zone though something
	// can't be proven: that its queues are empty, that no sample was dropped, or
	// that a VMCluster which was made anew may be read from. It names each zone
	// with the revision that the word is for, as status.zones[].waitingFor tells
	// it: zone:revision, separated by commas.
	PromoteAnnotation = "distributed.victoriametrics.com/promote"
	// AbortAnnotation calls a change off: no other zone is begun, and one that is
	// drained and not written gets its reads back. It names the revision of the
	// object, status.updateRevision, so that the next change is not meant.
	AbortAnnotation = "distributed.victoriametrics.com/abort"
)

// Promotions are the revisions that the user has given their word for, by zone.
type Promotions map[string]string

// ParsePromotions reads the value of PromoteAnnotation.
func ParsePromotions(value string) (Promotions, error) {
	promotions := Promotions{}
	for entry := range strings.SplitSeq(value, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		zone, revision, found := strings.Cut(entry, ":")
		if !found || zone == "" || revision == "" || strings.ContainsAny(entry, " =/") {
			return nil, fmt.Errorf("cannot read %q: want zone:revision, such as zone-a:5f3c9d", entry)
		}
		promotions[zone] = revision
	}
	return promotions, nil
}
