// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"k8s.io/apiextensions-apiserver/pkg/apihelpers"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// applier applies objects of any kind server-side.
type applier struct {
	client dynamic.Interface
	mapper meta.RESTMapper
}

func newApplier(config *rest.Config) (*applier, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	discovery, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovery))
	return &applier{client: client, mapper: mapper}, nil
}

func (a *applier) apply(ctx context.Context, objects ...*unstructured.Unstructured) error {
	for _, object := range objects {
		if err := a.applyOne(ctx, object); err != nil {
			return fmt.Errorf("applying %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	return nil
}

func (a *applier) applyOne(ctx context.Context, object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	options := metav1.ApplyOptions{FieldManager: fieldManager, Force: true}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		_, err = a.client.Resource(mapping.Resource).Namespace(object.GetNamespace()).Apply(ctx, object.GetName(), object, options)
	} else {
		_, err = a.client.Resource(mapping.Resource).Apply(ctx, object.GetName(), object, options)
	}
	return err
}

// Apply applies the objects of YAML files, in order, and returns when each
// CustomResourceDefinition among them is served.
func (c *ControlPlane) Apply(ctx context.Context, paths ...string) error {
	objects, err := readManifests(paths...)
	if err != nil {
		return err
	}
	applier, err := newApplier(c.Config())
	if err != nil {
		return err
	}
	if err := applier.apply(ctx, objects...); err != nil {
		return err
	}
	for _, object := range objects {
		if object.GetKind() != kindDefinition {
			continue
		}
		if err := applier.untilServed(ctx, object.GetName(), c.options.Patience); err != nil {
			return err
		}
	}
	return nil
}

// untilServed returns when a definition is served, so that the objects of its kind can
// be applied next.
func (a *applier) untilServed(ctx context.Context, name string, patience time.Duration) error {
	definitions := a.client.Resource(apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions"))
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		found, err := definitions.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		definition := &apiextensionsv1.CustomResourceDefinition{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found.Object, definition); err != nil {
			return false, err
		}
		if !apihelpers.IsCRDConditionTrue(definition, apiextensionsv1.Established) {
			return false, nil
		}
		served := schema.GroupVersionResource{Group: definition.Spec.Group, Version: definition.Spec.Versions[0].Name, Resource: definition.Spec.Names.Plural}
		_, err = a.client.Resource(served).List(ctx, metav1.ListOptions{Limit: 1})
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting until %s is served: %w", name, err)
	}
	return nil
}

// readManifests reads the objects of YAML files, in order.
func readManifests(paths ...string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, path := range paths {
		objects, err := readManifest(path)
		if err != nil {
			return nil, fmt.Errorf("reading the manifest %s: %w", path, err)
		}
		all = append(all, objects...)
	}
	return all, nil
}

func readManifest(path string) ([]*unstructured.Unstructured, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

const (
	kindDefinition = "CustomResourceDefinition"
	kindService    = "Service"
	kindAPIService = "APIService"
)

// pointToLoopback rewrites a Service and the APIServices of the project's
// manifests so that the aggregator finds a server on this machine: a Service
// without endpoints that is but another name for localhost. With no authority given, the
// one in the APIService stays as it is.
func pointToLoopback(object *unstructured.Unstructured, port int, ca []byte) error {
	switch object.GetKind() {
	case kindService:
		object.Object["spec"] = map[string]any{
			"type":         "ExternalName",
			"externalName": "localhost",
			"ports": []any{map[string]any{
				"name": "https", "protocol": "TCP", "port": int64(port), "targetPort": int64(port),
			}},
		}
	case kindAPIService:
		if err := unstructured.SetNestedField(object.Object, int64(port), "spec", "service", "port"); err != nil {
			return err
		}
		unstructured.RemoveNestedField(object.Object, "spec", "insecureSkipTLSVerify")
		if len(ca) == 0 {
			return nil
		}
		return unstructured.SetNestedField(object.Object, base64.StdEncoding.EncodeToString(ca), "spec", "caBundle")
	}
	return nil
}
