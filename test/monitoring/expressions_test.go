// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// rule is one of artifacts/monitoring, with no recorded series in its expression.
type rule struct {
	name, expr string
	hold       time.Duration
	alert      bool
}

// rules reads all of the VMRule.
func rules(t *testing.T) (all []rule) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root(t), "artifacts", "monitoring", "victoriametrics", "rules.yaml"))
	must(t, err)
	var object struct {
		Spec struct {
			Groups []struct {
				Rules []struct{ Record, Alert, Expr, For string }
			}
		}
	}
	must(t, yaml.Unmarshal(raw, &object))
	var recorded []string
	for _, group := range object.Spec.Groups {
		for _, is := range group.Rules {
			if is.Record != "" {
				recorded = append(recorded, is.Record, "("+is.Expr+")")
			}
			read := rule{name: is.Record + is.Alert, alert: is.Alert != "", expr: strings.NewReplacer(recorded...).Replace(is.Expr)}
			if is.For != "" {
				read.hold, err = time.ParseDuration(is.For)
				must(t, err)
			}
			all = append(all, read)
		}
	}
	return all
}

// alertNamed is the rule of an alert.
func alertNamed(t *testing.T, name string) rule {
	t.Helper()
	all := rules(t)
	i := slices.IndexFunc(all, func(r rule) bool { return r.alert && r.name == name })
	if i < 0 {
		t.Fatalf("there is no alert %s", name)
	}
	return all[i]
}

// question is a query of a panel.
type question struct{ panel, expr string }

// dashboardVariables stand for what is chosen on the dashboard.
func dashboardVariables(namespace string) *strings.Replacer {
	return strings.NewReplacer("$__rate_interval", "10s", "$__range", "5m", "$namespace", namespace, "$name", ".+", "$job", jobName)
}

// questions reads all queries of the dashboard. Its text has to be of the form that
// whoever edits it by hand expects: one query, one line.
func questions(t *testing.T, namespace string) (all []question) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root(t), "artifacts", "monitoring", "grafana", "dashboard.json"))
	must(t, err)
	var dashboard struct {
		Panels []struct {
			ID          int
			Type, Title string
			Description string
			Targets     []struct{ RefID, Expr string }
		}
	}
	must(t, json.Unmarshal(raw, &dashboard))
	known := map[int]bool{}
	for _, panel := range dashboard.Panels {
		if known[panel.ID] {
			t.Errorf("two panels have the id %d", panel.ID)
		}
		known[panel.ID] = true
		if panel.Type == "row" {
			continue
		}
		if panel.Description == "" || len(panel.Targets) == 0 {
			t.Errorf("panel %q has no description, or no query", panel.Title)
		}
		for _, target := range panel.Targets {
			filled := dashboardVariables(namespace).Replace(target.Expr)
			if strings.Contains(filled, "$") {
				t.Errorf("panel %q has a query with a variable that the test does not know: %s", panel.Title, filled)
			}
			all = append(all, question{panel.Title + " " + target.RefID, filled})
		}
	}
	return all
}
