// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package client reads and writes VMDistributedClusters for the plugin, by whichever
// of its two groups the cluster serves the kind in.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	distributedv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

const resource = "vmdistributedclusters"

// groupVersions are those that the kind is served in, the one to prefer first.
func groupVersions() []schema.GroupVersion {
	return []schema.GroupVersion{v1alpha1.SchemeGroupVersion, distributedv1alpha1.SchemeGroupVersion}
}

// Client is for one namespace.
type Client struct {
	objects   dynamic.ResourceInterface
	events    kubernetes.Interface
	namespace string
	version   schema.GroupVersion
}

// New finds out where the kind is served. What the server warns of is written as it
// comes. All that it gives out is in the types of
// the first group: those of the other are the same under another name.
func New(getter genericclioptions.RESTClientGetter, namespace string, warnings io.Writer) (*Client, error) {
	config, err := getter.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	version, err := served(config)
	if err != nil {
		return nil, err
	}
	config.WarningHandler = rest.NewWarningWriter(warnings, rest.WarningWriterOptions{Deduplicate: true})
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Client{
		objects:   objects.Resource(version.WithResource(resource)).Namespace(namespace),
		events:    core,
		namespace: namespace,
		version:   version,
	}, nil
}

// served asks discovery, past what kubectl keeps of it on the disk for hours: that may be
// of before another of the groups was registered in the place of this one.
func served(config *rest.Config) (schema.GroupVersion, error) {
	asked, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return schema.GroupVersion{}, err
	}
	var failures []error
	for _, version := range groupVersions() {
		found, err := asked.ServerResourcesForGroupVersion(version.String())
		switch {
		case err == nil && slices.ContainsFunc(found.APIResources, func(is metav1.APIResource) bool { return is.Name == resource }):
			return version, nil
		case err != nil && !apierrors.IsNotFound(err):
			failures = append(failures, fmt.Errorf("%s: %w", version, err))
		}
	}
	if len(failures) > 0 {
		return schema.GroupVersion{}, fmt.Errorf("asking what the cluster serves: %w", errors.Join(failures...))
	}
	return schema.GroupVersion{}, fmt.Errorf("the cluster serves %s in none of its groups, %s and %s: is vmdistributed-apiserver installed, and its APIService available? See kubectl get apiservices",
		resource, groupVersions()[0], groupVersions()[1])
}

// Namespace is where the objects are.
func (c *Client) Namespace() string { return c.namespace }

// NamedKind is what kubectl -o name writes before a name.
func (c *Client) NamedKind() string { return "vmdistributedcluster." + c.version.Group }

// Get reads one object.
func (c *Client) Get(ctx context.Context, name string) (*v1alpha1.VMDistributedCluster, error) {
	found, err := c.objects.Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return decode[v1alpha1.VMDistributedCluster](found)
}

// List reads all objects.
func (c *Client) List(ctx context.Context) ([]*v1alpha1.VMDistributedCluster, error) {
	found, err := c.objects.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	objects := make([]*v1alpha1.VMDistributedCluster, len(found.Items))
	for i := range found.Items {
		if objects[i], err = decode[v1alpha1.VMDistributedCluster](&found.Items[i]); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// Zones asks where the zones of an object stand at this moment.
func (c *Client) Zones(ctx context.Context, name string) (*v1alpha1.VMDistributedClusterZones, error) {
	found, err := c.objects.Get(ctx, name, metav1.GetOptions{}, "zones")
	if err != nil {
		return nil, err
	}
	return decode[v1alpha1.VMDistributedClusterZones](found)
}

// Plan asks what is pending of an object.
func (c *Client) Plan(ctx context.Context, name string) (*v1alpha1.VMDistributedClusterPlan, error) {
	found, err := c.objects.Get(ctx, name, metav1.GetOptions{}, "plan")
	if err != nil {
		return nil, err
	}
	return decode[v1alpha1.VMDistributedClusterPlan](found)
}

// PlanChange asks what a write of an object would bring. It may be of either group.
func (c *Client) PlanChange(ctx context.Context, changed *unstructured.Unstructured) (*v1alpha1.VMDistributedClusterPlan, error) {
	asked := changed.DeepCopy()
	asked.SetAPIVersion(c.version.String())
	asked.SetNamespace(c.namespace)
	found, err := c.objects.Create(ctx, asked, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}, "plan")
	if err != nil {
		return nil, err
	}
	return decode[v1alpha1.VMDistributedClusterPlan](found)
}

// History asks which revisions of an object are on record, the latest first.
func (c *Client) History(ctx context.Context, name string) (*v1alpha1.VMDistributedClusterHistory, error) {
	found, err := c.objects.Get(ctx, name, metav1.GetOptions{}, "history")
	if err != nil {
		return nil, err
	}
	return decode[v1alpha1.VMDistributedClusterHistory](found)
}

// Patch changes an object by a JSON merge patch.
func (c *Client) Patch(ctx context.Context, name string, patch []byte, options metav1.PatchOptions) (*v1alpha1.VMDistributedCluster, error) {
	patched, err := c.objects.Patch(ctx, name, types.MergePatchType, patch, options)
	if err != nil {
		return nil, err
	}
	return decode[v1alpha1.VMDistributedCluster](patched)
}

// Verb is a subresource by which users say how a rollout is to go on.
type Verb struct{ subresource, kind string }

// The verbs; see docs/api.md.
var (
	Promote = Verb{"promote", "VMDistributedClusterPromotion"}
	Abort   = Verb{"abort", "VMDistributedClusterAbort"}
	Retry   = Verb{"retry", "VMDistributedClusterRetry"}
	Undo    = Verb{"undo", "VMDistributedClusterUndo"}
	Skip    = Verb{"skip", "VMDistributedClusterSkip"}
	Restart = Verb{"restart", "VMDistributedClusterRestart"}
)

// Say posts what a verb is asked for with, and returns it completed. It takes no right
// but that to the verb.
func (c *Client) Say(ctx context.Context, name string, verb Verb, body map[string]any, options metav1.CreateOptions) (*unstructured.Unstructured, error) {
	said := &unstructured.Unstructured{Object: body}
	said.SetAPIVersion(c.version.String())
	said.SetKind(verb.kind)
	said.SetName(name)
	return c.objects.Create(ctx, said, options, verb.subresource)
}

// Events are what has been told of an object, in no order.
func (c *Client) Events(ctx context.Context, object *v1alpha1.VMDistributedCluster) ([]corev1.Event, error) {
	found, err := c.events.CoreV1().Events(c.namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.kind": "VMDistributedCluster", "involvedObject.uid": string(object.UID)}.String(),
	})
	if err != nil {
		return nil, err
	}
	return found.Items, nil
}

// TrimKind takes off what kubectl -o name writes before a name.
func TrimKind(name string) string {
	for _, kind := range []string{"vmdc", "vmdistributedcluster", resource} {
		rest, found := strings.CutPrefix(name, kind)
		if !found {
			continue
		}
		if before, after, slash := strings.Cut(rest, "/"); slash && (before == "" || strings.HasPrefix(before, ".")) {
			return after
		}
	}
	return name
}

// decode goes by JSON, since specs of zones have a decoding of their own.
func decode[T any](found *unstructured.Unstructured) (*T, error) {
	text, err := json.Marshal(found)
	if err != nil {
		return nil, err
	}
	typed := new(T)
	if err := json.Unmarshal(text, typed); err != nil {
		return nil, fmt.Errorf("reading %s %s/%s: %w", found.GetKind(), found.GetNamespace(), found.GetName(), err)
	}
	return typed, nil
}
