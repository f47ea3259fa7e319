// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// observeScrape plans the writes to the VMAgent that is named, and to those that
// were once and are no longer.
func (o *observer) observeScrape(ctx context.Context, object *vmdistributed.VMDistributedCluster, view *observation) error {
	view.scrape = &scrapeView{patches: map[string]map[string]any{}}
	agents, err := o.source.Agents(ctx, object.Namespace)
	if err != nil {
		return err
	}
	var labels map[string]string
	if view.namespace != nil {
		labels = view.namespace.Labels
	}
	named := object.Spec.VMAgent
	for _, agent := range agents {
		var zones []victoriametrics.ScrapedZone
		isNamed := named != nil && named.Name == agent.GetName() && view.Deletion == nil
		if isNamed {
			zones = scraped(view)
		}
		patch, report := victoriametrics.PlanScrape(agent, object.Name, zones, labels)
		if patch != nil {
			failure, err := o.tryScrape(ctx, agent.GetNamespace(), agent.GetName(), patch, view.scrape)
			if err != nil {
				return err
			}
			if failure != nil {
				report = *failure
			} else {
				view.scrape.patches[agent.GetName()] = patch
			}
		}
		if isNamed {
			view.scrape.report = &report
		}
	}
	view.ScrapePending = len(view.scrape.patches) > 0
	if named != nil && view.Deletion == nil && view.scrape.report == nil {
		view.scrape.report = &victoriametrics.ScrapeReport{
			Reason:  "VMAgentMissing",
			Message: fmt.Sprintf("VMAgent %q does not exist", named.Name),
		}
	}
	return nil
}

// The reasons of a VMAgent that is not written.
const (
	agentRefused = "VMAgentRefused"
	agentUntried = "VMAgentUntried"
)

// tryScrape says why the write to a VMAgent can't be made, if the API server refuses
// it or can't tell. A VMAgent that can't be written holds no zone up.
func (o *observer) tryScrape(ctx context.Context, namespace, name string, patch map[string]any, view *scrapeView) (*victoriametrics.ScrapeReport, error) {
	if o.trial == nil {
		return nil, nil
	}
	_, err := o.trial(ctx, mergePatch(victoriametrics.VMAgentResource, namespace, name, patch))
	switch {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil || isRace(err):
		return nil, err
	case permanent(err):
		view.retry = retryRefused
		return &victoriametrics.ScrapeReport{Reason: agentRefused, Message: err.Error()}, nil
	}
	view.retry = retryUntried
	return &victoriametrics.ScrapeReport{Reason: agentUntried, Message: err.Error()}, nil
}

// scraped are the zones that are ours, or will be.
func scraped(view *observation) []victoriametrics.ScrapedZone {
	var zones []victoriametrics.ScrapedZone
	for i := range view.Zones {
		zone := &view.Zones[i]
		if zone.Cluster != nil && (zone.Cluster.Ownership == rollout.Foreign || zone.Inline && zone.Cluster.Ownership == rollout.Unmarked) {
			continue
		}
		zones = append(zones, victoriametrics.ScrapedZone{Name: zone.Name, Spec: view.zones[zone.Name].cluster.Spec})
	}
	return zones
}
