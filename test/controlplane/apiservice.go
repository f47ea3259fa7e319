// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/openapi"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"
)

// nudgeAnnotation is changed to make the aggregator look at once.
const nudgeAnnotation = "controlplane.vmdistributed/nudged"

// waitAggregated returns when the aggregator says that the API is available and
// passes requests on to it.
func waitAggregated(ctx context.Context, config *rest.Config, name string, patience time.Duration) error {
	client, err := aggregator.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := nudge(ctx, client, name); err != nil {
		return err
	}
	last := "it has no condition Available"
	version, err := waitAvailable(ctx, client, name, &last)
	if err != nil {
		return fmt.Errorf("APIService %s is not available after %v: %s: %w", name, patience, last, err)
	}
	return waitPassedOn(ctx, client, name, version)
}

// nudge touches an APIService that is not available. After failures the
// aggregator asks at growing intervals, up to 30 s, but at once after a change.
func nudge(ctx context.Context, client aggregator.Interface, name string) error {
	service, err := client.ApiregistrationV1().APIServices().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading APIService %s: %w", name, err)
	}
	if available, _ := isAvailable(service); available {
		return nil
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, nudgeAnnotation, time.Now().UTC().Format(time.RFC3339Nano))
	_, err = client.ApiregistrationV1().APIServices().Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: fieldManager})
	return err
}

func waitAvailable(ctx context.Context, client aggregator.Interface, name string, last *string) (groupVersion string, err error) {
	selector := fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.FieldSelector = selector
			return client.ApiregistrationV1().APIServices().List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.FieldSelector = selector
			return client.ApiregistrationV1().APIServices().Watch(ctx, options)
		},
	}
	_, err = watchtools.UntilWithSync(ctx, source, &apiregistrationv1.APIService{}, nil, func(event watch.Event) (bool, error) {
		service, ok := event.Object.(*apiregistrationv1.APIService)
		if !ok {
			return false, nil
		}
		groupVersion = service.Spec.Group + "/" + service.Spec.Version
		var available bool
		available, *last = isAvailable(service)
		return available, nil
	})
	return groupVersion, err
}

// waitPassedOn asks through the aggregator, whose proxy follows the condition a
// moment later, and whose condition may be older than the last crash. It waits
// for the schema too: as long as OpenAPI v3 lacks it, kubectl checks objects by
// itself against v2, which knows one shape of zones only.
func waitPassedOn(ctx context.Context, client aggregator.Interface, name, groupVersion string) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, 25*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, last = client.Discovery().ServerResourcesForGroupVersion(groupVersion)
		if apierrors.IsForbidden(last) || apierrors.IsUnauthorized(last) {
			return false, last
		}
		if last != nil {
			return false, nil //nolint:nilerr // it is asked again, and told when patience ends
		}
		var paths map[string]openapi.GroupVersion
		if paths, last = client.Discovery().OpenAPIV3().Paths(); last == nil && paths["apis/"+groupVersion] == nil {
			last = errors.New("/openapi/v3 does not list it")
		}
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("APIService %s is available, but /apis/%s cannot be read through the aggregator: %w", name, groupVersion, last)
	}
	return nil
}

// isAvailable reads the condition, and says what is in it.
func isAvailable(service *apiregistrationv1.APIService) (bool, string) {
	for _, condition := range service.Status.Conditions {
		if condition.Type == apiregistrationv1.Available {
			return condition.Status == apiregistrationv1.ConditionTrue, condition.Reason + ": " + condition.Message
		}
	}
	return false, "it has no condition Available"
}
