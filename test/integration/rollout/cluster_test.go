// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// somebody is the field manager of whom works beside the server under test.
const somebody = "argocd-controller"

const (
	ownerMark    = "distributed.victoriametrics.com/owner"
	revisionMark = "distributed.victoriametrics.com/revision"
	overrideMark = "distributed.victoriametrics.com/override"
	scrapeMark   = "distributed.victoriametrics.com/scrape"
	permitShrink = "distributed.victoriametrics.com/permit-storage-shrink"
)

// cluster returns a VMCluster.
func (r *room) cluster(name string) *unstructured.Unstructured {
	r.t.Helper()
	return r.object(clusterResource, name)
}

func (r *room) object(resource schema.GroupVersionResource, name string) *unstructured.Unstructured {
	r.t.Helper()
	object, err := shared.objects.Resource(resource).Namespace(r.namespace).Get(r.t.Context(), name, metav1.GetOptions{})
	must(r.t, err)
	return object
}

// create makes an object of the operator's kinds, as somebody.
func (r *room) create(resource schema.GroupVersionResource, kind, name string, spec fields) *unstructured.Unstructured {
	r.t.Helper()
	object := &unstructured.Unstructured{Object: fields{
		"apiVersion": resource.GroupVersion().String(), "kind": kind,
		"metadata": fields{"name": name, "namespace": r.namespace},
		"spec":     spec,
	}}
	created, err := shared.objects.Resource(resource).Namespace(r.namespace).
		Create(r.t.Context(), object, metav1.CreateOptions{FieldManager: somebody, FieldValidation: metav1.FieldValidationStrict})
	must(r.t, err)
	if resource == clusterResource {
		r.chronicle.Theirs(created)
	}
	return created
}

// existing makes a VMCluster and waits until it is healthy.
func (r *room) existing(name string, spec fields) *unstructured.Unstructured {
	r.t.Helper()
	r.create(clusterResource, "VMCluster", name, spec)
	return r.untilOperational(name)
}

// edit changes a VMCluster, as somebody.
func (r *room) edit(name string, change fields) *unstructured.Unstructured {
	r.t.Helper()
	changed := r.editObject(clusterResource, name, change)
	r.chronicle.Theirs(changed)
	return changed
}

func (r *room) editObject(resource schema.GroupVersionResource, name string, change fields) *unstructured.Unstructured {
	r.t.Helper()
	body, err := json.Marshal(change)
	must(r.t, err)
	changed, err := shared.objects.Resource(resource).Namespace(r.namespace).
		Patch(r.t.Context(), name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: somebody})
	must(r.t, err)
	return changed
}

// annotate sets annotations of a VMCluster; nil removes.
func (r *room) annotate(name string, annotations fields) {
	r.t.Helper()
	r.editObject(clusterResource, name, fields{"metadata": fields{"annotations": annotations}})
}

// misbehave makes the stand-in treat a VMCluster in a way from its next
// generation on.
func (r *room) misbehave(name string, behaviour standin.Behaviour) {
	r.t.Helper()
	r.annotate(name, fields{
		standin.BehaviourAnnotation:      string(behaviour),
		standin.FromGenerationAnnotation: fmt.Sprint(r.cluster(name).GetGeneration() + 1),
	})
}

// misbehaveNow makes the stand-in do so at once.
func (r *room) misbehaveNow(name string, behaviour standin.Behaviour) {
	r.t.Helper()
	r.annotate(name, fields{standin.BehaviourAnnotation: string(behaviour), standin.FromGenerationAnnotation: nil})
}

// behave takes that back.
func (r *room) behave(name string) {
	r.t.Helper()
	r.annotate(name, fields{standin.BehaviourAnnotation: nil, standin.FromGenerationAnnotation: nil, standin.LagAnnotation: nil})
}

