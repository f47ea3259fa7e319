// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"

	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// values are parts of the specs of VMClusters, and shown to those only who may read
// these by themselves.
type values struct {
	authorizer authorizer.Authorizer
}

// hide takes them out of the reports on clusters that the caller may not get. What
// can't be found out is no.
func (v values) hide(ctx context.Context, namespace string, reports []vmdistributed.ZoneReport) {
	var changed []*vmdistributed.ZoneReport
	for i := range reports {
		if len(reports[i].Changes) > 0 {
			changed = append(changed, &reports[i])
		}
	}
	// Most callers may get all VMClusters of the namespace, or none.
	if len(changed) == 0 || v.mayGet(ctx, namespace, "") {
		return
	}
	for _, report := range changed {
		if v.mayGet(ctx, namespace, report.Cluster.Name) {
			continue
		}
		report.ValuesHidden = true
		for i := range report.Changes {
			report.Changes[i].From, report.Changes[i].To = "", ""
		}
	}
}

// mayGet tells whether the caller may get a VMCluster, or all of a namespace where
// name is empty.
func (v values) mayGet(ctx context.Context, namespace, name string) bool {
	caller, known := request.UserFrom(ctx)
	if !known {
		return false
	}
	resource := victoriametrics.VMClusterResource
	decision, _, err := v.authorizer.Authorize(ctx, authorizer.AttributesRecord{
		User: caller, Verb: "get", Namespace: namespace, Name: name, ResourceRequest: true,
		APIGroup: resource.Group, APIVersion: resource.Version, Resource: resource.Resource,
	})
	if err != nil && decision != authorizer.DecisionAllow {
		klog.FromContext(ctx).Error(err, "Asking whether a caller may get VMClusters; their values stay hidden", "user", caller.GetName(), "namespace", namespace)
	}
	return decision == authorizer.DecisionAllow
}
