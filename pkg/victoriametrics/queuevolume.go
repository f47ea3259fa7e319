// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// queueVolume is the volume of the queues, where a VMAgent's spec names none.
	queueVolume = "persistent-queue-data"
	// The directories at which it is mounted, whatever tmpDataPath says
	// (factory/vmagent/vmagent.go).
	queueDirectory         = "/tmp/vmagent-remotewrite-data"
	statefulQueueDirectory = "/vmagent_pq/vmagent-remotewrite-data"
)

// QueueGoesWithPod reports whether the queues of a VMAgent are gone once a pod of
// it is: they lie on an emptyDir, or in the container itself. It is false where
// that cannot be told, and where no queue is on disk.
//
// In statefulMode they are on what spec.statefulStorage says (IntoSTSVolume,
// types/vmextra_types.go), else on an entry of spec.volumes under the operator's
// name for it, else on an emptyDir (StorageVolumeMountsTo,
// factory/build/container.go). A tmpDataPath that leads elsewhere leads to another
// volume, or to none.
func QueueGoesWithPod(agent *unstructured.Unstructured) bool {
	spec := object(agent.Object, "spec")
	directory, known := queuePath(spec)
	if !known || noneOnDisk(spec) {
		return false
	}
	switch mounted := queueMount(spec, directory); mounted {
	case "":
		return true
	case queueVolume:
		settings := map[string]any{"volumes": spec["volumes"]}
		if flag(spec, "statefulMode") {
			settings["storage"] = spec["statefulStorage"]
		}
		v := volumeOf(settings, queueVolume)
		return v.kind == onEmptyDir || v.kind == onOwnVolume && member(v.raw, "emptyDir") != nil
	default:
		return member(named(spec["volumes"], mounted), "emptyDir") != nil
	}
}

// noneOnDisk is true where -remoteWrite.disableOnDiskQueue is on for every entry
// that there is.
func noneOnDisk(spec map[string]any) bool {
	list, _ := spec["remoteWrite"].([]any)
	disabled := arguments{at: "spec", spec: spec}.get("remoteWrite.disableOnDiskQueue")
	for i := range list {
		if !nth(disabled, i).truth() {
			return false
		}
	}
	return len(list) > 0
}

// queuePath is where the VMAgent keeps its queues, false where that comes from the
// environment of the pod.
func queuePath(spec map[string]any) (directory string, known bool) {
	given := arguments{at: "spec", spec: spec}.get("remoteWrite.tmpDataPath")
	switch {
	case given.unknown != "":
		return "", false
	case given.place != "":
		return given.value, true
	}
	if inSpec := text(spec, "remoteWriteSettings", "tmpDataPath"); inSpec != "" {
		return inSpec, true
	}
	return mountedQueueDirectory(spec), true
}

func mountedQueueDirectory(spec map[string]any) string {
	if flag(spec, "statefulMode") {
		return statefulQueueDirectory
	}
	return queueDirectory
}

// queueMount is the volume that a directory is on, "" for none.
func queueMount(spec map[string]any, directory string) string {
	mounts, _ := spec["volumeMounts"].([]any)
	volume, at := "", ""
	for _, mount := range append([]any{map[string]any{"name": queueVolume, "mountPath": mountedQueueDirectory(spec)}}, mounts...) {
		candidate := path.Clean(text(mount, "mountPath"))
		if isWithin(path.Clean(directory), candidate) && len(candidate) > len(at) {
			volume, at = text(mount, "name"), candidate
		}
	}
	return volume
}

func isWithin(directory, above string) bool {
	return directory == above || strings.HasPrefix(directory, strings.TrimSuffix(above, "/")+"/")
}
