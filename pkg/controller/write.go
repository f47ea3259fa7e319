// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// neverCurrent is a resourceVersion that no object has: the first revision of an
// etcd is taken before anything is stored. With it, server-side apply creates an
// object or conflicts with one that exists; it never changes one.
const neverCurrent = "1"

// write is one request that changes an object of the operator's.
type write struct {
	resource        schema.GroupVersionResource
	namespace, name string
	patchType       types.PatchType
	body            any
}

func createInline(object *vmdistributed.VMDistributedCluster, zone rollout.Zone, spec map[string]any) write {
	return applyWrite(object, zone, spec, neverCurrent)
}

func applyInline(object *vmdistributed.VMDistributedCluster, zone rollout.Zone, spec map[string]any, live *unstructured.Unstructured) write {
	return applyWrite(object, zone, spec, live.GetResourceVersion())
}

func applyWrite(object *vmdistributed.VMDistributedCluster, zone rollout.Zone, spec map[string]any, resourceVersion string) write {
	return write{
		resource:  victoriametrics.VMClusterResource,
		namespace: object.Namespace,
		name:      zone.Name,
		patchType: types.ApplyPatchType,
		body:      victoriametrics.InlineApply(object.Namespace, zone.Name, nameOf(object), object.UID, zone.Revision, spec, resourceVersion).Object,
	}
}

func patchReferenced(live *unstructured.Unstructured, patch map[string]any) write {
	return mergePatch(victoriametrics.VMClusterResource, live.GetNamespace(), live.GetName(), patch)
}

func mergePatch(resource schema.GroupVersionResource, namespace, name string, patch map[string]any) write {
	return write{resource: resource, namespace: namespace, name: name, patchType: types.MergePatchType, body: patch}
}

// writer sends writes. All are guarded by a resourceVersion that they carry.
type writer struct {
	objects dynamic.Interface
}

// send carries a write out, or only tries to.
func (w writer) send(ctx context.Context, request write, dryRun bool) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(request.body)
	if err != nil {
		return nil, fmt.Errorf("encoding the change of %s %s/%s: %w", request.resource.Resource, request.namespace, request.name, err)
	}
	options := metav1.PatchOptions{FieldManager: victoriametrics.FieldManager, FieldValidation: metav1.FieldValidationStrict}
	if request.patchType == types.ApplyPatchType {
		options.Force = ptr.To(true)
	}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	obj, err := w.objects.Resource(request.resource).Namespace(request.namespace).Patch(ctx, request.name, request.patchType, body, options)
	if err != nil {
		return nil, fmt.Errorf("changing %s %s/%s: %w", request.resource.Resource, request.namespace, request.name, err)
	}
	return obj, nil
}

// try asks the API server what a write would do.
func (w writer) try(ctx context.Context, request write) (*unstructured.Unstructured, error) {
	return w.send(ctx, request, true)
}

// remove deletes a VMCluster, if it still is the one that was seen.
func (w writer) remove(ctx context.Context, cluster *unstructured.Unstructured) error {
	uid, version := cluster.GetUID(), cluster.GetResourceVersion()
	err := w.objects.Resource(victoriametrics.VMClusterResource).Namespace(cluster.GetNamespace()).Delete(ctx, cluster.GetName(), metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version},
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting VMCluster %s/%s: %w", cluster.GetNamespace(), cluster.GetName(), err)
	}
	return nil
}

// permanent errors come back however often the same request is sent.
func permanent(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err) ||
		apierrors.IsRequestEntityTooLargeError(err) || apierrors.IsMethodNotSupported(err) || isMisfit(err)
}

// isMisfit tells a server-side apply whose body does not fit the schema: an
// unknown field, or a wrong type. It is answered with a 500 that has nothing but
// its text (Apply, structuredmerge.go of apimachinery).
func isMisfit(err error) bool {
	return apierrors.ReasonForError(err) == metav1.StatusReasonUnknown &&
		strings.Contains(err.Error(), "failed to create typed patch object")
}
