// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the public API, version v1alpha1, of the group
// operator.victoriametrics.com as far as this project serves it.
//
// +k8s:deepcopy-gen=package
// +k8s:conversion-gen=github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed
// +k8s:defaulter-gen=TypeMeta
// +k8s:validation-gen=TypesWithField=TypeMeta
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=com.github.vmdistributed.vmdistributed-apiserver.apis.operator.v1alpha1
// +groupName=operator.victoriametrics.com
package v1alpha1
