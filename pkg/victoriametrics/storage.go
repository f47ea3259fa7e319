// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// Shrink is one way in which a change of a VMCluster's spec takes storage away.
type Shrink struct {
	// Path is the place in the spec, dotted, such as vmstorage.replicaCount.
	Path string
	// From and To are the values as people write them; "absent" for none.
	From, To string
}

// String is the form in which a Shrink is permitted: path=to.
func (s Shrink) String() string { return s.Path + "=" + s.To }

// What stands in a Shrink for something that has no short value.
const (
	absent     = "absent"
	present    = "present"
	changed    = "changed"
	unreadable = "unreadable"
	emptyDir   = "emptyDir"
)

// StorageShrinks returns the ways in which changing a VMCluster's spec takes
// storage away, so that data is deleted or left behind:
//   - vmstorage goes, or gets fewer nodes: the operator removes the pods, and
//     vminsert and vmselect forget them (AvailableStorageNodeIDs,
//     types/vmcluster_types.go). Without replicaCount there is 1
//     (addStatefulsetDefaults, factory/build/defaults.go). Under vmstorage.hpa
//     the live count is the autoscaler's and replicaCount has no effect
//     (factory/vmcluster/vmcluster.go): what counts is the most nodes that each
//     spec allows, so that dropping hpa for a replicaCount below maxReplicas
//     counts, whatever the live count is.
//   - The names of workloads change (useLegacyNaming): the new vmstorage starts
//     on new volumes.
//   - A volume of vmstorage, or the cache volume of vmselect, gets smaller, another
//     name, or is an emptyDir from now on (IntoSTSVolume,
//     types/vmextra_types.go). The operator does not shrink a bound claim
//     (modifyPVC, factory/reconcile/statefulset_pvc_expand.go), but new nodes get
//     the smaller size.
//   - One of claimTemplates goes or gets smaller.
//   - vmstorage looks for its data elsewhere. storageDataPath alone does not do
//     that: the volume is mounted at that path (makePodSpecForVMStorage,
//     factory/vmcluster/vmcluster.go) and moves with it. extraArgs.storageDataPath
//     does, since it replaces the flag and not the mount.
//
// A value that cannot be read counts as a shrink when it changes. A nil from, for
// a cluster that is yet to be created, has nothing to lose.
func StorageShrinks(from, to map[string]any) []Shrink {
	var found []Shrink
	before, after := vmstorage.settings(from), vmstorage.settings(to)
	switch {
	case from[vmstorage.field] == nil:
	case to[vmstorage.field] == nil:
		found = append(found, Shrink{Path: vmstorage.field, From: present, To: absent})
	default:
		found = append(found, renamed(from, to)...)
		found = append(found, fewerNodes(before, after)...)
		found = append(found, volumeShrinks(vmstorage, "vmstorage-db", before, after)...)
		found = append(found, dataMoved(before, after)...)
	}
	return append(found, volumeShrinks(vmselect, "vmselect-cachedir", vmselect.settings(from), vmselect.settings(to))...)
}

func renamed(from, to map[string]any) []Shrink {
	const field = "useLegacyNaming"
	before, after := flag(from, field), flag(to, field)
	if before == after {
		return nil
	}
	return []Shrink{{Path: field, From: strconv.FormatBool(before), To: strconv.FormatBool(after)}}
}

// nodes is the most vmstorage nodes that a spec allows.
type nodes struct {
	path  string
	raw   any
	count int64
	known bool
}

func nodesOf(settings map[string]any) nodes {
	n := nodes{path: "vmstorage.replicaCount", raw: settings["replicaCount"]}
	if settings["hpa"] != nil {
		n = nodes{path: "vmstorage.hpa.maxReplicas", raw: member(settings, "hpa", "maxReplicas")}
	} else if n.raw == nil {
		n.raw = int64(1)
	}
	n.count, n.known = integer(n.raw)
	return n
}

func (n nodes) String() string {
	switch {
	case n.known:
		return strconv.FormatInt(n.count, 10)
	case n.raw == nil:
		return absent
	}
	return unreadable
}

func fewerNodes(before, after map[string]any) []Shrink {
	from, to := nodesOf(before), nodesOf(after)
	if from.path == to.path && override.Equal(from.raw, to.raw) {
		return nil
	}
	if from.known && to.known && to.count >= from.count {
		return nil
	}
	shrink := Shrink{Path: to.path, From: from.String(), To: to.String()}
	if from.path != to.path {
		shrink.From += " (" + from.path + ")"
	}
	return []Shrink{shrink}
}

// dataMoved finds that vmstorage's data directory moves relative to its volume.
func dataMoved(before, after map[string]any) []Shrink {
	from, to := dataDirectory(before), dataDirectory(after)
	if from == to {
		return nil
	}
	const argument, field = "vmstorage.extraArgs.storageDataPath", "vmstorage.storageDataPath"
	was, is := member(before, "extraArgs", "storageDataPath"), member(after, "extraArgs", "storageDataPath")
	if override.Equal(was, is) {
		return []Shrink{{Path: field, From: orAbsent(before["storageDataPath"]), To: orAbsent(after["storageDataPath"])}}
	}
	return []Shrink{{Path: argument, From: orAbsent(was), To: orAbsent(is)}}
}

// dataDirectory says where the data lies as seen from the volume, "" for its
// root. The default mount is vmstorage-data (factory/build/defaults.go).
func dataDirectory(settings map[string]any) string {
	mount := text(settings, "storageDataPath")
	if mount == "" {
		mount = "vmstorage-data"
	}
	argument := member(settings, "extraArgs", "storageDataPath")
	if argument == nil {
		return ""
	}
	mount, directory := path.Clean(mount), path.Clean(fmt.Sprint(argument))
	if directory == mount {
		return ""
	}
	if inside, ok := strings.CutPrefix(directory, mount+"/"); ok {
		return "volume:" + inside
	}
	return directory
}

func orAbsent(value any) string {
	if value == nil {
		return absent
	}
	return fmt.Sprint(value)
}
