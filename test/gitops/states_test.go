// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/cel-go/cel"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// zone is in good health and runs what is wanted, unless it is changed.
func zone(name string, changes ...func(*rollout.Zone)) rollout.Zone {
	z := rollout.Zone{
		Name: name, Inline: true, Revision: "new",
		Cluster: &rollout.Cluster{Ownership: rollout.Ours, Generation: 2},
		Record:  rollout.Record{Phase: rollout.Ready, Since: noon.Add(-time.Hour), Revision: "new"},
	}
	for _, change := range changes {
		change(&z)
	}
	return z
}

func outdated(z *rollout.Zone) {
	z.Cluster.Difference, z.Cluster.Generation, z.Record.Revision = rollout.Spec, 1, "old"
}
func absent(z *rollout.Zone)    { z.Cluster, z.Record = nil, rollout.Record{} }
func unhealthy(z *rollout.Zone) { z.Cluster.Unhealthy = "the operator reports \"expanding\"" }
func failed(z *rollout.Zone) {
	z.Cluster.Unhealthy, z.Cluster.Failed = "the operator reports \"failed\"", true
	z.Record.Phase, z.Record.Updating, z.Record.Started, z.Record.Generation = rollout.Updating, z.Revision, noon, 2
}
func shrinking(z *rollout.Zone) { z.Cluster.Shrinks = []string{"vmstorage.replicaCount to 2"} }

func observed(zones ...rollout.Zone) rollout.Observed {
	return rollout.Observed{
		Now:      noon,
		Strategy: rollout.Strategy{MaxUnavailable: 1, MinAvailableZones: 1, ReadyTimeout: 5 * time.Minute, UpdatePause: time.Minute},
		Zones:    zones,
	}
}

// with changes what is observed.
func with(o rollout.Observed, change func(*rollout.Observed)) rollout.Observed {
	change(&o)
	return o
}

// state is an object, and what each tool makes of it.
type state struct {
	name                string
	object              map[string]any
	kstatus, argo, flux string
}

// of is the object whose status the rules write.
func of(o rollout.Observed, changes ...func(map[string]any)) map[string]any {
	summary := rollout.Summarise(o, rollout.Decide(o))
	var conditions []any
	for _, c := range summary.Conditions {
		is := "False"
		if c.True {
			is = "True"
		}
		conditions = append(conditions, map[string]any{
			"type": c.Type, "status": is, "reason": c.Reason, "message": c.Message,
			"observedGeneration": int64(3), "lastTransitionTime": noon.Format(time.RFC3339),
		})
	}
	object := map[string]any{
		"apiVersion": "operator.victoriametrics.com/v1alpha1", "kind": "VMDistributedCluster",
		"metadata": map[string]any{"name": "metrics", "namespace": "monitoring", "generation": int64(3)},
		"spec":     map[string]any{"paused": o.Paused},
		"status": map[string]any{
			"observedGeneration": int64(3), "updateStatus": summary.UpdateStatus, "conditions": conditions,
		},
	}
	for _, change := range changes {
		change(object)
	}
	return object
}

func newer(object map[string]any) { object["metadata"].(map[string]any)["generation"] = int64(4) }
func created(object map[string]any) {
	object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Reconciling", "status": "True", "reason": "NotObserved"}}}
}
func dying(object map[string]any) {
	object["metadata"].(map[string]any)["deletionTimestamp"] = noon.Format(time.RFC3339)
}

