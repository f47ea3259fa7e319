// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the public API, version v1alpha1, of the group
// distributed.victoriametrics.com: the kind of operator.victoriametrics.com once
// more, for clusters whose VictoriaMetrics operator needs v1alpha1 of that group for
// kinds of its own. The objects are the same, whatever group they are read and
// written in.
//
// +k8s:deepcopy-gen=package
// +k8s:conversion-gen=github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed
// +k8s:defaulter-gen=TypeMeta
// +k8s:validation-gen=TypesWithField=TypeMeta
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=com.github.vmdistributed.vmdistributed-apiserver.apis.distributed.v1alpha1
// +groupName=distributed.victoriametrics.com
package v1alpha1
