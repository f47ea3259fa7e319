// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/install"
)

// oneKind tells admission which resources are the same in other groups: policies and
// webhooks that name one of them are asked about requests by the others too, or these
// would be a way around them.
func oneKind(resource schema.GroupResource) string {
	serves := func(version schema.GroupVersion) bool { return version.Group == resource.Group }
	if resource.Resource != vmdistributed.Resource || !slices.ContainsFunc(install.GroupVersions(), serves) {
		return "" // it is like no other
	}
	return vmdistributed.Resource
}

// acrossGroups lets a MutatingAdmissionPolicy that names one group change what is
// written by another. The object is shown to it in the group that it names, and the
// generic server wants what comes out of it in the group of the request, which the
// scheme can't make of it: every such request would be refused.
type acrossGroups struct{ admission.Interface }

var (
	_ admission.MutationInterface   = acrossGroups{}
	_ admission.ValidationInterface = acrossGroups{}
)

// Admit passes on, with a converter that knows the kind in every group.
func (c acrossGroups) Admit(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	if chain, ok := c.Interface.(admission.MutationInterface); ok {
		return chain.Admit(ctx, a, objectsAcrossGroups{o})
	}
	return nil
}

// Validate passes on.
func (c acrossGroups) Validate(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	if chain, ok := c.Interface.(admission.ValidationInterface); ok {
		return chain.Validate(ctx, a, o)
	}
	return nil
}

type objectsAcrossGroups struct{ admission.ObjectInterfaces }

// GetObjectConvertor is how the generic server spells it.
func (o objectsAcrossGroups) GetObjectConvertor() runtime.ObjectConvertor {
	return keepingGroups{o.ObjectInterfaces.GetObjectConvertor()}
}

// keepingGroups converts as ever, but leaves an object of our kind in the group that it
// says it is of, typed. From there, all that follows leads to the hub, which says
// nothing.
type keepingGroups struct{ runtime.ObjectConvertor }

// ConvertToVersion returns the object in another version.
func (c keepingGroups) ConvertToVersion(in runtime.Object, version runtime.GroupVersioner) (runtime.Object, error) {
	kind := in.GetObjectKind().GroupVersionKind()
	if kind.Kind == vmdistributed.Kind && slices.Contains(install.GroupVersions(), kind.GroupVersion()) {
		version = kind.GroupVersion()
	}
	return c.ObjectConvertor.ConvertToVersion(in, version)
}
