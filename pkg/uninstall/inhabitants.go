// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// lookForInhabitants lists all that is in the namespace and would go with it, but for
// what has a name of ours and what Kubernetes makes by itself.
func (c *Cluster) lookForInhabitants(ctx context.Context, found *Observed) error {
	lists, err := c.discovery.ServerPreferredNamespacedResources()
	if unknown, err := unlisted(err); err != nil {
		return err
	} else if unknown != "" {
		found.Inhabitants = append(found.Inhabitants, unknown)
	}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return err
		}
		for _, served := range list.APIResources {
			if !stored(served) || served.Name == ownResource || version.WithResource(served.Name) == recordsResource() {
				continue // records are looked for by themselves, and are the objects
			}
			if err := c.listInhabitants(ctx, version.WithResource(served.Name), served.Kind, found); err != nil {
				return fmt.Errorf("listing %s in %s: %w", served.Name, c.namespace, err)
			}
		}
	}
	slices.Sort(found.Inhabitants)
	found.Inhabitants = slices.Compact(found.Inhabitants)
	return nil
}

// unlisted names the groups of which nobody can tell what is in the namespace. Ours may
// be down, which is no reason to keep it.
func unlisted(err error) (string, error) {
	var failed *discovery.ErrGroupDiscoveryFailed
	if !errors.As(err, &failed) {
		return "", err
	}
	var groups []string
	for group := range failed.Groups {
		if group.Version != version || group.Group != operatorGroup && group.Group != ownGroup {
			groups = append(groups, group.String())
		}
	}
	if len(groups) == 0 {
		return "", nil
	}
	slices.Sort(groups)
	return "whatever there is of " + strings.Join(groups, ", ") + ", which does not answer", nil
}

// stored tells what is kept somewhere from what is computed.
func stored(resource metav1.APIResource) bool {
	return slices.Contains(resource.Verbs, "list") && slices.Contains(resource.Verbs, "create") && slices.Contains(resource.Verbs, "delete")
}

func (c *Cluster) listInhabitants(ctx context.Context, resource schema.GroupVersionResource, kind string, found *Observed) error {
	list, err := c.metadata.Resource(resource).Namespace(c.namespace).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
		return nil
	}
	if err != nil {
		return mayNot(err, "list", resource, "")
	}
	for i := range list.Items {
		object := &list.Items[i]
		known := func(of Object) bool {
			return of.Resource.GroupResource() == resource.GroupResource() && of.Namespace == object.Namespace && of.Name == object.Name
		}
		if !madeByItself(resource.GroupResource(), object) && !slices.ContainsFunc(found.Objects, known) {
			found.Inhabitants = append(found.Inhabitants, Ref{Kind: kind, Namespace: object.Namespace, Name: object.Name}.String())
		}
	}
	return nil
}

// madeByItself is what comes with a namespace, and what controllers have made of our
// workload and Service. Revisions on record are looked for by themselves.
func madeByItself(resource schema.GroupResource, object metav1.Object) bool {
	switch resource.String() {
	case "events", "events.events.k8s.io":
		return true
	case "serviceaccounts":
		return object.GetName() == "default"
	case "configmaps":
		return object.GetName() == "kube-root-ca.crt"
	case "endpoints":
		return object.GetName() == serverName
	case "endpointslices.discovery.k8s.io":
		return object.GetLabels()["kubernetes.io/service-name"] == serverName
	case "pods", "replicasets.apps", "controllerrevisions.apps":
		return isRevision(object) || object.GetLabels()[nameLabel] == serverName && strings.HasPrefix(object.GetName(), serverName+"-")
	}
	return false
}
