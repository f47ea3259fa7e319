// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"slices"

	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/callerrights"
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
	var questions []callerrights.Question
	for i := range reports {
		if len(reports[i].Changes) > 0 {
			questions = append(questions, toGet(&reports[i]))
		}
	}
	denied := v.denied(ctx, namespace, questions)
	for i := range reports {
		report := &reports[i]
		if !slices.Contains(denied, toGet(report)) {
			continue
		}
		report.ValuesHidden = true
		for j := range report.Changes {
			report.Changes[j].From, report.Changes[j].To = "", ""
		}
	}
}

// toGet asks for the VMCluster of a zone.
func toGet(report *vmdistributed.ZoneReport) callerrights.Question {
	return callerrights.Question{Verb: "get", Resource: victoriametrics.VMClusterResource, Name: report.Cluster.Name}
}

// denied returns what the caller may not do, which is all where nobody can tell.
func (v values) denied(ctx context.Context, namespace string, questions []callerrights.Question) []callerrights.Question {
	user, known := request.UserFrom(ctx)
	if !known {
		return questions
	}
	caller := callerrights.Caller{Authorizer: v.authorizer, User: user, Namespace: namespace}
	denied, err := caller.Denied(ctx, questions)
	if err != nil {
		klog.FromContext(ctx).Error(err, "Finding out which VMClusters a caller may get; the values of all stay hidden")
		return questions
	}
	return denied
}
