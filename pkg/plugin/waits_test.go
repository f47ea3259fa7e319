// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/diagnosis"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/plugin/tree"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// reasons are all that a zone or a condition may have.
func reasons(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../rollout/reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			reason, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, reason)
		}
		return true
	})
	return found
}

// waiting is an object with a zone that waits for a reason.
func waiting(reason string, until *metav1.Time) (*v1alpha1.VMDistributedCluster, *v1alpha1.VMDistributedClusterZones) {
	since := metav1.NewTime(noon.Add(-7 * time.Minute))
	object := &v1alpha1.VMDistributedCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "metrics"}}
	object.Status.Zones = []v1alpha1.ZoneStatus{{Name: "zone-a", Phase: v1alpha1.ZonePending, Reason: reason, WaitingFor: "what is to come", Since: since, Deadline: until}}
	report := &v1alpha1.VMDistributedClusterZones{Zones: []v1alpha1.ZoneReport{{Name: "zone-a", Phase: v1alpha1.ZonePending, Reason: reason, WaitingFor: "what is to come", Since: since, Deadline: until}}}
	return object, report
}

// told is what each of the three commands says.
func told(t *testing.T, object *v1alpha1.VMDistributedCluster, report *v1alpha1.VMDistributedClusterZones) map[string]string {
	t.Helper()
	var zones strings.Builder
	if err := printers.NewTablePrinter(printers.PrintOptions{Wide: true}).PrintObj(zoneTable(report, noon), &zones); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"status": tree.Draw(tree.View{Object: object}, noon, tree.Options{}),
		"zones":  zones.String(),
		"doctor": strings.Join(diagnosis.Lines(diagnosis.Of(object, report.Zones), noon), "\n"),
	}
}

func TestStatusZonesAndDoctorTellOfEveryReasonWhatForSinceWhenAndUntilWhen(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: noon.Add(d)} }
	for _, reason := range reasons(t) {
		if reason == rollout.ReasonUpToDate {
			continue // nothing is waited for
		}
		for limit, test := range map[string]struct {
			until *metav1.Time
			left  string
		}{
			"without a limit":     {nil, ""},
			"for 3 minutes more":  {in(3 * time.Minute), "3m"},
			"for longer than may": {in(-2 * time.Minute), "over"},
		} {
			object, report := waiting(reason, test.until)
			for command, text := range told(t, object, report) {
				left := test.left
				if command == "doctor" && left == "over" {
					left = "longer than it should"
				}
				for _, want := range []string{reason, "what is to come", "7m", left} {
					if !strings.Contains(text, want) {
						t.Errorf("%s of a zone that waits with %s %s does not say %q:\n%s", command, reason, limit, want, text)
					}
				}
			}
			if _, doctor := object, told(t, object, report)["doctor"]; !strings.Contains(doctor, "To do: "+rollout.Remedy(reason)) {
				t.Errorf("doctor does not say what to do about %s:\n%s", reason, doctor)
			}
		}
	}
}
