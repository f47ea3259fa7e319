// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// changedZones are reports on zones of which two would be changed.
func changedZones() []vmdistributed.ZoneReport {
	zone := func(name string, changes ...vmdistributed.ZoneChange) vmdistributed.ZoneReport {
		return vmdistributed.ZoneReport{Name: name, Cluster: vmdistributed.ZoneCluster{Name: name}, Changes: changes}
	}
	change := vmdistributed.ZoneChange{Path: "vmselect.replicaCount", From: "1", To: "2"}
	return []vmdistributed.ZoneReport{zone("a"), zone("b", change), zone("c", change)}
}

func TestValuesAreShownToWhoMayGetTheVMCluster(t *testing.T) {
	for name, c := range map[string]struct {
		allowed []string // names that the caller may get; "" for all
		failing bool
		nobody  bool
		hidden  string
		asked   int
	}{
		"all":               {allowed: []string{""}, asked: 1},
		"one of them":       {allowed: []string{"c"}, hidden: "b", asked: 3},
		"none":              {hidden: "b c", asked: 3},
		"no answer":         {failing: true, hidden: "b c", asked: 1},
		"nobody in context": {nobody: true, allowed: []string{""}, hidden: "b c"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			var mutex sync.Mutex
			rights := authorizer.AuthorizerFunc(func(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
				mutex.Lock()
				defer mutex.Unlock()
				asked++
				question := fmt.Sprintf("%s %s %s.%s %s in %s", a.GetUser().GetName(), a.GetVerb(), a.GetResource(), a.GetAPIGroup(), a.GetName(), a.GetNamespace())
				if want := fmt.Sprintf("somebody get vmclusters.operator.victoriametrics.com %s in ns", a.GetName()); question != want {
					t.Errorf("asked for %q, want %q", question, want)
				}
				switch {
				case c.failing:
					return authorizer.DecisionNoOpinion, "", errors.New("no answer")
				case slices.Contains(c.allowed, a.GetName()):
					return authorizer.DecisionAllow, "", nil
				}
				return authorizer.DecisionNoOpinion, "", nil
			})
			ctx := t.Context()
			if !c.nobody {
				ctx = request.WithUser(ctx, &user.DefaultInfo{Name: "somebody"})
			}
			zones := changedZones()
			values{rights}.hide(ctx, "ns", zones)
			var hidden []string
			for _, zone := range zones {
				if zone.ValuesHidden {
					hidden = append(hidden, zone.Name)
				}
				for _, change := range zone.Changes {
					if shown := change.From+change.To == "12"; shown == zone.ValuesHidden || change.Path == "" {
						t.Errorf("zone %s shows %+v, hidden: %t", zone.Name, change, zone.ValuesHidden)
					}
				}
			}
			if got := strings.Join(hidden, " "); got != c.hidden || asked != c.asked {
				t.Errorf("hidden %q after %d questions, want %q after %d", got, asked, c.hidden, c.asked)
			}
		})
	}
}

func TestTheTableSaysInBriefWhatWouldBeDone(t *testing.T) {
	zone := func(phase vmdistributed.ZonePhase, reason, waitingFor string, would vmdistributed.ZoneAction, turn int32, changes int, refusedBy ...string) vmdistributed.ZoneReport {
		return vmdistributed.ZoneReport{
			Phase: phase, Reason: reason, WaitingFor: waitingFor, WouldDo: would, Turn: turn,
			Changes: make([]vmdistributed.ZoneChange, min(changes, 50)), MoreChanges: int32(max(changes-50, 0)), RefusedBy: refusedBy,
		}
	}
	const long = "spec.managementPolicy to be set to Manage: and so on"
	for name, c := range map[string]struct {
		zone vmdistributed.ZoneReport
		want string
	}{
		"observed":             {zone("Pending", "Observe", long, "Change", 1, 2), "would change 2 fields"},
		"observed, one field":  {zone("Pending", "Observe", long, "Change", 1, 1), "would change 1 field"},
		"observed, many":       {zone("Pending", "Observe", long, "Change", 1, 60), "would change 60 fields"},
		"observed, unknown":    {zone("Pending", "Observe", long, "Change", 1, 0), "would be changed"},
		"observed, later":      {zone("Pending", "Observe", long, "Change", 2, 2), "would change 2 fields, as number 2"},
		"observed, refused":    {zone("Pending", "Observe", long, "Change", 1, 2, "Blocked: waits for x: y", "QueueRoom: waits for z"), "would change 2 fields; refused by Blocked, QueueRoom"},
		"observed, to create":  {zone("Pending", "Observe", long, "Create", 1, 9), "would be created"},
		"observed, to mark":    {zone("Ready", "UpToDate", long, "Mark", 1, 0), "would be marked"},
		"observed, in place":   {zone("Ready", "UpToDate", "", "Nothing", 0, 0), ""},
		"refused by all means": {zone("Refused", "StorageWouldShrink", "permission", "Change", 0, 1, "StorageWouldShrink: waits for permission"), "permission; would change 1 field"},
		"managed, waiting":     {zone("Pending", "WaitingForOtherZone", "its turn, after zone a", "Change", 2, 3), "its turn, after zone a; would change 3 fields"},
		"managed, in work":     {zone("Updating", "Writing", "the change to be written", "Change", 0, 3), "the change to be written"},
		"without a prediction": {zone("Leaving", "Releasing", "", "", 0, 0), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := waitingFor(&c.zone); got != c.want {
				t.Errorf("waiting for %q, want %q", got, c.want)
			}
		})
	}
}
