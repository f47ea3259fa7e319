// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"slices"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// onWrites holds the VMAgent against the zones.
func onWrites(s *scene) []string {
	if s.agent == nil {
		return nil
	}
	everywhere := s.agentChanged()
	zones := s.where(func(z *zone) bool { return everywhere || z.added })
	if len(zones) == 0 {
		return nil
	}
	known := s.allClusters()
	var sharded bool
	var none, unknown, unqueued, least []string
	for _, zone := range zones {
		writes := victoriametrics.RemoteWrites(s.agent, zone.cluster, known)
		sharded = sharded || writes.Sharded
		switch {
		case writes.Unknown != "":
			unknown = append(unknown, zone.name)
		case writes.None():
			none = append(none, zone.name)
		case slices.ContainsFunc(writes.Entries, func(w victoriametrics.RemoteWrite) bool { return w.NoDiskQueue }):
			unqueued = append(unqueued, zone.name)
		case slices.ContainsFunc(writes.Entries, victoriametrics.RemoteWrite.HasLeastQueue):
			least = append(least, zone.name)
		}
	}
	name := s.agent.GetName()
	var found []string
	if len(none) > 0 {
		found = append(found, say("spec.vmagent: VMAgent %q has no remote write to %s, so that reads come back without a wait for what was written meanwhile",
			name, counted("zone", none)))
	}
	if len(unknown) > 0 {
		found = append(found, say("spec.vmagent: how VMAgent %q writes to %s can't be told (proxy, load balancer, unknown host or arguments), "+
			"so that the rollout will ask for your word there", name, counted("zone", unknown)))
	}
	if sharded {
		found = append(found, say("spec.vmagent: VMAgent %q shards by URL, so that zones are no replicas of each other and the rollout will ask for your word", name))
	}
	if len(unqueued) > 0 {
		found = append(found, say("spec.vmagent: VMAgent %q keeps no queue on disk for %s and may drop samples meanwhile, so that the rollout will ask for your word",
			name, counted("zone", unqueued)))
	}
	if len(least) > 0 {
		found = append(found, say("spec.vmagent: VMAgent %q has the smallest possible queue for %s; what a change outlasts is lost: raise maxDiskUsage",
			name, counted("zone", least)))
	}
	return append(found, ofAgent(s, everywhere, len(unqueued) < len(zones))...)
}

// ofAgent tells what is the matter with the VMAgent itself.
func ofAgent(s *scene, changed, queues bool) []string {
	name := s.agent.GetName()
	var found []string
	if changed && queues && victoriametrics.QueueGoesWithPod(s.agent) {
		found = append(found, say("spec.vmagent: VMAgent %q keeps its queues on no persistent volume, so that they go with its pods; use statefulMode and statefulStorage", name))
	}
	var zones []victoriametrics.ScrapedZone
	for _, zone := range s.zones {
		if zone.live == nil && zone.inline || zone.ours(s.owner()) {
			zones = append(zones, victoriametrics.ScrapedZone{Name: zone.name, Spec: zone.cluster.Spec})
		}
	}
	if len(zones) == 0 {
		return found
	}
	_, report := victoriametrics.PlanScrape(s.agent, s.object.Name, zones, s.labels)
	switch report.Reason {
	case victoriametrics.ScrapeIngestOnlyMode:
		if changed {
			found = append(found, say("spec.vmagent: VMAgent %q is in ingestOnlyMode and scrapes nothing, the zones neither", name))
		}
	case victoriametrics.ScrapeDaemonSetMode:
		if changed {
			found = append(found, say("spec.vmagent: VMAgent %q is in daemonSetMode and scrapes pods only, not the zones", name))
		}
	case victoriametrics.ScrapeSelectorMisses, victoriametrics.ScrapeNamespaceNotSelected:
		found = append(found, say("spec.vmagent: the scrape selectors of VMAgent %q are not ours to change and leave out components of the zones", name))
	}
	return found
}

// allClusters are all VMClusters that there are and will be.
func (s *scene) allClusters() []victoriametrics.Cluster {
	all := make([]victoriametrics.Cluster, 0, len(s.clusters)+len(s.zones))
	for _, object := range s.clusters {
		if cluster, err := victoriametrics.ParseCluster(object); err == nil {
			all = append(all, cluster)
		}
	}
	for _, zone := range s.zones {
		all = append(all, zone.cluster)
	}
	return all
}
