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

// TestTheRightsAreThoseOfTheManifests compares what is asked about with what the files of
// the base give the server. test/integration/install does so with all that kustomize
// builds, and with Kubernetes' own roles.
func TestTheRightsAreThoseOfTheManifests(t *testing.T) {
	given, base := manifestRules(t), Manifests{Overlay: Base, Store: Host, Certificate: Own}
	for kind, rules := range map[string][]rbacv1.PolicyRule{"ClusterRole": base.serverRules(), "Role": base.ownRules()} {
		if diff := cmp.Diff(inWords(spell("", given[kind])), inWords(spell("", rules))); diff != "" {
			t.Errorf("%s %s (-artifacts/base +asked about):\n%s", kind, serverName, diff)
		}
	}
}

// TestRightsDependOnTheManifests: who brings an etcd or a certificate need not give what
// they take that do not.
func TestRightsDependOnTheManifests(t *testing.T) {
	const (
		namespace = "vmdistributed-system"
		watches   = "watch configmaps extension-apiserver-authentication in kube-system"
		records   = "create vmdistributedclusterrecords.storage.distributed.victoriametrics.com"
		lease     = "update leases.coordination.k8s.io vmdistributed-apiserver-embedded-store in vmdistributed-system"
		secret    = "create secrets in vmdistributed-system"
		second    = "create vmdistributedclusters.distributed.victoriametrics.com"
		first     = "create vmdistributedclusters.operator.victoriametrics.com"
	)
	for name, tc := range map[string]struct {
		manifests           Manifests
		has, lacks          []string
		applies, appliesNot string
	}{
		"base": {
			Manifests{}, []string{watches, records, secret, first}, []string{lease, second}, "deployments.apps", "statefulsets.apps",
		},
		"the second group": {
			Manifests{Overlay: Beside}, []string{watches, records, secret, second}, []string{lease, first}, "customresourcedefinitions", "statefulsets",
		},
		"an etcd of yours": {
			Manifests{Store: ExternalEtcd}, []string{watches, secret}, []string{records, lease}, "poddisruptionbudgets", "customresourcedefinitions",
		},
		"an embedded etcd": {
			Manifests{Store: EmbeddedEtcd}, []string{watches, secret, lease}, []string{records}, "statefulsets", "poddisruptionbudgets",
		},
		"cert-manager": {
			Manifests{Certificate: CertManager}, []string{watches, records}, []string{secret}, "certificates.cert-manager.io", "statefulsets",
		},
	} {
		rights := tc.manifests.Rights(namespace)
		for _, right := range tc.has {
			if !slices.Contains(rights.Give, right) {
				t.Errorf("%s does not give: %s", name, right)
			}
		}
		for _, right := range tc.lacks {
			if slices.Contains(rights.Give, right) {
				t.Errorf("%s gives what it has no use for: %s", name, right)
			}
		}
		applies := strings.Join(rights.Apply, "\n")
		if !strings.Contains(applies, tc.applies) || strings.Contains(applies, tc.appliesNot) {
			t.Errorf("%s is applied with %s and not with %s:\n%s", name, tc.applies, tc.appliesNot, applies)
		}
	}
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
