// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/pager"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/halt"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// Cluster is the one that the server is taken out of.
type Cluster struct {
	kubernetes  kubernetes.Interface
	objects     dynamic.Interface
	metadata    metadata.Interface
	definitions apiextensions.Interface
	discovery   discovery.DiscoveryInterface
	namespace   string
}

// NewCluster returns the cluster of config, in a namespace of which the server is.
func NewCluster(config *rest.Config, namespace string) (*Cluster, error) {
	c := &Cluster{namespace: namespace}
	var err error
	if c.kubernetes, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	if c.objects, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	if c.metadata, err = metadata.NewForConfig(config); err != nil {
		return nil, err
	}
	if c.definitions, err = apiextensions.NewForConfig(config); err != nil {
		return nil, err
	}
	c.discovery, err = discovery.NewDiscoveryClientForConfig(config)
	return c, err
}

// Gather looks at the cluster and changes nothing. What can't be looked at is an error:
// nothing is to be taken away on the strength of half a look.
func (c *Cluster) Gather(ctx context.Context) (Observed, error) {
	found := Observed{Namespace: c.namespace}
	for _, look := range []struct {
		at string
		do func(context.Context, *Observed) error
	}{
		{"what the manifests bring", c.lookForObjects},
		{"the records", c.lookForRecords},
		{"the revisions on record", c.lookForRevisions},
		{"the VMUsers and what rollouts have left on them", c.lookForDrains},
		{"the VMDistributedClusters", c.lookForWork},
		{"what halts the server", c.lookForHalt},
		{"the operator's kinds", c.lookForKinds},
		{"the marks on VMClusters", c.lookForMarks},
		{"what else is in the namespace", c.lookForInhabitants},
	} {
		if err := look.do(ctx, &found); err != nil {
			return Observed{}, unseen(look.at, err)
		}
	}
	return found, nil
}

func (c *Cluster) lookForObjects(ctx context.Context, found *Observed) error {
	for _, item := range inventory(c.namespace) {
		object, err := c.objects.Resource(item.Resource).Namespace(item.Namespace).Get(ctx, item.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", item, mayNot(err, "get", item.Resource, item.Name))
		}
		if item.stage == Registration && servedByTheClusterItself(object) {
			continue // kube-apiserver would make it again
		}
		found.Objects = append(found.Objects, Object{Ref: item.Ref, Stage: item.stage, UID: object.GetUID(), NotOurs: item.ours(object)})
	}
	return nil
}

func (c *Cluster) lookForRecords(ctx context.Context, found *Observed) error {
	return c.each(ctx, recordsResource(), func(record *metav1.PartialObjectMetadata) error {
		found.Records = append(found.Records, record.Namespace+"/"+record.Name)
		return nil
	})
}

func recordsResource() schema.GroupVersionResource {
	return storagev1.SchemeGroupVersion.WithResource(storagev1.VMDistributedClusterRecords)
}

func (c *Cluster) lookForDrains(ctx context.Context, found *Observed) (err error) {
	found.Drains, err = c.drains(ctx)
	return err
}

// drains are those of which VMUsers carry the record.
func (c *Cluster) drains(ctx context.Context) (all []Drain, err error) {
	err = c.each(ctx, victoriametrics.VMUserResource, func(user *metav1.PartialObjectMetadata) error {
		all = append(all, drainsOf(user)...)
		return nil
	})
	return all, err
}

func drainsOf(user *metav1.PartialObjectMetadata) (all []Drain) {
	name := user.Namespace + "/" + user.Name
	object := &unstructured.Unstructured{Object: map[string]any{}}
	object.SetNamespace(user.Namespace)
	object.SetName(user.Name)
	object.SetAnnotations(user.Annotations)
	records, err := victoriametrics.DrainRecords(object)
	if err != nil {
		return []Drain{{User: name, Unreadable: err.Error()}}
	}
	for _, record := range records {
		for _, zone := range record.Zones {
			all = append(all, Drain{User: name, Owner: record.Owner.String(), Zone: zone})
		}
	}
	return all
}