func states() []state {
	complete, rolling := observed(zone("a"), zone("b")), observed(zone("a", outdated), zone("b"))
	stalled := observed(zone("a", failed), zone("b"))
	paused := func(o *rollout.Observed) { o.Paused = true }
	observing := func(o *rollout.Observed) { o.Observing = true }
	halted := func(o *rollout.Observed) { o.Halt = &rollout.Halt{} }
	return []state{
		{"complete", of(complete), "Current", "Healthy", "Current"},
		{"rolling out", of(rolling), "InProgress", "Progressing", "InProgress"},
		{"creating", of(observed(zone("a", absent), zone("b"))), "InProgress", "Progressing", "InProgress"},
		{"to be repaired", of(observed(zone("a", outdated, unhealthy), zone("b"))), "InProgress", "Progressing", "InProgress"},
		{"unhealthy", of(observed(zone("a", unhealthy), zone("b"))), "InProgress", "Progressing", "InProgress"},
		{"failed", of(stalled), "Failed", "Degraded", "Failed"},
		{"refused", of(observed(zone("a", outdated, shrinking), zone("b"))), "Failed", "Degraded", "Failed"},
		{"paused and complete", of(with(complete, paused)), "Current", "Healthy", "Current"},
		{"paused in mid-rollout", of(with(rolling, paused)), "InProgress", "Suspended", "InProgress"},
		{"paused though failed", of(with(stalled, paused)), "InProgress", "Suspended", "InProgress"},
		{"halted", of(with(rolling, halted)), "InProgress", "Suspended", "InProgress"},
		{"observed", of(with(complete, observing)), "Current", "Healthy", "Current"},
		{"observed, to be changed", of(with(rolling, observing)), "Current", "Suspended", "Current"},
		{"being deleted", of(with(complete, func(o *rollout.Observed) { o.Deletion = &rollout.Deletion{} }), dying), "Terminating", "Progressing", "InProgress"},
		{"changed a moment ago", of(complete, newer), "InProgress", "Progressing", "InProgress"},
		{"stalled, changed a moment ago", of(stalled, newer), "InProgress", "Progressing", "InProgress"},
		{"created a moment ago", of(complete, created), "InProgress", "Progressing", "InProgress"},
	}
}

func TestKstatusKnowsEveryState(t *testing.T) {
	t.Parallel()
	for _, s := range states() {
		result, err := status.Compute(&unstructured.Unstructured{Object: s.object})
		if err != nil {
			t.Fatal(err)
		}
		if got := result.Status.String(); got != s.kstatus {
			t.Errorf("%s: %s (%s), want %s", s.name, got, result.Message, s.kstatus)
		}
	}
}

// parsed is a file of artifacts/gitops.
func parsed[T any](t *testing.T, name string) (read T) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "artifacts", "gitops", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

var groups = []string{"operator.victoriametrics.com", "distributed.victoriametrics.com"}

func customization(t *testing.T, kind, group string) string {
	t.Helper()
	read := parsed[struct {
		Data map[string]string `json:"data"`
	}](t, "argocd-cm.yaml")
	script := read.Data["resource.customizations."+kind+"."+group+"_VMDistributedCluster"]
	if script == "" {
		t.Fatalf("argocd-cm.yaml has no %s for %s", kind, group)
	}
	return script
}

func TestArgoCDKnowsEveryState(t *testing.T) {
	t.Parallel()
	for _, group := range groups {
		script := customization(t, "health", group)
		for _, s := range states() {
			health := run(t, script, s.object).(map[string]any)
			if got := health["status"]; got != s.argo {
				t.Errorf("%s: %s (%s), want %s", s.name, got, health["message"], s.argo)
			}
			if _, told := health["message"].(string); !told {
				t.Errorf("%s: no message", s.name)
			}
		}
	}
}

