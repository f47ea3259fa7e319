// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package peer registers what a user would have in the place of this server: the same
// kind as a CustomResourceDefinition, in a group of its own, by the schema that the
// server publishes.
package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// Group is that of the peer; its version, kind and plural are ours.
const Group = "bench.distributed.victoriametrics.com"

const patience = 30 * time.Second

// Definition makes the CustomResourceDefinition from the OpenAPI document, version 3, of
// our own group and version.
func Definition(openAPI []byte) (*apiextensionsv1.CustomResourceDefinition, error) {
	var published struct {
		Components struct {
			Schemas fields `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(openAPI, &published); err != nil {
		return nil, fmt.Errorf("reading our OpenAPI document: %w", err)
	}
	schema, err := document{published.Components.Schemas}.kind(v1alpha1.GroupName, v1alpha1.SchemeGroupVersion.Version, vmdistributed.Kind)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	var properties apiextensionsv1.JSONSchemaProps
	if err := json.Unmarshal(raw, &properties); err != nil {
		return nil, fmt.Errorf("reading the schema of %s as one of a CustomResourceDefinition: %w", vmdistributed.Kind, err)
	}
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: vmdistributed.Resource + "." + Group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: Group,
			Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{
				Plural: vmdistributed.Resource, Singular: vmdistributed.SingularResource, Kind: vmdistributed.Kind, ListKind: vmdistributed.Kind + "List",
			},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: v1alpha1.SchemeGroupVersion.Version, Served: true, Storage: true,
				Schema:       &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &properties},
				Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
			}},
		},
	}, nil
}

// Register creates the definition and returns when the kind is served.
func Register(ctx context.Context, config *rest.Config, definition *apiextensionsv1.CustomResourceDefinition) error {
	client, err := apiextensions.NewForConfig(config)
	if err != nil {
		return err
	}
	if _, err := client.ApiextensionsV1().CustomResourceDefinitions().Create(ctx, definition, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating the CustomResourceDefinition %s: %w", definition.Name, err)
	}
	served, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	var last error
	is := func(resource metav1.APIResource) bool { return resource.Name == definition.Spec.Names.Plural }
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		var found *metav1.APIResourceList
		found, last = served.ServerResourcesForGroupVersion(definition.Spec.Group + "/" + definition.Spec.Versions[0].Name)
		return last == nil && slices.ContainsFunc(found.APIResources, is), nil
	})
	if err != nil {
		return fmt.Errorf("waiting until %s is served: %w (last: %w)", definition.Name, err, last)
	}
	return nil
}
