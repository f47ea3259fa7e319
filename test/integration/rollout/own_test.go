// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

// user is the field manager of whom applies manifests in these tests.
const user = "kubectl"

type own = v1alpha1.VMDistributedCluster

// manifest is a VMDistributedCluster that does not pause between zones.
func manifest(name string, zones ...any) fields {
	return fields{
		"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "VMDistributedCluster",
		"metadata": fields{"name": name},
		"spec": fields{
			"strategy": fields{"updatePause": "0s"},
			"zones":    fields{"vmclusters": zones},
		},
	}
}

// with sets what lies at a dotted path of a manifest.
func with(object fields, path string, value any) fields {
	keys := strings.Split(path, ".")
	inner := object
	for _, key := range keys[:len(keys)-1] {
		next, ok := inner[key].(fields)
		if !ok {
			next = fields{}
			inner[key] = next
		}
		inner = next
	}
	inner[keys[len(keys)-1]] = value
	return object
}

func inline(name string, spec fields) fields { return fields{"name": name, "spec": spec} }

func ref(name string, override fields) fields {
	zone := fields{"ref": fields{"name": name}}
	if override != nil {
		zone["overrideSpec"] = override
	}
	return zone
}

// small is a cluster of one pod per component.
func small(version string) fields {
	return fields{
		"clusterVersion": version,
		"vmstorage":      fields{"replicaCount": int64(1)},
		"vmselect":       fields{"replicaCount": int64(1)},
		"vminsert":       fields{"replicaCount": int64(1)},
	}
}

// threeZones are zone-a, zone-b and zone-c at one version.
func threeZones(version string) fields {
	return manifest("demo", inline("zone-a", small(version)), inline("zone-b", small(version)), inline("zone-c", small(version)))
}

// apply applies a manifest server-side, as a user does.
func (r *room) apply(object fields) {
	r.t.Helper()
	body, err := json.Marshal(object)
	must(r.t, err)
	r.applyYAML(nameIn(object), body)
}

func nameIn(object fields) string {
	name, _ := object["metadata"].(fields)["name"].(string)
	return name
}

func (r *room) applyYAML(name string, body []byte) *own {
	r.t.Helper()
	object, err := r.tryApply(name, body, metav1.FieldValidationStrict)
	must(r.t, err)
	return object
}

// applyUnknown applies a manifest in which the installed operator knows not all
// fields.
func (r *room) applyUnknown(object fields) {
	r.t.Helper()
	body, err := json.Marshal(object)
	must(r.t, err)
	_, err = r.tryApply(nameIn(object), body, metav1.FieldValidationIgnore)
	must(r.t, err)
}

func (r *room) tryApply(name string, body []byte, validation string) (*own, error) {
	return r.own.Patch(r.t.Context(), name, types.ApplyYAMLPatchType, body,
		metav1.PatchOptions{FieldManager: user, Force: ptr.To(true), FieldValidation: validation})
}

// patch merges a change into an object.
func (r *room) patch(name string, change fields) *own {
	r.t.Helper()
	body, err := json.Marshal(change)
	must(r.t, err)
	object, err := r.own.Patch(r.t.Context(), name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: "patcher"})
	must(r.t, err)
	return object
}

func (r *room) get(name string) *own {
	r.t.Helper()
	object, err := r.own.Get(r.t.Context(), name, metav1.GetOptions{})
	must(r.t, err)
	return object
}

func (r *room) delete(name string) {
	r.t.Helper()
	must(r.t, r.own.Delete(r.t.Context(), name, metav1.DeleteOptions{}))
}

// until returns an object once its status is about its present generation and
// lacks nothing.
func (r *room) until(name, what string, lacks func(*own) string) *own {
	r.t.Helper()
	var last *own
	poll(r.t, name+" to be "+what, func(ctx context.Context) string {
		object, err := r.own.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		last = object
		if object.Status.ObservedGeneration != object.Generation {
			return fmt.Sprintf("status is about generation %d, not %d", object.Status.ObservedGeneration, object.Generation)
		}
		return lacks(object)
	})
	return last
}

// untilReady waits for an object to be Ready.
func (r *room) untilReady(name string) *own {
	r.t.Helper()
	return r.untilCondition(name, "Ready", metav1.ConditionTrue, "AllZonesReady")
}

func (r *room) untilCondition(name, condition string, status metav1.ConditionStatus, reason string) *own {
	r.t.Helper()
	return r.until(name, fmt.Sprintf("%s=%s/%s", condition, status, reason), func(object *own) string {
		if has := meta.FindStatusCondition(object.Status.Conditions, condition); has == nil || has.Status != status || has.Reason != reason {
			return fmt.Sprintf("%+v", has)
		}
		return ""
	})
}

// untilZone waits for a zone to be in a phase for a reason, with some words of
// evidence, and returns the zone.
func (r *room) untilZone(name, zone, phase, reason string, evidence ...string) v1alpha1.ZoneStatus {
	r.t.Helper()
	object := r.until(name, fmt.Sprintf("%s %s/%s", zone, phase, reason), func(object *own) string {
		if has := zoneOf(object, zone); string(has.Phase) != phase || has.Reason != reason || !containsAll(has.WaitingFor, evidence) {
			return fmt.Sprintf("%s/%s: %s", has.Phase, has.Reason, has.WaitingFor)
		}
		return ""
	})
	return zoneOf(object, zone)
}

func zoneOf(object *own, name string) v1alpha1.ZoneStatus {
	for _, zone := range object.Status.Zones {
		if zone.Name == name {
			return zone
		}
	}
	return v1alpha1.ZoneStatus{Phase: "none"}
}

// untilGone waits for an object to be gone.
func (r *room) untilGone(name string) {
	r.t.Helper()
	poll(r.t, name+" to be gone", func(ctx context.Context) string {
		object, err := r.own.Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return ""
		case err != nil:
			return err.Error()
		}
		return fmt.Sprintf("finalizers %v, zones %+v", object.Finalizers, object.Status.Zones)
	})
}

// expectCondition looks at a condition of an object as it is at hand.
func (r *room) expectCondition(object *own, condition string, status metav1.ConditionStatus, reason string) {
	r.t.Helper()
	has := meta.FindStatusCondition(object.Status.Conditions, condition)
	if has == nil || has.Status != status || reason != "" && has.Reason != reason {
		r.t.Errorf("condition %s is %+v, want %s/%s", condition, has, status, reason)
	}
}

// settle returns when whatever the controller had to do about an object as it is
// now has been done. Of two passes over one object the second begins after the
// first has ended, and each is provoked by a change that touches no zone and is
// answered in status.
func (r *room) settle(name string) *own {
	r.t.Helper()
	var object *own
	for range 2 {
		timeout := "7m"
		if r.get(name).Spec.Strategy.ReadyTimeout == timeout {
			timeout = "8m"
		}
		r.patch(name, fields{"spec": fields{"strategy": fields{"readyTimeout": timeout}}})
		object = r.until(name, "looked at", func(*own) string { return "" })
	}
	return object
}
