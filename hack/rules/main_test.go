// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const root = "../.."

func read(t *testing.T, path ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func vmRules(t *testing.T) string {
	t.Helper()
	return read(t, "artifacts", "monitoring", "victoriametrics", "rules.yaml")
}

func TestThePrometheusRuleSaysWhatTheVMRuleDoes(t *testing.T) {
	want, err := convert(vmRules(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, "artifacts", "monitoring", "prometheus", "rules.yaml"); got != want {
		t.Error("artifacts/monitoring/prometheus/rules.yaml is out of date: run make update")
	}
}

func TestWhatIsNoVMRuleIsRefused(t *testing.T) {
	if got, err := convert("# A comment.\nkind: ConfigMap\n"); err == nil {
		t.Errorf("made %q of a ConfigMap", got)
	}
}

// alert is a rule of both kinds, with all the fields that both operators know.
type alert struct {
	Record      string            `json:"record"`
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// alerts of the VMRule, of which no field may be unknown to the PrometheusRule.
func alerts(t *testing.T) (found []alert) {
	t.Helper()
	var object struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Spec struct {
			Groups []struct {
				Name     string  `json:"name"`
				Interval string  `json:"interval"`
				Rules    []alert `json:"rules"`
			} `json:"groups"`
		} `json:"spec"`
	}
	if err := yaml.UnmarshalStrict([]byte(vmRules(t)), &object); err != nil {
		t.Fatal(err)
	}
	for _, group := range object.Spec.Groups {
		for _, rule := range group.Rules {
			if rule.Alert != "" {
				found = append(found, rule)
			}
		}
	}
	if len(found) == 0 {
		t.Fatal("the VMRule has no alert")
	}
	return found
}

// grouping are the labels that what an alert is about has.
var grouping = regexp.MustCompile(`\bby \(([^)]*)\)|namespace_name:`)

func TestEveryAlertSaysHowSevereItIsWhatItIsAboutAndWhereToReadOn(t *testing.T) {
	runbooks := read(t, "docs", "runbooks.md")
	sections := regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(runbooks, -1)
	var known []string
	for _, section := range sections {
		known = append(known, section[1])
	}
	for _, rule := range alerts(t) {
		if severity := rule.Labels["severity"]; severity != "warning" && severity != "critical" {
			t.Errorf("%s: its severity is %q", rule.Alert, severity)
		}
		url := "https://github.com/vmdistributed/vmdistributed-apiserver/blob/main/docs/runbooks.md#" + strings.ToLower(rule.Alert)
		if got := rule.Annotations["runbook_url"]; got != url {
			t.Errorf("%s: its runbook is %q, want %q", rule.Alert, got, url)
		}
		if !slices.Contains(known, rule.Alert) {
			t.Errorf("docs/runbooks.md has no section %s", rule.Alert)
		}
		for _, text := range []string{"summary", "description"} {
			if rule.Annotations[text] == "" {
				t.Errorf("%s: it has no %s", rule.Alert, text)
			}
		}
		told := rule.Annotations["summary"] + rule.Annotations["description"]
		for _, label := range labelsOf(rule.Expr) {
			if !strings.Contains(told, "{{ $labels."+label+" }}") {
				t.Errorf("%s: it does not tell its %s", rule.Alert, label)
			}
		}
	}
	for _, name := range known {
		if !slices.ContainsFunc(alerts(t), func(rule alert) bool { return rule.Alert == name }) {
			t.Errorf("docs/runbooks.md has a section %s, and there is no such alert", name)
		}
	}
}

func labelsOf(expr string) []string {
	match := grouping.FindStringSubmatch(expr)
	switch {
	case match == nil:
		return nil
	case match[1] == "":
		return []string{"namespace", "name"}
	}
	return strings.Split(match[1], ", ")
}
