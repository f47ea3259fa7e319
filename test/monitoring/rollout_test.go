// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// TestEveryPanelShowsARolloutAndAlertsTellOfRealTrouble on what is scraped of a server.
func TestEveryPanelShowsARolloutAndAlertsTellOfRealTrouble(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	s := newSite(t)
	s.manifestsAreAccepted()
	s.furnish()
	s.untilQuiet()
	s.apply(1)
	s.untilTold("VMDistributedClusterZoneDrainedLong", "VMDistributedClusterNeverCompleted")
	s.untilReady("demo")
	s.untilQuiet()
	for _, action := range []rollout.ActionType{rollout.DrainReads, rollout.UpdateCluster, rollout.RestoreReads} {
		s.traces.untilTraced(t, map[string]string{
			"vmdistributedcluster.namespace": namespace, "vmdistributedcluster.name": "demo", "action": string(action), "zone": "zone-a",
		})
	}
	// The server sets what is counted a moment after the status that says so, and is
	// scraped a moment after that.
	s.untilPanelsShow(begun)
	s.everyRuleIsValid(begun)

	s.failZone()
	s.refuseObject()
	s.leaveDrain()
	s.untilPhasesAreMapped(begun)

	must(t, s.server.Stop())
	s.untilTold("VMDistributedAPIServerDown")
}

// manifestsAreAccepted by kube-apiserver, with no field that the operator's definition does
// not know. That of the Prometheus operator is not there; package rules looks at its fields.
func (s *site) manifestsAreAccepted() {
	s.t.Helper()
	for _, folder := range []string{"victoriametrics", "grafana"} {
		cmd := exec.CommandContext(s.t.Context(), filepath.Join(s.control.BinDir(), "kubectl"), "--kubeconfig="+s.control.Kubeconfig(),
			"apply", "--namespace="+namespace, "--dry-run=server", "--validate=strict", "-k", filepath.Join(root(s.t), "artifacts", "monitoring", folder))
		cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + s.t.TempDir()}
		if said, err := cmd.CombinedOutput(); err != nil || !strings.HasSuffix(string(said), " created (server dry run)\n") {
			s.t.Errorf("%s: %v: %s", folder, err, said)
		}
	}
}

// untilPanelsShow waits until each query of each panel returns something of the time
// since then.
func (s *site) untilPanelsShow(since time.Time) {
	s.t.Helper()
	for _, question := range questions(s.t, namespace) {
		until(s.t, fmt.Sprintf("panel %q shows something: %s", question.panel, question.expr), func(ctx context.Context) (bool, string) {
			found, err := s.store.over(ctx, question.expr, since, time.Now(), time.Second)
			if err != nil {
				s.t.Fatal(err)
			}
			for _, series := range found {
				if slices.ContainsFunc(series.Values, func(value [2]any) bool { return value[1] != "NaN" }) {
					return true, ""
				}
			}
			return false, fmt.Sprint(found)
		})
	}
}

// everyRuleIsValid for victoria-metrics.
func (s *site) everyRuleIsValid(since time.Time) {
	s.t.Helper()
	for _, rule := range rules(s.t) {
		found, err := s.store.over(s.t.Context(), rule.expr, since, time.Now(), time.Second)
		must(s.t, err)
		if !rule.alert && len(found) == 0 {
			s.t.Errorf("%s records nothing", rule.name)
		}
	}
}

// phasePanel begins what shows phases.
const phasePanel = "Phase of each zone"

// untilPhasesAreMapped: what the dashboard does not know is not there.
func (s *site) untilPhasesAreMapped(since time.Time) {
	s.t.Helper()
	all := questions(s.t, namespace)
	i := slices.IndexFunc(all, func(q question) bool { return strings.HasPrefix(q.panel, phasePanel) })
	if i < 0 {
		s.t.Fatalf("there is no panel %q", phasePanel)
	}
	unknown := fmt.Sprintf("vmdistributed_zone_phase{namespace=%q} unless on (namespace, name, zone) (%s)", namespace, all[i].expr)
	found, err := s.store.over(s.t.Context(), unknown, since, time.Now(), time.Second)
	must(s.t, err)
	if len(found) > 0 {
		s.t.Errorf("panel %q does not show %v", phasePanel, found)
	}
}

// returns tells whether the expression of an alert returns something now.
func (s *site) returns(ctx context.Context, alert rule) (bool, string) {
	s.t.Helper()
	now := time.Now()
	found, err := s.store.over(ctx, alert.expr, now, now, time.Second)
	return err == nil && len(found) > 0, fmt.Sprint(found, err)
}

// untilTold waits until the expressions of alerts return something, all at one time.
func (s *site) untilTold(alerts ...string) {
	s.t.Helper()
	until(s.t, fmt.Sprint(alerts, " are told"), func(ctx context.Context) (bool, string) {
		var missing []string
		for _, name := range alerts {
			if is, last := s.returns(ctx, alertNamed(s.t, name)); !is {
				missing = append(missing, name+": "+last)
			}
		}
		return missing == nil, strings.Join(missing, "; ")
	})
}

// untilQuiet waits until no alert has anything to tell.
func (s *site) untilQuiet() {
	s.t.Helper()
	until(s.t, "no alert tells anything", func(ctx context.Context) (bool, string) {
		var told []string
		for _, rule := range rules(s.t) {
			if is, last := s.returns(ctx, rule); is && rule.alert {
				told = append(told, rule.name+": "+last)
			}
		}
		return told == nil, strings.Join(told, "; ")
	})
}

// failZone has a zone fail in its update, then the other one be unhealthy beside it, and
// ends both.
func (s *site) failZone() {
	s.t.Helper()
	s.annotate("VMCluster", "zone-a", standin.BehaviourAnnotation, string(standin.Stuck))
	s.untilStatus("demo", "zone-a is not healthy", func(object *v1alpha1.VMDistributedCluster) bool {
		return phaseOf(object, "zone-a") != v1alpha1.ZoneReady
	})
	s.untilTold("VMDistributedClusterDegraded")
	s.apply(2)
	s.untilTold("VMDistributedClusterZoneFailed")
	s.annotate("VMCluster", "zone-b", standin.BehaviourAnnotation, string(standin.Unready))
	s.untilTold("VMDistributedClusterUnhealthyWhileDrained")
	s.annotate("VMCluster", "zone-b", standin.BehaviourAnnotation, nil)
	s.annotate("VMCluster", "zone-a", standin.BehaviourAnnotation, nil)
	s.untilReady("demo")
	s.untilQuiet()
}

// refuseObject has an object wait for its user, who then takes it back.
func (s *site) refuseObject() {
	s.t.Helper()
	s.create("VMCluster", "foreign", "{vmstorage: {}}")
	s.applyObject("other", "{zones: {vmclusters: [{name: foreign, spec: {vmstorage: {}}}]}}")
	s.untilTold("VMDistributedClusterStalled")
	s.applyObject("other", "{zones: {vmclusters: [{ref: {name: foreign}}]}}")
	s.untilReady("other")
	s.untilQuiet()
}

// leaveDrain has a VMUser carry a record of an object that is not there.
func (s *site) leaveDrain() {
	s.t.Helper()
	const record = "distributed.victoriametrics.com/drain.gone"
	s.annotate("VMUser", "reader", record, "{}")
	s.untilTold("VMDistributedDrainWithoutOwner")
	s.annotate("VMUser", "reader", record, nil)
	s.untilQuiet()
}
