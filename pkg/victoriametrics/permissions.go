// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/util/sets"
)

// PermitShrinkAnnotation permits changes that take storage away. It stands on a
// VMDistributedCluster, and ParsePermissions reads it.
const PermitShrinkAnnotation = AnnotationPrefix + "permit-storage-shrink"

// Permissions are the shrinks that are allowed, by zone, each in the form of
// Shrink.String.
type Permissions map[string]sets.Set[string]

// ParsePermissions reads permissions to take storage away: entries of the form
// zone:path=to, separated by commas, such as
//
//	zone-a:vmstorage.replicaCount=1, zone-b:vmstorage.storage.volumeClaimTemplate.spec.resources.requests.storage=10Gi
//
// An entry allows exactly that value at exactly that path. An entry that cannot
// be read is an error, and so is one with a space around the equals sign: it
// would permit what no change asks for.
func ParsePermissions(annotationValue string) (Permissions, error) {
	permissions := Permissions{}
	for entry := range strings.SplitSeq(annotationValue, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		zone, shrink, hasZone := strings.Cut(entry, ":")
		path, to, hasValue := strings.Cut(shrink, "=")
		if !hasZone || !hasValue || !isZone(zone) || !isBare(path) || !isBare(to) {
			return nil, fmt.Errorf("cannot read the permission %q to take storage away: want zone:path=value, such as zone-a:vmstorage.replicaCount=1", entry)
		}
		if permissions[zone] == nil {
			permissions[zone] = sets.New[string]()
		}
		permissions[zone].Insert(shrink)
	}
	return permissions, nil
}

func isZone(text string) bool {
	return text != "" && !strings.Contains(text, "=") && !strings.ContainsFunc(text, unicode.IsSpace)
}

// isBare reports whether there is text without space around it.
func isBare(text string) bool { return text != "" && text == strings.TrimSpace(text) }

// Unpermitted returns the shrinks of a zone that are not allowed.
func Unpermitted(zone string, shrinks []Shrink, permissions Permissions) []Shrink {
	var left []Shrink
	for _, shrink := range shrinks {
		if !permissions[zone].Has(shrink.String()) {
			left = append(left, shrink)
		}
	}
	return left
}
