// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestAPipelineCanRelyOnWhatThePluginEndsWith runs a shell script that goes by nothing
// else: each code that docs/kubectl-vmdc.md promises, of each command that has it.
func TestAPipelineCanRelyOnWhatThePluginEndsWith(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	root, err := controlplane.FindRoot()
	must(t, err)
	script, err := filepath.Abs(filepath.Join("testdata", "pipeline.sh"))
	must(t, err)
	dir := t.TempDir()
	for name, object := range map[string]fields{
		"v1.yaml": threeZones("v1"), "v2.yaml": threeZones("v2"),
		"wrong.yaml": manifest("demo", inline("zone-a", fields{"vmselect": fields{"replicaCount": "two"}})),
	} {
		text, err := yaml.Marshal(object)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	bin := filepath.Join(root, ".local", "bin")
	access := filepath.Join(dir, "kubeconfig")
	text, err := os.ReadFile(shared.control.Kubeconfig())
	must(t, err)
	must(t, os.WriteFile(access, text, 0o600))
	for _, cmd := range []*exec.Cmd{
		exec.CommandContext(t.Context(), filepath.Join(bin, "kubectl"), "config", "set-context", "--current", "--namespace="+r.namespace),
		exec.CommandContext(t.Context(), "sh", script),
	} {
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, "KUBECONFIG=" + access}
		if result := r.run(cmd); result.code != done {
			t.Fatalf("%q ended with %d:\n%s%s", cmd.Args, result.code, result.stdout, result.stderr)
		}
	}
}
