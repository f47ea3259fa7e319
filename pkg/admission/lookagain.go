// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// lookAgainFor bounds the time of a second look: somebody waits for the answer.
const lookAgainFor = 2 * time.Second

// LookAgain reads from the host cluster what the inventory does not know: it may
// have been made a moment ago, by the command that now makes the object. It asks
// once, however many are named. What does not exist is left out, also where its
// kind is not installed.
func LookAgain(ctx context.Context, host dynamic.Interface, resource schema.GroupVersionResource, namespace string, names []string) ([]*unstructured.Unstructured, error) {
	if len(names) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookAgainFor)
	defer cancel()
	found, err := read(ctx, host.Resource(resource).Namespace(namespace), names)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("reading %s %q in namespace %q: %w", resource.Resource, names, namespace, err)
	}
	return found, nil
}

func read(ctx context.Context, client dynamic.ResourceInterface, names []string) ([]*unstructured.Unstructured, error) {
	var options metav1.ListOptions
	if len(names) == 1 {
		options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, names[0]).String()
	}
	// With several, all at once: as many requests as there may be zones would use up
	// what the client may ask in a second.
	list, err := client.List(ctx, options)
	if err != nil {
		return nil, err
	}
	var found []*unstructured.Unstructured
	for i := range list.Items {
		if object := &list.Items[i]; slices.Contains(names, object.GetName()) {
			found = append(found, object)
		}
	}
	return found, nil
}
