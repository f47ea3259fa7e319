// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"errors"
	"fmt"
	"slices"
)

// targetRef is the part of a target reference that makes it valid or not.
type targetRef struct {
	Name   string         `json:"name"`
	Static map[string]any `json:"static"`
	CRD    *objectRefs    `json:"crd"`
}

type objectRefs struct {
	Kind string `json:"kind"`
	objectRef
	Objects []objectRef `json:"objects"`
}

type objectRef struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// existence tells whether an object of a target's kind exists.
type existence func(resource string, ref objectRef) bool

// checkTargets says why no configuration can be made for a VMUser with these
// targets at a VMAuth with those defaults. One bad target is enough.
func checkTargets(refs, defaults []targetRef, exists existence) error {
	if len(refs) == 0 {
		return errors.New("spec.targetRefs is empty: a VMUser needs at least one target")
	}
	for i, ref := range refs {
		if err := ref.check(defaults, exists); err != nil {
			return fmt.Errorf("spec.targetRefs[%d]: %w", i, err)
		}
	}
	return nil
}

func (r targetRef) check(defaults []targetRef, exists existence) error {
	switch {
	case r.Static != nil && r.CRD != nil:
		return errors.New("static and crd are both set: set one of them")
	case r.Name != "" && !slices.ContainsFunc(defaults, func(d targetRef) bool { return d.Name == r.Name }):
		return fmt.Errorf("no entry of spec.defaultTargetRefs of the VMAuth is named %q", r.Name)
	case r.Name == "" && r.Static == nil && r.CRD == nil:
		return errors.New("neither static nor crd nor name is set: set one of them")
	case r.Static != nil && r.Static["url"] == nil && r.Static["urls"] == nil:
		return errors.New("static has neither url nor urls")
	case r.CRD != nil:
		return r.CRD.check(exists)
	}
	return nil
}

func (c objectRefs) check(exists existence) error {
	resource, err := resourceOfTarget(c.Kind)
	if err != nil {
		return err
	}
	refs := c.Objects
	if c.Name != "" || c.Namespace != "" || len(refs) == 0 {
		refs = append([]objectRef{c.objectRef}, refs...)
	}
	for _, ref := range refs {
		if ref.Name == "" || ref.Namespace == "" {
			return errors.New("crd needs both a name and a namespace")
		}
		if resource != "" && !exists(resource, ref) {
			return fmt.Errorf("%s %s/%s does not exist", c.Kind, ref.Namespace, ref.Name)
		}
	}
	return nil
}

// resourceOfTarget returns the resource of a target's kind, or "" where the
// kind is one that the stand-in does not watch and takes to exist.
func resourceOfTarget(kind string) (string, error) {
	switch kind {
	case "VMCluster/vmselect", "VMCluster/vminsert", "VMCluster/vmstorage":
		return clusterResource, nil
	case "VMAgent":
		return agentResource, nil
	case "VMAlert", "VMSingle", "VLogs", "VMAlertmanager", "VMAlertManager", "VMAnomaly",
		"VLSingle", "VLAgent", "VLCluster/vlselect", "VLCluster/vlinsert", "VLCluster/vlstorage",
		"VTSingle", "VTCluster/vtselect", "VTCluster/vtinsert", "VTCluster/vtstorage":
		return "", nil
	}
	return "", fmt.Errorf("crd.kind %q is none that a VMUser can route to", kind)
}
