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

// secret is what of one zone is shown to those only who may get its VMCluster.
type secret struct {
	cluster string
	changes []vmdistributed.ZoneChange
	hidden  *bool
}

// hide takes them out of the reports on clusters that the caller may not get.
func (v values) hide(ctx context.Context, namespace string, reports []vmdistributed.ZoneReport) {
	secrets := make([]secret, len(reports))
	for i := range reports {
		secrets[i] = secret{reports[i].Cluster.Name, reports[i].Changes, &reports[i].ValuesHidden}
	}
	v.keep(ctx, namespace, secrets)
}

// hidePlanned does the same to what is planned.
func (v values) hidePlanned(ctx context.Context, namespace string, zones []vmdistributed.PlannedZone) {
	secrets := make([]secret, len(zones))
	for i := range zones {
		secrets[i] = secret{zones[i].Name, zones[i].Changes, &zones[i].ValuesHidden}
	}
	v.keep(ctx, namespace, secrets)
}

// keep takes the values out of the secrets that are not the caller's to see. What can't
// be found out is no.
func (v values) keep(ctx context.Context, namespace string, secrets []secret) {
	var questions []callerrights.Question
	for _, secret := range secrets {
		if len(secret.changes) > 0 {
			questions = append(questions, toGet(secret.cluster))
		}
	}
	denied := v.denied(ctx, namespace, questions)
	for _, secret := range secrets {
		if !slices.Contains(denied, toGet(secret.cluster)) {
			continue
		}
		*secret.hidden = true
		for j := range secret.changes {
			secret.changes[j].From, secret.changes[j].To = "", ""
		}
	}
}

// toGet asks for the VMCluster of a zone.
func toGet(cluster string) callerrights.Question {
	return callerrights.Question{Verb: "get", Resource: victoriametrics.VMClusterResource, Name: cluster}
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
