// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"slices"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/wording"
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
	ways := waysTo(s, zones)
	found := ways.told(s.agent.GetName())
	if everywhere && ways.queued && victoriametrics.QueueGoesWithPod(s.agent) {
		found = append(found, wording.Say("spec.vmagent: VMAgent %q keeps its queues on no persistent volume, so that they go with its pods; use statefulMode and statefulStorage",
			s.agent.GetName()))
	}
	return append(found, onScrapes(s, everywhere)...)
}

// ways are zones by what is the matter with the way that samples take to them.
type ways struct {
	none, unknown, unqueued, least []string
	sharded                        bool
	// queued is true where the way to one of them may lead through a queue on disk.
	queued bool
}

func waysTo(s *scene, zones []*zone) ways {
	var found ways
	known := s.allClusters()
	cost := victoriametrics.RemoteWriteEntries(s.agent) * len(known)
	for _, zone := range zones {
		if !spend(&s.left.hosts, cost) {
			break
		}
		writes := victoriametrics.RemoteWrites(s.agent, zone.cluster, known)
		found.sharded = found.sharded || writes.Sharded
		switch {
		case writes.Unknown != "":
			found.unknown, found.queued = append(found.unknown, zone.name), true
		case writes.None():
			found.none = append(found.none, zone.name)
		case slices.ContainsFunc(writes.Entries, func(w victoriametrics.RemoteWrite) bool { return w.NoDiskQueue }):
			found.unqueued = append(found.unqueued, zone.name)
		case slices.ContainsFunc(writes.Entries, victoriametrics.RemoteWrite.HasLeastQueue):
			found.least, found.queued = append(found.least, zone.name), true
		default:
			found.queued = true
		}
	}
	return found
}

// told says it of the VMAgent with that name.
func (w ways) told(agent string) []string {
	var found []string
	if len(w.none) > 0 {
		found = append(found, wording.Say("spec.vmagent: VMAgent %q has no remote write to %s, so that reads come back without a wait for what was written meanwhile",
			agent, wording.Counted("zone", w.none)))
	}
	if len(w.unknown) > 0 {
		found = append(found, wording.Say("spec.vmagent: how VMAgent %q writes to %s can't be told (proxy, load balancer, unknown host or arguments), "+
			"so that the rollout will ask for your word there", agent, wording.Counted("zone", w.unknown)))
	}
	if w.sharded {
		found = append(found, wording.Say("spec.vmagent: VMAgent %q shards by URL, so that zones are no replicas of each other and the rollout will ask for your word", agent))
	}
	if len(w.unqueued) > 0 {
		found = append(found, wording.Say("spec.vmagent: VMAgent %q keeps no queue on disk for %s and may drop samples meanwhile, so that the rollout will ask for your word",
			agent, wording.Counted("zone", w.unqueued)))
	}
	if len(w.least) > 0 {
		found = append(found, wording.Say("spec.vmagent: VMAgent %q has the smallest possible queue for %s; what a change outlasts is lost: raise maxDiskUsage",
			agent, wording.Counted("zone", w.least)))
	}
	return found
}

// onScrapes tells why the VMAgent will not scrape the zones; its modes only where it
// was not named before.
func onScrapes(s *scene, named bool) []string {
	var zones []victoriametrics.ScrapedZone
	for _, zone := range s.zones {
		if zone.live == nil && zone.inline || zone.ours(s.owner()) {
			zones = append(zones, victoriametrics.ScrapedZone{Name: zone.name, Spec: zone.cluster.Spec})
		}
	}
	if len(zones) == 0 {
		return nil
	}
	_, report := victoriametrics.PlanScrape(s.agent, s.object.Name, zones, s.labels)
	name := s.agent.GetName()
	switch reason := report.Reason; {
	case reason == victoriametrics.ScrapeIngestOnlyMode && named:
		return []string{wording.Say("spec.vmagent: VMAgent %q is in ingestOnlyMode and scrapes nothing, the zones neither", name)}
	case reason == victoriametrics.ScrapeDaemonSetMode && named:
		return []string{wording.Say("spec.vmagent: VMAgent %q is in daemonSetMode and scrapes pods only, not the zones", name)}
	case reason == victoriametrics.ScrapeSelectorMisses || reason == victoriametrics.ScrapeNamespaceNotSelected:
		return []string{wording.Say("spec.vmagent: the scrape selectors of VMAgent %q are not ours to change and leave out components of the zones", name)}
	}
	return nil
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
