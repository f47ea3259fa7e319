// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// TestTheRightsAreThoseOfTheManifests compares what is asked about with what the
// manifests give.
func TestTheRightsAreThoseOfTheManifests(t *testing.T) {
	given := manifestRules(t)
	for kind, rules := range map[string][]rbacv1.PolicyRule{"ClusterRole": serverRules(), "Role": ownRules()} {
		if diff := cmp.Diff(spelled(given[kind]), spelled(rules)); diff != "" {
			t.Errorf("%s %s (-artifacts/base +asked about):\n%s", kind, serverName, diff)
		}
	}
}

func spelled(rules []rbacv1.PolicyRule) (all []string) {
	for _, right := range spell("", rules) {
		all = append(all, right.String())
	}
	slices.Sort(all)
	return all
}

// manifestRules are those of the server's roles, by kind.
func manifestRules(t *testing.T) map[string][]rbacv1.PolicyRule {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "artifacts", "base", "*.yaml"))
	must(t, err)
	found := map[string][]rbacv1.PolicyRule{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		must(t, err)
		decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
		for {
			var role rbacv1.ClusterRole
			err := decoder.Decode(&role)
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			if strings.HasPrefix(role.Name, serverName) && len(role.Rules) > 0 {
				found[role.Kind] = append(found[role.Kind], role.Rules...)
			}
		}
	}
	return found
}

func TestTell(t *testing.T) {
	got := tell([]right{
		{verb: "get", resource: "secrets", name: "a", namespace: "n"},
		{verb: "list", resource: "secrets", name: "a", namespace: "n"},
		{verb: "list", resource: "secrets", name: "b", namespace: "n"},
		{verb: "create", group: "apps", resource: "deployments"},
	})
	want := []string{"get, list secrets a in n", "list secrets b in n", "create deployments.apps"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
