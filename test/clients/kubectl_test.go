// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestKubectl runs the script that the doc shows, in the namespace that it names.
func TestKubectl(t *testing.T) {
	t.Parallel()
	_, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "monitoring"}}, metav1.CreateOptions{})
	must(t, err)
	createCluster(t, "monitoring", "existing")

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(shared.root, "test", "clients", "raw.sh"))
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(),
		"KUBECONFIG="+shared.cp.Kubeconfig(),
		"PATH="+shared.cp.BinDir()+string(filepath.ListSeparator)+os.Getenv("PATH"))
	command.WaitDelay = 10 * time.Second
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, want := range []string{"condition met", "zone-a", `"kind":"VMDistributedClusterList"`, `"kind":"VMDistributedClusterZones"`} {
		if !strings.Contains(string(output), want) {
			t.Errorf("it prints no %s:\n%s", want, output)
		}
	}
	document, err := os.ReadFile(filepath.Join(command.Dir, "openapi.json"))
	must(t, err)
	if !json.Valid(document) {
		t.Errorf("the schema is no JSON: %.200s", document)
	}
}
