// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/halt"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/history"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// source is where observations come from. What does not exist is nil without an
// error. What is returned must not be changed.
type source interface {
	// Cluster returns a VMCluster.
	Cluster(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error)
	// Marked returns the VMClusters that carry the owner's mark.
	Marked(ctx context.Context, owner types.NamespacedName) ([]*unstructured.Unstructured, error)
	// Clusters returns the VMClusters of all namespaces, as far as they are known.
	Clusters(ctx context.Context) ([]*unstructured.Unstructured, error)
	// Workloads returns what the operator has made for a VMCluster.
	Workloads(ctx context.Context, namespace, name string) ([]appsv1.StatefulSet, []appsv1.Deployment, error)
	// Agent returns a VMAgent.
	Agent(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error)
	// Agents returns the VMAgents of a namespace.
	Agents(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error)
	// Users returns the VMUsers of a namespace.
	Users(ctx context.Context, namespace string) ([]*unstructured.Unstructured, error)
	// Auths returns the VMAuths of all namespaces.
	Auths(ctx context.Context) ([]*unstructured.Unstructured, error)
	// Routers returns the VMUsers and VMAuths of all namespaces.
	Routers(ctx context.Context) ([]*unstructured.Unstructured, error)
	// Namespace returns a Namespace.
	Namespace(ctx context.Context, name string) (*corev1.Namespace, error)
	// Halt returns what stops the controller for all objects.
	Halt(ctx context.Context) (*rollout.Halt, error)
	// Record returns what is on record of a revision of an object.
	Record(ctx context.Context, object types.NamespacedName, revision string) (*history.Record, error)
}

// caches are what the informers know. What is on record is read: it takes long to grow
// old, and is seldom asked for.
type caches struct {
	*inventory.Inventory
	halt    *halt.Switch
	history *history.History
}

var _ source = caches{}

func (c caches) Halt(ctx context.Context) (*rollout.Halt, error) { return c.halt.Known(ctx), nil }

func (c caches) Record(ctx context.Context, object types.NamespacedName, revision string) (*history.Record, error) {
	return c.history.Get(ctx, object, revision)
}
