// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// volumeKind says where a component keeps its files.
type volumeKind int

const (
	// onEmptyDir is what the operator takes where nothing else is said.
	onEmptyDir volumeKind = iota
	onClaim
	// onOwnVolume is an entry of volumes under the name that the operator uses.
	onOwnVolume
	onUnreadable
)

// volume is the main volume of vmstorage or vmselect, as IntoSTSVolume in
// types/vmextra_types.go decides.
type volume struct {
	kind    volumeKind
	name    string
	request any
	// raw is what was decided from.
	raw any
}

func volumeOf(settings map[string]any, defaultName string) volume {
	storage := settings["storage"]
	section, readable := storage.(map[string]any)
	switch {
	case storage == nil:
		if own := named(settings["volumes"], defaultName); own != nil {
			return volume{kind: onOwnVolume, raw: own}
		}
		return volume{kind: onEmptyDir}
	case !readable:
		return volume{kind: onUnreadable, raw: storage}
	case section["emptyDir"] != nil:
		return volume{kind: onEmptyDir, raw: storage}
	}
	name := text(section, "volumeClaimTemplate", "metadata", "name")
	if name == "" {
		name = defaultName
	}
	return volume{kind: onClaim, name: name, request: requestOf(section["volumeClaimTemplate"]), raw: storage}
}

// named returns the entry of a list with that name.
func named(list any, name string) any {
	entries, _ := list.([]any)
	for _, entry := range entries {
		if text(entry, "name") == name {
			return entry
		}
	}
	return nil
}

func requestOf(claim any) any {
	return member(claim, "spec", "resources", "requests", "storage")
}

// volumeShrinks compares the volumes of a component.
func volumeShrinks(c component, defaultName string, before, after map[string]any) []Shrink {
	from, to := volumeOf(before, defaultName), volumeOf(after, defaultName)
	at := c.field + ".storage"
	var found []Shrink
	switch {
	case from.kind == onEmptyDir:
	case from.kind == onUnreadable || to.kind == onUnreadable:
		if !override.Equal(from.raw, to.raw) {
			found = append(found, Shrink{Path: at, From: from.String(), To: to.String()})
		}
	case from.kind == onOwnVolume:
		found = ownVolumeShrinks(c.field+".volumes["+defaultName+"]", from, to)
	case to.kind == onClaim:
		found = claimShrinks(at+".volumeClaimTemplate", from, to)
	default:
		found = append(found, Shrink{Path: at, From: from.String(), To: to.String()})
	}
	return append(found, claimTemplateShrinks(c.field+".claimTemplates", before["claimTemplates"], after["claimTemplates"])...)
}

func (v volume) String() string {
	switch {
	case v.kind == onUnreadable:
		return unreadable
	case v.kind == onClaim:
		return size(v.request)
	case v.kind == onEmptyDir && v.raw != nil:
		return emptyDir
	}
	return absent // the storage section is
}

func ownVolumeShrinks(at string, from, to volume) []Shrink {
	switch {
	case to.kind != onOwnVolume:
		return []Shrink{{Path: at, From: present, To: absent}}
	case !override.Equal(from.raw, to.raw):
		return []Shrink{{Path: at, From: present, To: changed}}
	}
	return nil
}

func claimShrinks(at string, from, to volume) []Shrink {
	var found []Shrink
	if from.name != to.name {
		found = append(found, Shrink{Path: at + ".metadata.name", From: from.name, To: to.name})
	}
	return append(found, requestShrinks(at, from.request, to.request)...)
}

func requestShrinks(at string, from, to any) []Shrink {
	if !lowered(from, to) {
		return nil
	}
	return []Shrink{{Path: at + ".spec.resources.requests.storage", From: size(from), To: size(to)}}
}

// lowered compares storage requests: 10Gi and 10240Mi are the same.
func lowered(from, to any) bool {
	if from == nil || override.Equal(from, to) {
		return false
	}
	had, err := resource.ParseQuantity(size(from))
	if err != nil {
		return true
	}
	has, err := resource.ParseQuantity(size(to))
	return err != nil || has.Cmp(had) < 0
}

// size renders a storage request, which may be a bare number.
func size(request any) string {
	switch request := request.(type) {
	case nil:
		return absent
	case string:
		return request
	case int64, float64:
		return fmt.Sprint(request)
	}
	return unreadable
}

// claimTemplateShrinks compares claimTemplates, which the operator passes to the
// StatefulSet as they are; the name is what binds a claim to its volume.
func claimTemplateShrinks(at string, before, after any) []Shrink {
	if override.Equal(before, after) {
		return nil
	}
	from, fromReadable := claimTemplates(before)
	to, toReadable := claimTemplates(after)
	if !fromReadable || !toReadable {
		return []Shrink{{Path: at, From: readability(before, fromReadable), To: readability(after, toReadable)}}
	}
	var found []Shrink
	for _, claim := range from {
		entry := fmt.Sprintf("%s[%s]", at, claim.name)
		i := slices.IndexFunc(to, func(c volume) bool { return c.name == claim.name })
		if i < 0 {
			found = append(found, Shrink{Path: entry, From: size(claim.request), To: absent})
			continue
		}
		found = append(found, requestShrinks(entry, claim.request, to[i].request)...)
	}
	return found
}

func claimTemplates(list any) (claims []volume, readable bool) {
	entries, readable := list.([]any)
	if list == nil {
		return nil, true
	}
	for _, entry := range entries {
		name := text(entry, "metadata", "name")
		claims = append(claims, volume{kind: onClaim, name: name, request: requestOf(entry)})
		readable = readable && name != ""
	}
	return claims, readable
}

func readability(value any, readable bool) string {
	switch {
	case value == nil:
		return absent
	case readable:
		return present
	}
	return unreadable
}
