// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"strings"
	"testing"
)

const clusterYAML = `
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMCluster
metadata:
  name: zone-a
  namespace: monitoring
  uid: 7f1c
  resourceVersion: "41"
  generation: 4
spec:
  retentionPeriod: "14"
  vmstorage: {replicaCount: 2}
status:
  updateStatus: operational
  observedGeneration: 4
  lastAppliedSpec: {retentionPeriod: "14"}
`

func TestParseClusterReadsWhatTheOperatorReports(t *testing.T) {
	c, err := ParseCluster(fromYAML(t, clusterYAML))
	if err != nil {
		t.Fatal(err)
	}
	if c.Namespace != "monitoring" || c.Name != "zone-a" || c.UID != "7f1c" || c.ResourceVersion != "41" {
		t.Errorf("identity is %+v", c)
	}
	if c.Generation != 4 || c.ObservedGeneration != 4 || c.UpdateStatus != UpdateStatusOperational || c.Paused || c.Deleting {
		t.Errorf("state is %+v", c)
	}
	if c.Spec["retentionPeriod"] != "14" {
		t.Errorf("spec is %v", c.Spec)
	}
}

func TestParseClusterTakesANewObjectWithoutStatus(t *testing.T) {
	c, err := ParseCluster(fromYAML(t, "kind: VMCluster\nmetadata: {name: zone-a, generation: 1}\nspec: {}"))
	if err != nil {
		t.Fatal(err)
	}
	if ok, why := c.Operational(); ok || !strings.Contains(why, "has not reported") {
		t.Errorf("Operational() = %v, %q", ok, why)
	}
}

func TestParseClusterNamesTheMalformedField(t *testing.T) {
	for field, document := range map[string]string{
		"spec must be of type object":                       "spec: [a]",
		"spec.paused must be of type boolean":               "spec: {paused: \"yes\"}",
		"status must be of type object":                     "status: operational",
		"status.updateStatus must be of type string":        "status: {updateStatus: 3}",
		"status.reason must be of type string":              "status: {reason: [a]}",
		"status.observedGeneration must be of type integer": "status: {observedGeneration: \"4\"}",
	} {
		_, err := ParseCluster(fromYAML(t, "kind: VMCluster\nmetadata: {name: zone-a, namespace: monitoring}\n"+document))
		if err == nil || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), "monitoring/zone-a") {
			t.Errorf("%s: error is %v, want %q", document, err, field)
		}
	}
}

func TestOperationalWantsAReportOnThisGeneration(t *testing.T) {
	healthy := Cluster{Namespace: "monitoring", Name: "zone-a", Generation: 4, ObservedGeneration: 4, UpdateStatus: "operational"}
	for name, test := range map[string]struct {
		change func(*Cluster)
		why    string
	}{
		"healthy":          {change: func(*Cluster) {}},
		"observed later":   {change: func(c *Cluster) { c.ObservedGeneration = 5 }},
		"stale report":     {change: func(c *Cluster) { c.Generation = 5 }, why: `operator reports "operational" for generation 4, wanted 5`},
		"stale expanding":  {change: func(c *Cluster) { c.ObservedGeneration, c.UpdateStatus = 3, "expanding" }, why: `operator reports "expanding" for generation 3, wanted 4`},
		"expanding":        {change: func(c *Cluster) { c.UpdateStatus = "expanding" }, why: `operator reports "expanding" for generation 4`},
		"failed":           {change: func(c *Cluster) { c.UpdateStatus, c.Reason = "failed", "no image" }, why: `operator reports "failed" for generation 4: no image`},
		"ignored":          {change: func(c *Cluster) { c.UpdateStatus = "ignored" }, why: `"ignored"`},
		"paused":           {change: func(c *Cluster) { c.Paused = true }, why: "paused (spec.paused)"},
		"reported paused":  {change: func(c *Cluster) { c.UpdateStatus = "paused" }, why: `"paused"`},
		"deleting":         {change: func(c *Cluster) { c.Deleting = true }, why: "being deleted"},
		"no report so far": {change: func(c *Cluster) { c.UpdateStatus, c.ObservedGeneration = "", 0 }, why: "has not reported"},
	} {
		c := healthy
		test.change(&c)
		ok, why := c.Operational()
		if ok != (test.why == "") || !strings.Contains(why, test.why) || ok != (why == "") {
			t.Errorf("%s: Operational() = %v, %q, want %q", name, ok, why, test.why)
		}
	}
}
