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

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
