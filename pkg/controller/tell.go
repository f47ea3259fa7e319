// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/telemetry"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// Objects are all VMDistributedClusters that the shift knows.
func (c *shift) Objects() []*v1alpha1.VMDistributedCluster {
	var objects []*v1alpha1.VMDistributedCluster
	for _, object := range c.objects.GetStore().List() {
		objects = append(objects, object.(*v1alpha1.VMDistributedCluster))
	}
	return objects
}

// OwnerlessDrains counts the drains of VMUsers whose VMDistributedCluster is gone. A
// record that can't be read counts as one: nobody can tell whose it is.
func (c *shift) OwnerlessDrains() int {
	count := 0
	for _, user := range c.inventory.VMUsers.GetStore().List() {
		records, err := victoriametrics.DrainRecords(user.(*unstructured.Unstructured))
		if err != nil {
			count++
			continue
		}
		for _, record := range records {
			owner := cache.NewObjectName(record.Owner.Namespace, record.Owner.Name)
			if _, exists, err := c.objects.GetStore().GetByKey(owner.String()); err == nil && !exists {
				count += len(record.Zones)
			}
		}
	}
	return count
}

// count counts what has happened between two statuses.
func (p *pass) count(before, after *vmdistributed.VMDistributedClusterStatus) {
	if was, is := before.Rollout, after.Rollout; is != nil && is != was {
		if was != nil && was.Finished == nil && was.Revision != is.Revision {
			p.telemetry.RolledOut(leftFor(was.Revision, after), max(is.Started.Sub(was.Started.Time), 0))
		}
		if is.Finished != nil && (was == nil || was.Finished == nil || was.Revision != is.Revision) {
			outcome := telemetry.Completed
			if after.CurrentRevision != is.Revision {
				outcome = telemetry.Partial
			}
			p.telemetry.RolledOut(outcome, max(is.Finished.Sub(is.Started.Time), 0))
		}
	}
	known := make(map[string]string, len(before.Zones))
	for i := range before.Zones {
		known[before.Zones[i].Name] = string(before.Zones[i].Phase) + before.Zones[i].Reason
	}
	for i := range after.Zones {
		zone := &after.Zones[i]
		waits := zone.Phase == vmdistributed.ZonePending || zone.Phase == vmdistributed.ZoneRefused
		if waits && known[zone.Name] != string(zone.Phase)+zone.Reason {
			p.telemetry.Refused(zone.Reason)
		}
	}
}

// leftFor is the outcome of a rollout that another one follows before its end.
func leftFor(revision string, after *vmdistributed.VMDistributedClusterStatus) string {
	if after.Undo != nil && after.Undo.Revision == revision {
		return telemetry.Undone
	}
	if _, off := after.Said(vmdistributed.WordAbort, "", revision); off {
		return telemetry.Aborted
	}
	return telemetry.Superseded
}

// countStep counts a write by what came of it.
func (p *pass) countStep(err error) {
	result := telemetry.Done
	switch {
	case err != nil && isRace(err):
		result = telemetry.Conflict
	case err != nil:
		result = telemetry.Failed
	}
	p.telemetry.Step(string(p.decision.Action.Type), result)
}
