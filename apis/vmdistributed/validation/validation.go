// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package validation holds the rules that an object has to obey by itself,
// whatever else exists in the cluster, as far as the tags on the types of
// v1alpha1 can't say them: those over several fields, lengths of time, metadata,
// and the size of it all. No rule is in both places.
package validation

import (
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/validate/content"
	apimachineryvalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

const (
	// MaxZones is how many zones one object may have. A tag enforces it.
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

// ValidateStatusUpdate checks a write to the subresource status. It refuses that of a
// controller that led before the one which wrote last. Taking the record away is
// allowed: it is how somebody puts right a number that can't be.
func ValidateStatusUpdate(cluster, old *vmdistributed.VMDistributedCluster) field.ErrorList {
	errs := apimachineryvalidation.ValidateObjectMetaUpdate(&cluster.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
	if now, before := cluster.Status.Controller, old.Status.Controller; now != nil && before != nil && now.LeaseTransitions < before.LeaseTransitions {
		errs = append(errs, field.Invalid(field.NewPath("status", "controller", "leaseTransitions"), now.LeaseTransitions,
			fmt.Sprintf("the status was written by a controller that led later, in term %d", before.LeaseTransitions)))
	}
	return errs
}

func validateSpec(spec *vmdistributed.VMDistributedClusterSpec, namespace string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if spec.VMAgent != nil {
		errs = append(errs, validateNamespace(*spec.VMAgent, namespace, path.Child("vmagent"))...)
	}
	errs = append(errs, validateVMUsers(spec.VMUsers, namespace, path.Child("vmusers"))...)
	errs = append(errs, validateStrategy(&spec.Strategy, path.Child("strategy"))...)
	errs = append(errs, validateZones(spec.Zones.VMClusters, namespace, path.Child("zones", "vmclusters"))...)
	return append(errs, validateSize(spec, path)...)
}

// validateVMUsers looks for what is named twice here rather than by a tag: that
// compares each with each other, and the list may be of any length.
func validateVMUsers(users []vmdistributed.ObjectReference, namespace string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, user := range users {
		at := path.Index(i)
		errs = append(errs, validateNamespace(user, namespace, at)...)
		if user.Name != "" && seen.Has(user.Name) {
			errs = append(errs, field.Duplicate(at.Child("name"), user.Name))
		}
		seen.Insert(user.Name)
	}
	return errs
}

func validateStrategy(strategy *vmdistributed.RolloutStrategy, path *field.Path) field.ErrorList {
	errs := validateDuration(strategy.ReadyTimeout, 1, path.Child("readyTimeout"))
	errs = append(errs, validateDuration(strategy.UpdatePause, 0, path.Child("updatePause"))...)
	errs = append(errs, validateDuration(strategy.ProgressDeadline, 1, path.Child("progressDeadline"))...)
	errs = append(errs, validateDuration(strategy.Drain.Timeout, 1, path.Child("drain", "timeout"))...)
	errs = append(errs, validateDuration(strategy.Drain.GracePeriod, 0, path.Child("drain", "gracePeriod"))...)
	errs = append(errs, validateDuration(strategy.Flush.Timeout, 1, path.Child("flush", "timeout"))...)
	if strategy.Flush.StableFor != "" {
		errs = append(errs, validateDuration(strategy.Flush.StableFor, 1, path.Child("flush", "stableFor"))...)
	}
	return errs
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

// validateZones leaves a list that is too long alone: its length is told by a tag,
// and more than that is not worth the room.
func validateZones(zones []vmdistributed.Zone, namespace string, path *field.Path) field.ErrorList {
	if len(zones) > MaxZones {
		return nil
	}
	var errs field.ErrorList
	seen := sets.New[string]()
	for i := range zones {
		at := path.Index(i)
		if zone := &zones[i]; zone.Ref != nil {
			errs = append(errs, validateNamespace(*zone.Ref, namespace, at.Child("ref"))...)
		} else {
			errs = append(errs, validateInlineName(zone, at.Child("name"))...)
		}
		if name := zones[i].ClusterName(); name != "" {
			if seen.Has(name) {
				errs = append(errs, field.Duplicate(clusterNamePath(&zones[i], at), name))
			}
			seen.Insert(name)
		}
	}
	return errs
}

// validateInlineName wants a DNS label: the operator names Services after the
// VMCluster. No tag says it, since beside ref a name is ignored, whatever it is:
// one that required a name beside spec would ask for it where spec is the mistake.
func validateInlineName(zone *vmdistributed.Zone, path *field.Path) field.ErrorList {
	if zone.Name == "" {
		if zone.Spec == nil {
			return nil
		}
		return field.ErrorList{field.Required(path, "spec defines a VMCluster, so it needs a name")}
	}
	var errs field.ErrorList
	for _, problem := range content.IsDNS1123Label(zone.Name) {
		errs = append(errs, field.Invalid(path, zone.Name, problem))
	}
	return errs
}

func validateNamespace(ref vmdistributed.ObjectReference, namespace string, path *field.Path) field.ErrorList {
	if ref.Namespace == "" || ref.Namespace == namespace {
		return nil
	}
	return field.ErrorList{field.Invalid(path.Child("namespace"), ref.Namespace,
		fmt.Sprintf("must be empty or %q: objects in other namespaces can't be referred to", namespace))}
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
