// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"fmt"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
)

// Applied is what kubectl apply would make of an object by a manifest of it, without
// --server-side: what the manifest no longer says is taken out, and what others have set
// stays. It takes the right to get the object.
func (c *Client) Applied(ctx context.Context, manifest *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	live, err := c.objects.Get(ctx, manifest.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return manifest, nil
	}
	if err != nil {
		return nil, err
	}
	applied, err := merged(live, manifest)
	if err != nil {
		return nil, fmt.Errorf("merging the manifest into VMDistributedCluster %s/%s as kubectl apply does: %w", c.namespace, manifest.GetName(), err)
	}
	return applied, nil
}

// merged merges three ways, as kubectl does for kinds that it has no types of.
func merged(live, manifest *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	before, err := json.Marshal(written(live))
	if err != nil {
		return nil, err
	}
	wanted, err := json.Marshal(written(manifest))
	if err != nil {
		return nil, err
	}
	last := []byte(live.GetAnnotations()[corev1.LastAppliedConfigAnnotation])
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(last, wanted, before)
	if err != nil {
		return nil, err
	}
	after, err := jsonpatch.MergePatch(before, patch)
	if err != nil {
		return nil, err
	}
	result := &unstructured.Unstructured{}
	if err := result.UnmarshalJSON(after); err != nil {
		return nil, err
	}
	// What else the manifest says is the API's to refuse, where it is wrong.
	applied := manifest.DeepCopy()
	applied.SetAnnotations(result.GetAnnotations())
	if delete(applied.Object, "spec"); result.Object["spec"] != nil {
		applied.Object["spec"] = result.Object["spec"]
	}
	return applied, nil
}

// written is the part of an object that users write. The name of its group is left out:
// a manifest may name either.
func written(object *unstructured.Unstructured) map[string]any {
	metadata := map[string]any{"name": object.GetName()}
	if annotations := object.GetAnnotations(); len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	part := map[string]any{"kind": object.GetKind(), "metadata": metadata}
	if spec, has := object.Object["spec"]; has {
		part["spec"] = spec
	}
	return part
}