// lookForWork asks the server, which alone knows where its objects are.
func (c *Cluster) lookForWork(ctx context.Context, found *Observed) error {
	registered := slices.IndexFunc(found.Objects, func(object Object) bool { return object.Stage == Registration && object.NotOurs == "" })
	if registered < 0 {
		found.Silent = "no APIService leads to the server"
		return nil
	}
	group := strings.TrimPrefix(found.Objects[registered].Name, version+".")
	resource := schema.GroupVersionResource{Group: group, Version: version, Resource: ownResource}
	err := c.eachWhole(ctx, resource, func(object *unstructured.Unstructured) {
		if work := workOn(object); work.Doing != "" {
			found.InWork = append(found.InWork, work)
		}
	})
	switch {
	case apierrors.IsForbidden(err) || ctx.Err() != nil:
		return err
	case err != nil:
		// It may be what the server is taken away for.
		found.Silent = fmt.Sprintf("the server does not answer (%v)", err)
	}
	return nil
}

// lookForHalt asks as the server does.
func (c *Cluster) lookForHalt(ctx context.Context, found *Observed) error {
	halted, err := halt.New(c.kubernetes, c.namespace).Read(ctx)
	if err != nil || halted == nil {
		return err
	}
	found.Halt = &Halt{Switch: halted.Switch, Reason: halted.Reason, Unknown: halted.Unknown}
	return nil
}

// lookForKinds finds the kinds of the operator that are in the version of our
// APIService. Their definitions are large, so it asks for names first.
func (c *Cluster) lookForKinds(ctx context.Context, found *Observed) error {
	hides := func(object Object) bool {
		return object.Stage == Registration && object.NotOurs == "" && object.Name == version+"."+operatorGroup
	}
	if !slices.ContainsFunc(found.Objects, hides) {
		return nil
	}
	var names []string
	definitions := apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions")
	err := c.each(ctx, definitions, func(definition *metav1.PartialObjectMetadata) error {
		if strings.HasSuffix(definition.Name, "."+operatorGroup) {
			names = append(names, definition.Name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		definition, err := c.definitions.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return mayNot(err, "get", definitions, name)
		}
		in := func(of apiextensionsv1.CustomResourceDefinitionVersion) bool { return of.Name == version && of.Served }
		if slices.ContainsFunc(definition.Spec.Versions, in) {
			found.OperatorKinds = append(found.OperatorKinds, definition.Spec.Names.Plural)
		}
	}
	return nil
}

func (c *Cluster) lookForMarks(ctx context.Context, found *Observed) error {
	for _, kind := range victoriametrics.MarkedKinds() {
		err := c.each(ctx, kind.Resource, func(object *metav1.PartialObjectMetadata) error {
			if victoriametrics.CarriesMark(object) {
				found.Marked++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls do with what there is of a resource, which nobody may serve.
func (c *Cluster) each(ctx context.Context, resource schema.GroupVersionResource, do func(*metav1.PartialObjectMetadata) error) error {
	list := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return c.metadata.Resource(resource).List(ctx, options)
	})
	err := list.EachListItem(ctx, metav1.ListOptions{}, func(item runtime.Object) error {
		object, ok := item.(*metav1.PartialObjectMetadata)
		if !ok {
			return errors.New("the cluster answers with something else than metadata")
		}
		return do(object)
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return mayNot(err, "list", resource, "")
}

func (c *Cluster) eachWhole(ctx context.Context, resource schema.GroupVersionResource, do func(*unstructured.Unstructured)) error {
	list := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return c.objects.Resource(resource).List(ctx, options)
	})
	err := list.EachListItem(ctx, metav1.ListOptions{}, func(item runtime.Object) error {
		if object, ok := item.(*unstructured.Unstructured); ok {
			do(object)
		}
		return nil
	})
	return mayNot(err, "list", resource, "")
}
