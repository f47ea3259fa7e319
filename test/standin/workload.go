// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// desiredAnnotation, on a workload, tells the definition that was last
	// written to it from others, so that none is written twice.
	desiredAnnotation = "standin.vmdistributed.test/desired"
	// templateAnnotation, on pods, stands for all settings of a component that
	// would be somewhere in a real template.
	templateAnnotation = "standin.vmdistributed.test/settings"

	instanceLabel  = "app.kubernetes.io/instance"
	nameLabel      = "app.kubernetes.io/name"
	componentLabel = "app.kubernetes.io/component"
	partOfLabel    = "app.kubernetes.io/part-of"
	managedByLabel = "managed-by"
	managedBy      = "vm-operator"
	shardLabel     = "shard-num"
)

// workload is one StatefulSet or Deployment as it should be.
type workload struct {
	resource string
	object   *unstructured.Unstructured
	replicas int32
	revision string
}

// design describes a workload; workload turns it into one.
type design struct {
	owner *unstructured.Unstructured
	// service is the name of what fronts the pods: the same, but for a shard.
	name, service string
	// program names the container and the label app.kubernetes.io/name.
	program, programLabel string
	// labels are more of them: own ones of the workload, and of its selector.
	labels, selector map[string]string
	managed          metadata
	component        component
	version          string
	// settings are all that a real template would be made from.
	settings any
	// A stateful one is a StatefulSet, the others are Deployments.
	stateful bool
	// parallel lets a StatefulSet manage its pods at the same time in any case.
	parallel bool
}

func (d design) workload() (workload, error) {
	settings, err := digest(d.settings)
	if err != nil {
		return workload{}, err
	}
	template := d.template(settings)
	hash, err := digest(template)
	if err != nil {
		return workload{}, err
	}
	resource, typed := deploymentResource, any(d.deployment(template))
	if d.stateful {
		resource, typed = statefulSetResource, any(d.statefulSet(template))
	}
	object, err := encode(typed)
	if err != nil {
		return workload{}, err
	}
	w := workload{resource: resource, object: &unstructured.Unstructured{Object: object}, replicas: d.component.replicas(), revision: d.name + "-" + hash}
	delete(object, "status")
	all, err := digest(object)
	if err != nil {
		return workload{}, err
	}
	w.object.SetAnnotations(merged(w.object.GetAnnotations(), map[string]string{desiredAnnotation: all}))
	return w, nil
}

func (d design) template(settings string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Labels:      merged(d.component.PodMetadata.Labels, d.selectorLabels()),
			Annotations: merged(d.component.PodMetadata.Annotations, map[string]string{templateAnnotation: settings}),
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name:  d.program,
			Image: d.component.image(d.program, d.version),
			Args:  d.component.args(),
		}}},
	}
}

func (d design) statefulSet(template corev1.PodTemplateSpec) *appsv1.StatefulSet {
	replicas, policy := d.component.replicas(), d.component.podManagementPolicy()
	if d.parallel {
		policy = appsv1.ParallelPodManagement
	}
	return &appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: d.objectMeta(),
		Spec: appsv1.StatefulSetSpec{
			Replicas:            &replicas,
			Selector:            &metav1.LabelSelector{MatchLabels: d.selectorLabels()},
			ServiceName:         d.service,
			PodManagementPolicy: policy,
			UpdateStrategy:      appsv1.StatefulSetUpdateStrategy{Type: d.component.statefulSetStrategy()},
			MinReadySeconds:     d.component.MinReadySeconds,
			Template:            template,
		},
	}
}

func (d design) deployment(template corev1.PodTemplateSpec) *appsv1.Deployment {
	replicas := d.component.replicas()
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: d.objectMeta(),
		Spec: appsv1.DeploymentSpec{
			Replicas:        &replicas,
			Selector:        &metav1.LabelSelector{MatchLabels: d.selectorLabels()},
			Strategy:        appsv1.DeploymentStrategy{Type: d.component.deploymentStrategy(), RollingUpdate: d.component.RollingUpdate},
			MinReadySeconds: d.component.MinReadySeconds,
			Template:        template,
		},
	}
}

func (d design) objectMeta() metav1.ObjectMeta {
	isController := true
	return metav1.ObjectMeta{
		Name:        d.name,
		Namespace:   d.owner.GetNamespace(),
		Labels:      merged(d.managed.Labels, merged(d.labels, d.commonLabels())),
		Annotations: d.managed.Annotations,
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion:         d.owner.GetAPIVersion(),
			Kind:               d.owner.GetKind(),
			Name:               d.owner.GetName(),
			UID:                d.owner.GetUID(),
			Controller:         &isController,
			BlockOwnerDeletion: &isController,
		}},
	}
}

// selectorLabels are those of the pods.
func (d design) selectorLabels() map[string]string {
	return merged(d.selector, d.commonLabels())
}

// commonLabels are those of the workload and of its pods.
func (d design) commonLabels() map[string]string {
	return map[string]string{
		nameLabel:      d.programLabel,
		instanceLabel:  d.owner.GetName(),
		componentLabel: "monitoring",
		managedByLabel: managedBy,
	}
}

// digest returns a short text that differs where the value does.
func digest(value any) (string, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(raw))[:10], nil
}
