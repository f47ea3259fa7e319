// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// The values of status.updateStatus (UpdateStatus, types/vmextra_types.go).
const (
	// UpdateStatusExpanding: the operator is at work, or waits for its workloads.
	UpdateStatusExpanding = "expanding"
	// UpdateStatusOperational: the operator carried out what it observed.
	UpdateStatusOperational = "operational"
	// UpdateStatusFailed: it could not, and status.reason says why.
	UpdateStatusFailed = "failed"
	// UpdateStatusPaused: it does nothing, since spec.paused is true.
	UpdateStatusPaused = "paused"
	// UpdateStatusIgnored is for kinds that nothing selects, not for VMCluster.
	UpdateStatusIgnored = "ignored"
)

// Cluster is a VMCluster as far as we read it.
type Cluster struct {
	Namespace       string
	Name            string
	UID             types.UID
	ResourceVersion string
	// Generation is what the spec is at.
	Generation int64
	// ObservedGeneration is the generation that the operator's report is about.
	// The operator sets it with every report, whatever the outcome
	// (UpdateObjectStatus, factory/reconcile/status.go); 0 before the first one.
	ObservedGeneration int64
	// UpdateStatus is "" before the first report.
	UpdateStatus string
	Reason       string
	// Paused is spec.paused.
	Paused bool
	// Deleting is true once the object has a deletion timestamp.
	Deleting bool
	// Spec shares memory with the object that was parsed; nil without a spec.
	Spec map[string]any
}

// ParseCluster reads a VMCluster. The status may be missing, since a new object
// has none. What has the wrong type is an error that names the field.
func ParseCluster(u *unstructured.Unstructured) (Cluster, error) {
	c := Cluster{
		Namespace:       u.GetNamespace(),
		Name:            u.GetName(),
		UID:             u.GetUID(),
		ResourceVersion: u.GetResourceVersion(),
		Generation:      u.GetGeneration(),
		Deleting:        u.GetDeletionTimestamp() != nil,
	}
	r := reader{object: u.Object}
	c.Spec, _ = r.read("object", "spec").(map[string]any)
	c.Paused, _ = r.read("boolean", "spec", "paused").(bool)
	c.UpdateStatus, _ = r.read("string", "status", "updateStatus").(string)
	c.Reason, _ = r.read("string", "status", "reason").(string)
	c.ObservedGeneration, _ = integer(r.read("integer", "status", "observedGeneration"))
	if r.err != nil {
		return Cluster{}, fmt.Errorf("cannot read VMCluster %s/%s: %w", c.Namespace, c.Name, r.err)
	}
	return c, nil
}

// reader reads typed fields and keeps the first error.
type reader struct {
	object map[string]any
	err    error
}

// read returns the value at a path, nil where there is none.
func (r *reader) read(want string, path ...string) any {
	var value any = r.object
	for i, key := range path {
		m, ok := value.(map[string]any)
		if !ok {
			r.fail(path[:i], "object", value)
			return nil
		}
		if value = m[key]; value == nil {
			return nil
		}
	}
	if !isOfType(value, want) {
		r.fail(path, want, value)
		return nil
	}
	return value
}

func (r *reader) fail(path []string, want string, have any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s must be of type %s, not %T", dotted(path), want, have)
	}
}

func isOfType(value any, want string) bool {
	ok := false
	switch want {
	case "object":
		_, ok = value.(map[string]any)
	case "array":
		_, ok = value.([]any)
	case "boolean":
		_, ok = value.(bool)
	case "string":
		_, ok = value.(string)
	case "integer":
		_, ok = integer(value)
	}
	return ok
}

// Operational reports whether the operator says that it carried out the present
// spec; where not, the sentence says why not.
//
// The report is worth nothing without its generation: a status that the operator
// has not touched since the last change still says operational, and a spec that
// it cannot parse never gets a report at all (Reconcile in
// internal/controller/operator/vmcluster_controller.go returns before it writes
// one). A paused VMCluster is reported as paused with the generation observed,
// and nothing of its spec is carried out (reconcileAndTrackStatus in
// internal/controller/operator/controllers.go).
func (c Cluster) Operational() (bool, string) {
	switch {
	case c.Deleting:
		return false, fmt.Sprintf("VMCluster %s/%s is being deleted", c.Namespace, c.Name)
	case c.Paused:
		return false, fmt.Sprintf("VMCluster %s/%s is paused (spec.paused): the operator does nothing on it", c.Namespace, c.Name)
	case c.UpdateStatus == "":
		return false, fmt.Sprintf("operator has not reported on VMCluster %s/%s yet, wanted generation %d", c.Namespace, c.Name, c.Generation)
	case c.ObservedGeneration < c.Generation:
		return false, fmt.Sprintf("operator reports %q for generation %d, wanted %d", c.UpdateStatus, c.ObservedGeneration, c.Generation)
	case c.UpdateStatus != UpdateStatusOperational && c.Reason != "":
		return false, fmt.Sprintf("operator reports %q for generation %d: %s", c.UpdateStatus, c.ObservedGeneration, c.Reason)
	case c.UpdateStatus != UpdateStatusOperational:
		return false, fmt.Sprintf("operator reports %q for generation %d", c.UpdateStatus, c.ObservedGeneration)
	}
	return true, ""
}
