// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

const (
	// takeoverLabel says whether kube-apiserver manages an APIService: by "true" and
	// "onstart" it does.
	takeoverLabel = "kube-aggregator.kubernetes.io/automanaged"

	disableFlag = "controller.disableReconcileFor"
)

// describe says what an APIService is to a server in a namespace.
func describe(found *apiregistrationv1.APIService, namespace string) APIService {
	label := found.Labels[takeoverLabel]
	managed := label == "true" || label == "onstart"
	described := APIService{Name: found.Name, Standing: Local, Kept: !managed}
	service := found.Spec.Service
	switch {
	case service == nil && managed:
		described.Standing = Automanaged
	case service == nil:
	case service.Namespace == namespace && service.Name == serverName:
		described.Standing, described.Service = Ours, service.Namespace+"/"+service.Name
	default:
		described.Standing, described.Service = Foreign, service.Namespace+"/"+service.Name
	}
	return described
}

func describeOther(found *apiregistrationv1.APIService) OtherAPIService {
	other := OtherAPIService{Name: found.Name, Message: "it has no condition Available"}
	for _, condition := range found.Status.Conditions {
		if condition.Type == apiregistrationv1.Available {
			other.Available, other.Message = condition.Status == apiregistrationv1.ConditionTrue, condition.Message
		}
	}
	if other.Available {
		other.Message = ""
	}
	return other
}

// asOperator reads the flags of a Deployment of the operator. Charts name it as they
// like; what they have in common is the image, unless it is mirrored under another
// name, and a label. The image of what reloads configurations beside VMAuths and others has
// the same name, and another tag.
func asOperator(found *appsv1.Deployment) (Operator, bool) {
	operator := Operator{Name: found.Namespace + "/" + found.Name}
	is := found.Labels["app.kubernetes.io/name"] == "victoria-metrics-operator"
	for _, container := range found.Spec.Template.Spec.Containers {
		leaves, told := leavesAlone(container)
		if told || strings.Contains(container.Image, "victoriametrics/operator") && !strings.Contains(container.Image, ":config-reloader-") {
			is = true
		}
		operator.LeavesAlone = append(operator.LeavesAlone, leaves...)
	}
	return operator, is
}

// leavesAlone are the kinds that the flags of a container say not to reconcile.
func leavesAlone(container corev1.Container) (kinds []string, told bool) {
	arguments := slices.Concat(container.Command, container.Args)
	for i, argument := range arguments {
		name, value, assigned := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		if name != disableFlag || !strings.HasPrefix(argument, "-") {
			continue
		}
		if !assigned && i+1 < len(arguments) {
			value = arguments[i+1]
		}
		kinds, told = append(kinds, strings.Split(value, ",")...), true
	}
	return kinds, told
}