// untilCluster returns a VMCluster once it lacks nothing.
func (r *room) untilCluster(name, what string, lacks func(*unstructured.Unstructured) string) *unstructured.Unstructured {
	r.t.Helper()
	return r.untilObject(clusterResource, name, what, lacks)
}

func (r *room) untilObject(resource schema.GroupVersionResource, name, what string, lacks func(*unstructured.Unstructured) string) *unstructured.Unstructured {
	r.t.Helper()
	var last *unstructured.Unstructured
	poll(r.t, fmt.Sprintf("%s %s to be %s", resource.Resource, name, what), func(ctx context.Context) string {
		object, err := shared.objects.Resource(resource).Namespace(r.namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		last = object
		return lacks(object)
	})
	return last
}

// untilStatus waits for a VMCluster to say updateStatus@observedGeneration.
func (r *room) untilStatus(name, wanted string) {
	r.t.Helper()
	r.untilCluster(name, wanted, func(cluster *unstructured.Unstructured) string {
		if has := fmt.Sprintf("%v@%v", at(cluster, "status.updateStatus"), at(cluster, "status.observedGeneration")); has != wanted {
			return has
		}
		return ""
	})
}

// untilUnready waits for a StatefulSet of a VMCluster to lack a replica.
func (r *room) untilUnready(name string) {
	r.t.Helper()
	poll(r.t, "a StatefulSet of VMCluster "+name+" to lack a replica", func(ctx context.Context) string {
		sets, err := shared.kubernetes.AppsV1().StatefulSets(r.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err.Error()
		}
		has := "none of its is there"
		for _, set := range sets.Items {
			if !metav1.IsControlledBy(&set, r.cluster(name)) {
				continue
			}
			if set.Status.ReadyReplicas < set.Status.Replicas {
				return ""
			}
			has = fmt.Sprintf("%d of %d replicas of the last are ready", set.Status.ReadyReplicas, set.Status.Replicas)
		}
		return has
	})
}

// untilOperational waits for the operator to be done with the present generation.
func (r *room) untilOperational(name string) *unstructured.Unstructured {
	r.t.Helper()
	return r.untilCluster(name, "operational", operational)
}

// untilClusterGone waits for a VMCluster to be gone.
func (r *room) untilClusterGone(name string) {
	r.t.Helper()
	poll(r.t, "VMCluster "+name+" to be gone", func(ctx context.Context) string {
		_, err := shared.objects.Resource(clusterResource).Namespace(r.namespace).Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return ""
		case err != nil:
			return err.Error()
		}
		return "it is there"
	})
}

// versions are the resourceVersions of all VMClusters of the namespace.
func (r *room) versions() map[string]string {
	r.t.Helper()
	found, err := shared.objects.Resource(clusterResource).Namespace(r.namespace).List(r.t.Context(), metav1.ListOptions{})
	must(r.t, err)
	versions := map[string]string{}
	for i := range found.Items {
		versions[found.Items[i].GetName()] = string(found.Items[i].GetUID()) + "@" + found.Items[i].GetResourceVersion()
	}
	return versions
}

// generation tells whether a VMCluster has one.
func generation(wanted int64) func(*unstructured.Unstructured) string {
	return func(cluster *unstructured.Unstructured) string {
		if has := cluster.GetGeneration(); has != wanted {
			return fmt.Sprintf("generation is %d, not %d", has, wanted)
		}
		return ""
	}
}

// expectVersions wants the VMClusters to be those that they were.
func (r *room) expectVersions(wanted map[string]string) {
	r.t.Helper()
	if now := r.versions(); !maps.Equal(now, wanted) {
		r.t.Errorf("VMClusters are %v, want %v", now, wanted)
	}
}

// operational tells whether the operator has finished with an object.
func operational(object *unstructured.Unstructured) string {
	has := fmt.Sprintf("%v@%v", at(object, "status.updateStatus"), at(object, "status.observedGeneration"))
	if has != fmt.Sprintf("operational@%d", object.GetGeneration()) {
		return has
	}
	return ""
}