func TestActionsOfArgoCDPauseAndResume(t *testing.T) {
	t.Parallel()
	for _, group := range groups {
		var actions struct {
			Discovery   string `json:"discovery.lua"`
			Definitions []struct {
				Name   string `json:"name"`
				Script string `json:"action.lua"`
			} `json:"definitions"`
		}
		if err := yaml.Unmarshal([]byte(customization(t, "actions", group)), &actions); err != nil {
			t.Fatal(err)
		}
		for _, paused := range []bool{false, true} {
			object := map[string]any{"spec": map[string]any{"paused": paused, "zones": map[string]any{"vmclusters": []any{map[string]any{"name": "a"}}}}}
			offered := run(t, actions.Discovery, object).(map[string]any)
			for _, definition := range actions.Definitions {
				pauses := definition.Name == "pause"
				if disabled := offered[definition.Name].(map[string]any)["disabled"]; disabled != (pauses == paused) {
					t.Errorf("%s of what is paused (%t) is disabled: %v", definition.Name, paused, disabled)
				}
				changed := run(t, definition.Script, object).(map[string]any)["spec"].(map[string]any)
				if changed["paused"] != pauses || changed["zones"] == nil {
					t.Errorf("%s makes spec %v", definition.Name, changed)
				}
			}
			if len(offered) != len(actions.Definitions) {
				t.Errorf("%d actions are offered, %d defined", len(offered), len(actions.Definitions))
			}
		}
	}
}

// run runs a script as Argo CD does: with the basic functions alone, and the object as obj.
func run(t *testing.T, script string, object map[string]any) any {
	t.Helper()
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			t.Fatal(err)
		}
	}
	l.SetTop(0)
	l.SetGlobal("obj", toLua(l, object))
	if err := l.DoString(script); err != nil {
		t.Fatal(err)
	}
	return fromLua(l.Get(-1))
}

func toLua(l *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		table := l.NewTable()
		for key, member := range value {
			table.RawSetString(key, toLua(l, member))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, member := range value {
			table.Append(toLua(l, member))
		}
		return table
	case string:
		return lua.LString(value)
	case int64:
		return lua.LNumber(value)
	case bool:
		return lua.LBool(value)
	}
	return lua.LNil
}

func fromLua(value lua.LValue) any {
	switch value := value.(type) {
	case *lua.LTable:
		object := map[string]any{}
		value.ForEach(func(key, member lua.LValue) { object[key.String()] = fromLua(member) })
		return object
	case lua.LString:
		return string(value)
	case lua.LBool:
		return bool(value)
	case lua.LNumber:
		return float64(value)
	}
	return nil
}

// checks are healthCheckExprs of a Kustomization of Flux.
type checks struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	InProgress string `json:"inProgress"`
	Failed     string `json:"failed"`
	Current    string `json:"current"`
}

func TestFluxKnowsEveryState(t *testing.T) {
	t.Parallel()
	all := parsed[struct {
		Checks []checks `json:"healthCheckExprs"`
	}](t, "flux-kustomization.yaml").Checks
	if len(all) != len(groups) {
		t.Fatalf("there are %d checks, want one for each of %v", len(all), groups)
	}
	for i, check := range all {
		if check.APIVersion != groups[i]+"/v1alpha1" || check.Kind != "VMDistributedCluster" {
			t.Errorf("check %d is for %s %s", i, check.APIVersion, check.Kind)
		}
		for _, s := range states() {
			if got := check.evaluate(t, s.object); got != s.flux {
				t.Errorf("%s: %s, want %s", s.name, got, s.flux)
			}
		}
	}
}

// evaluate asks in the order in which Flux does. Who fits nowhere is in progress.
func (c checks) evaluate(t *testing.T, object map[string]any) string {
	t.Helper()
	for _, one := range []struct{ expr, result string }{{c.InProgress, "InProgress"}, {c.Failed, "Failed"}, {c.Current, "Current"}} {
		if holds(t, one.expr, object) {
			return one.result
		}
	}
	return "InProgress"
}

func holds(t *testing.T, expr string, object map[string]any) bool {
	t.Helper()
	var variables []cel.EnvOption
	for name := range object {
		variables = append(variables, cel.Variable(name, cel.DynType))
	}
	env, err := cel.NewEnv(variables...)
	if err != nil {
		t.Fatal(err)
	}
	compiled, issues := env.Compile(expr)
	if issues.Err() != nil {
		t.Fatal(issues.Err())
	}
	program, err := env.Program(compiled)
	if err != nil {
		t.Fatal(err)
	}
	result, _, err := program.Eval(object)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return result.Value() == true
}
