// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package validation holds the rules that an object has to obey by itself,
// whatever else exists in the cluster.
package validation

import (
	"encoding/json"
	"fmt"
	"time"

	apimachineryvalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

const (
	// MaxZones is how many zones one object may have.
	MaxZones = 100
	// MaxSpecBytes is how large the JSON of a spec may be: 1 MiB.
	MaxSpecBytes = 1 << 20
)

// ValidateCreate checks a new object.
func ValidateCreate(cluster *vmdistributed.VMDistributedCluster) field.ErrorList {
	errs := apimachineryvalidation.ValidateObjectMeta(&cluster.ObjectMeta, true, apimachineryvalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validateSpec(&cluster.Spec, cluster.Namespace, field.NewPath("spec"))...)
}

// ValidateUpdate checks an object that replaces old.
func ValidateUpdate(cluster, old *vmdistributed.VMDistributedCluster) field.ErrorList {
	errs := apimachineryvalidation.ValidateObjectMetaUpdate(&cluster.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
	return append(errs, validateSpec(&cluster.Spec, cluster.Namespace, field.NewPath("spec"))...)
}

// ValidateStatusUpdate checks a write to the subresource status.
func ValidateStatusUpdate(cluster, old *vmdistributed.VMDistributedCluster) field.ErrorList {
	return apimachineryvalidation.ValidateObjectMetaUpdate(&cluster.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
}

func validateSpec(spec *vmdistributed.VMDistributedClusterSpec, namespace string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if spec.VMAgent != nil {
		errs = append(errs, validateReference(*spec.VMAgent, namespace, apimachineryvalidation.NameIsDNSSubdomain, path.Child("vmagent"))...)
	}
	errs = append(errs, validateVMUsers(spec.VMUsers, namespace, path.Child("vmusers"))...)
	errs = append(errs, validateDeletionPolicy(spec.DeletionPolicy, path.Child("deletionPolicy"))...)
	errs = append(errs, validateStrategy(&spec.Strategy, path.Child("strategy"))...)
	errs = append(errs, validateZones(spec.Zones.VMClusters, namespace, path.Child("zones", "vmclusters"))...)
	return append(errs, validateSize(spec, path)...)
}

func validateVMUsers(users []vmdistributed.ObjectReference, namespace string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, user := range users {
		at := path.Index(i)
		errs = append(errs, validateReference(user, namespace, apimachineryvalidation.NameIsDNSSubdomain, at)...)
		if user.Name != "" && seen.Has(user.Name) {
			errs = append(errs, field.Duplicate(at.Child("name"), user.Name))
		}
		seen.Insert(user.Name)
	}
	return errs
}

func validateDeletionPolicy(policy vmdistributed.DeletionPolicy, path *field.Path) field.ErrorList {
	switch policy {
	case vmdistributed.DeletionPolicyDelete, vmdistributed.DeletionPolicyRetain:
		return nil
	}
	return field.ErrorList{field.NotSupported(path, policy,
		[]vmdistributed.DeletionPolicy{vmdistributed.DeletionPolicyDelete, vmdistributed.DeletionPolicyRetain})}
}

func validateStrategy(strategy *vmdistributed.RolloutStrategy, path *field.Path) field.ErrorList {
	errs := validateCount(strategy.MinAvailableZones, 0, MaxZones-1, path.Child("minAvailableZones"))
	errs = append(errs, validateCount(strategy.MaxUnavailable, 1, MaxZones, path.Child("maxUnavailable"))...)
	errs = append(errs, validateCount(strategy.MaxFailures, 0, MaxZones, path.Child("maxFailures"))...)
	errs = append(errs, validateDuration(strategy.ReadyTimeout, 1, path.Child("readyTimeout"))...)
	errs = append(errs, validateDuration(strategy.UpdatePause, 0, path.Child("updatePause"))...)
	errs = append(errs, validateDuration(strategy.ProgressDeadline, 1, path.Child("progressDeadline"))...)
	errs = append(errs, validateDrain(&strategy.Drain, path.Child("drain"))...)
	return append(errs, validateFlush(&strategy.Flush, path.Child("flush"))...)
}

func validateDrain(drain *vmdistributed.DrainStrategy, path *field.Path) field.ErrorList {
	errs := validateDuration(drain.Timeout, 1, path.Child("timeout"))
	errs = append(errs, validateDuration(drain.GracePeriod, 0, path.Child("gracePeriod"))...)
	switch drain.LastTarget {
	case vmdistributed.LastTargetFailOver, vmdistributed.LastTargetRefuse:
		return errs
	}
	return append(errs, field.NotSupported(path.Child("lastTarget"), drain.LastTarget,
		[]vmdistributed.LastTarget{vmdistributed.LastTargetFailOver, vmdistributed.LastTargetRefuse}))
}

func validateFlush(flush *vmdistributed.FlushStrategy, path *field.Path) field.ErrorList {
	errs := validateDuration(flush.Timeout, 1, path.Child("timeout"))
	if flush.StableFor != "" {
		errs = append(errs, validateDuration(flush.StableFor, 1, path.Child("stableFor"))...)
	}
	if flush.MaxPendingBytes != nil {
		errs = append(errs, apimachineryvalidation.ValidateNonnegativeField(*flush.MaxPendingBytes, path.Child("maxPendingBytes"))...)
	}
	return errs
}

// validateCount wants a number of zones in a range. What is not set has been
// given its default elsewhere.
func validateCount(count *int32, least, most int32, path *field.Path) field.ErrorList {
	switch {
	case count == nil:
		return nil
	case *count < least:
		return field.ErrorList{field.Invalid(path, *count, fmt.Sprintf("must be greater than or equal to %d", least)).WithOrigin("minimum")}
	case *count > most:
		return field.ErrorList{field.Invalid(path, *count, fmt.Sprintf("must be at most %d: an object has no more than %d zones", most, MaxZones))}
	}
	return nil
}

// validateDuration wants a Go duration of at least the given length.
func validateDuration(text string, least time.Duration, path *field.Path) field.ErrorList {
	duration, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(path, text, "must be a duration such as 90s, 5m or 1h30m")}
	case duration < 0:
		return field.ErrorList{field.Invalid(path, text, "must not be negative")}
	case duration < least:
		return field.ErrorList{field.Invalid(path, text, "must be more than 0s")}
	}
	return nil
}

func validateZones(zones []vmdistributed.Zone, namespace string, path *field.Path) field.ErrorList {
	if len(zones) == 0 {
		return field.ErrorList{field.Required(path, "at least one zone is needed")}
	}
	if len(zones) > MaxZones {
		return field.ErrorList{field.TooMany(path, len(zones), MaxZones)}
	}
	var errs field.ErrorList
	seen := sets.New[string]()
	for i := range zones {
		at := path.Index(i)
		errs = append(errs, validateZone(&zones[i], namespace, at)...)
		if name := zones[i].ClusterName(); name != "" {
			if seen.Has(name) {
				errs = append(errs, field.Duplicate(clusterNamePath(&zones[i], at), name))
			}
			seen.Insert(name)
		}
	}
	return errs
}

func validateZone(zone *vmdistributed.Zone, namespace string, path *field.Path) field.ErrorList {
	if zone.Ref != nil {
		return validateReferencedZone(zone, namespace, path)
	}
	var errs field.ErrorList
	if zone.OverrideSpec != nil {
		errs = append(errs, field.Forbidden(path.Child("overrideSpec"), "overrideSpec changes the VMCluster that ref names; without ref, use spec"))
	}
	switch {
	case zone.Spec == nil && zone.Name == "":
		errs = append(errs, field.Required(path, "either ref, or name and spec"))
	case zone.Spec == nil:
		errs = append(errs, field.Required(path.Child("spec"), "name defines a VMCluster, so its spec is needed; to refer to one that exists, use ref"))
	case zone.Name == "":
		errs = append(errs, field.Required(path.Child("name"), "spec defines a VMCluster, so it needs a name"))
	}
	if zone.Name != "" {
		errs = append(errs, validateClusterName(zone.Name, path.Child("name"))...)
	}
	return errs
}

func validateReferencedZone(zone *vmdistributed.Zone, namespace string, path *field.Path) field.ErrorList {
	errs := validateReference(*zone.Ref, namespace, apimachineryvalidation.NameIsDNSLabel, path.Child("ref"))
	if zone.Spec != nil {
		errs = append(errs, field.Forbidden(path.Child("spec"), "may not be set together with ref; use overrideSpec to change the referenced VMCluster"))
	}
	return errs
}

func validateReference(ref vmdistributed.ObjectReference, namespace string, validateName apimachineryvalidation.ValidateNameFunc, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if ref.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), ""))
	} else {
		for _, problem := range validateName(ref.Name, false) {
			errs = append(errs, field.Invalid(path.Child("name"), ref.Name, problem))
		}
	}
	if ref.Namespace != "" && ref.Namespace != namespace {
		errs = append(errs, field.Invalid(path.Child("namespace"), ref.Namespace,
			fmt.Sprintf("must be empty or %q: objects in other namespaces can't be referred to", namespace)))
	}
	return errs
}

// validateClusterName wants a DNS label: the operator names Services after the
// VMCluster.
func validateClusterName(name string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, problem := range utilvalidation.IsDNS1123Label(name) {
		errs = append(errs, field.Invalid(path, name, problem))
	}
	return errs
}

func clusterNamePath(zone *vmdistributed.Zone, path *field.Path) *field.Path {
	if zone.Ref != nil {
		return path.Child("ref", "name")
	}
	return path.Child("name")
}

func validateSize(spec *vmdistributed.VMDistributedClusterSpec, path *field.Path) field.ErrorList {
	encoded, err := json.Marshal(spec)
	if err != nil {
		return field.ErrorList{field.InternalError(path, fmt.Errorf("measuring the size of the spec: %w", err))}
	}
	if len(encoded) > MaxSpecBytes {
		return field.ErrorList{field.TooLong(path, "", MaxSpecBytes)}
	}
	return nil
}
