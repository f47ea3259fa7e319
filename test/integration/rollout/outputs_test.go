// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// outputs are the commands that print for programs, with the kind that each prints: none
// where it is no API object. Verbs are tried out only.
func outputs() map[string]string {
	return map[string]string{
		"status demo":  "VMDistributedCluster",
		"zones demo":   "VMDistributedClusterZones",
		"plan demo":    "VMDistributedClusterPlan",
		"history demo": "VMDistributedClusterHistory",
		"doctor demo":  "",

		"abort demo --dry-run=server":                      "VMDistributedClusterAbort",
		"retry demo --zone=zone-a --dry-run=server":        "VMDistributedClusterRetry",
		"skip demo zone-b --reason=disks --dry-run=server": "VMDistributedClusterSkip",
		"undo demo --dry-run=server":                       "VMDistributedClusterUndo",
		// Those of promote and restart print in the same way, and have nothing to do here.
	}
}

func TestEveryCommandPrintsInEachFormatThatItOffers(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	stuckInZoneA(r)
	r.misbehave("zone-b", standin.Stuck)
	r.skip("zone-a") // there is something to retry, and something to skip
	r.untilZone("demo", "zone-b", "Updating", "WaitingForOperator")
	for command, kind := range outputs() {
		for format, parse := range map[string]func([]byte, any) error{
			"json": json.Unmarshal,
			"yaml": func(text []byte, into any) error { return yaml.Unmarshal(text, into) },
		} {
			printed := r.vmdc(done, append(strings.Fields(command), "-o", format)...).stdout
			var object fields
			if err := parse([]byte(printed), &object); err != nil {
				t.Errorf("%s -o %s: %v in\n%s", command, format, err, printed)
				continue
			}
			if has, _ := object["kind"].(string); has != kind {
				t.Errorf("%s -o %s is of kind %q, want %q", command, format, has, kind)
			}
			if _, lists := object["findings"].([]any); kind == "" && !lists {
				t.Errorf("%s -o %s has no findings:\n%s", command, format, printed)
			}
			if isJSON := strings.HasPrefix(printed, "{"); isJSON != (format == "json") {
				t.Errorf("%s -o %s prints\n%s", command, format, printed)
			}
		}
		if verb := strings.Contains(command, "--dry-run"); verb || strings.HasPrefix(command, "status") {
			expect(t, command+" -o name", r.vmdc(done, append(strings.Fields(command), "-o", "name")...).stdout, "vmdistributedcluster.operator.victoriametrics.com/demo\n")
		}
	}
	expect(t, "zones -o name", r.vmdc(done, "zones", "demo", "-o", "name").stdout,
		"vmcluster.operator.victoriametrics.com/zone-a\nvmcluster.operator.victoriametrics.com/zone-b\nvmcluster.operator.victoriametrics.com/zone-c\n")
	expect(t, "lines of history -o name", len(strings.Fields(r.vmdc(done, "history", "demo", "-o", "name").stdout)), 2)
	for command, column := range map[string]string{"status demo": "REVISION", "zones demo": "APPLIED", "history demo": "FINISHED"} {
		narrow, broad := r.vmdc(done, strings.Fields(command)...).stdout, r.vmdc(done, append(strings.Fields(command), "-o", "wide")...).stdout
		if strings.Contains(narrow, column) || !strings.Contains(broad, column) {
			t.Errorf("%s has column %s in\n%sand with -o wide in\n%s", command, column, narrow, broad)
		}
	}
	for _, command := range []string{"doctor demo", "plan demo"} {
		says(t, r.vmdc(failedCall, append(strings.Fields(command), "-o", "wide")...).stderr, `--output is "wide", want one of: json, yaml`)
	}
}

// TestEachShellGetsACompletionThatAsksThePlugin, under the name of the program: as kubectl
// vmdc, kubectl asks it by itself.
func TestEachShellGetsACompletionThatAsksThePlugin(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	for shell, word := range map[string]string{"bash": "complete ", "zsh": "#compdef kubectl-vmdc", "fish": "complete -c kubectl-vmdc"} {
		cmd := r.plugin("completion", shell)
		script := r.run(cmd)
		if script.code != done || script.stderr != "" {
			t.Errorf("%q ended with %d: %s", cmd.Args, script.code, script.stderr)
		}
		says(t, script.stdout, word, "__complete")
		if shell != "bash" {
			continue
		}
		check := exec.CommandContext(t.Context(), "bash", "-n")
		check.Stdin = strings.NewReader(script.stdout)
		if result := r.run(check); result.code != done {
			t.Errorf("bash does not take the completion: %s", result.stderr)
		}
	}
}
