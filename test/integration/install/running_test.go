// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// elsewhere are flags of a pod whose files, addresses and delays are others here.
var elsewhere = []string{
	"storage", "secure-port", "etcd-servers", "etcd-cafile", "etcd-certfile", "etcd-keyfile", "data-dir",
	"tls-cert-file", "tls-private-key-file", "shutdown-delay-duration",
}

// TestServerRunsAsInstalled: with the arguments of the pod, and with the rights of the
// manifests and no others. Then it is taken away again.
func TestServerRunsAsInstalled(t *testing.T) {
	for name, store := range map[string]controlplane.Store{
		"base":                       controlplane.StoreHost,
		"external-etcd":              controlplane.StoreEtcd,
		"embedded-etcd":              controlplane.StoreEmbedded,
		"cert-manager":               controlplane.StoreHost,
		"scrape+beside-the-operator": controlplane.StoreHost,
		"example-2":                  controlplane.StoreEtcd, // three of them together
		// As are these.
		"beside-the-operator+cert-manager+embedded-etcd": controlplane.StoreEmbedded,
	} {
		t.Run(name, func(t *testing.T) {
			b := named(t, name)
			control, err := controlplane.Start(t.Context(), controlplane.Options{
				Dir: t.TempDir(), CRDs: controlplane.CRDsUsed, Patience: patience, Operator: controlplane.OperatorStandin,
				// Which deletes namespaces.
				ControllerManager: true,
			})
			must(t, err)
			t.Cleanup(func() {
				if err := control.Stop(); err != nil {
					t.Error(err)
				}
			})
			kubectl(t, control, nil, "apply", "-f", certManagerKinds)
			kubectl(t, control, nil, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
			group := one[apiregistrationv1.APIService](t, b, "APIService").Spec.Group
			server := startAsInstalled(t, control, b, store)
			serves(t, control, group)
			if name == "base" {
				showsItsMetrics(t, control, server)
			}
			leaving := newLeaving(t, control, b, store, group, server)
			if name == "base" || name == "embedded-etcd" {
				leaving.comesAndGoes()
			} else {
				leaving.goesForGood(leaving.versions())
			}
			log, err := os.ReadFile(server.Log)
			must(t, err)
			for _, line := range strings.Split(string(log), "\n") {
				if strings.Contains(line, "cannot ") || strings.Contains(line, "orbidden") {
					t.Errorf("it lacks a right: %s", line)
				}
			}
		})
	}
}

// startAsInstalled applies all of a build, in which nothing runs pods, and runs the server
// in place of the pod.
func startAsInstalled(t *testing.T, control *controlplane.ControlPlane, b build, store controlplane.Store) *controlplane.Server {
	t.Helper()
	manifest := filepath.Join(t.TempDir(), "manifest.yaml")
	must(t, os.WriteFile(manifest, b.raw, 0o600))
	w := workloadOf(t, b)
	args := slices.DeleteFunc(slices.Clone(w.container(t).Args), func(arg string) bool {
		flag, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		return slices.Contains(elsewhere, flag)
	})
	_, brought := w.argument(t, "tls-cert-file")
	server, err := control.StartServer(t.Context(), controlplane.ServerOptions{
		Manifests: []string{manifest}, Args: args, Store: store, OwnCertificate: !brought, Env: []string{"POD_NAME=one"},
	})
	must(t, err)
	return server
}

// serves fails unless an object can be made, is taken up, and can be deleted.
func serves(t *testing.T, control *controlplane.ControlPlane, group string) {
	t.Helper()
	object := fmt.Sprintf(`{"apiVersion":"%s/v1alpha1","kind":"VMDistributedCluster","metadata":{"name":"metrics","namespace":"default"},
		"spec":{"zones":{"vmclusters":[{"name":"zone-a","spec":{"vmselect":{"replicaCount":1}}}]}}}`, group)
	// Both with warnings: there is one zone, nothing leads to it, and it goes too.
	for _, step := range []struct {
		stdin string
		args  []string
	}{
		{object, []string{"create", "-f", "-"}},
		{"", []string{"wait", "--for=create", "vmcluster/zone-a", "--timeout=60s"}},
		{"", []string{"delete", "vmdistributedclusters." + group, "metrics", "--timeout=60s"}},
	} {
		if done := tryKubectl(t, control, []byte(step.stdin), step.args...); done.err != nil {
			t.Fatalf("kubectl %q: %v: %s", step.args, done.err, done.stderr)
		}
	}
	said := tryKubectl(t, control, nil, "get", "vmcluster", "zone-a").stderr
	expect(t, "the VMCluster is gone", strings.Contains(said, "NotFound"), true)
}

// showsItsMetrics fails unless a scraper that has vmdistributed-metrics-reader, and no other,
// is shown them, by a connection that it verifies as components/scrape says.
func showsItsMetrics(t *testing.T, control *controlplane.ControlPlane, server *controlplane.Server) {
	t.Helper()
	authority, err := base64.StdEncoding.DecodeString(kubectl(t, control, nil, "get", "secret", "vmdistributed-apiserver-certificate",
		"-n", "vmdistributed-system", "-o", `jsonpath={.data.ca\.crt}`))
	must(t, err)
	roots := x509.NewCertPool()
	expect(t, "the authority can be read", roots.AppendCertsFromPEM(authority), true)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "vmdistributed-apiserver.vmdistributed-system.svc", MinVersion: tls.VersionTLS12},
	}}
	defer client.CloseIdleConnections()

	kubectl(t, control, nil, "create", "serviceaccount", "scraper")
	token := strings.TrimSpace(kubectl(t, control, nil, "create", "token", "scraper"))
	ask := func(ctx context.Context) int {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL()+"/metrics", nil)
		must(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(request)
		must(t, err)
		defer response.Body.Close()
		return response.StatusCode
	}
	expect(t, "status for somebody", ask(t.Context()), http.StatusForbidden)
	kubectl(t, control, nil, "create", "clusterrolebinding", "scraper", "--clusterrole=vmdistributed-metrics-reader", "--serviceaccount=default:scraper")
	var last int
	// What was refused is remembered for some seconds.
	err = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = ask(ctx)
		return last == http.StatusOK, nil
	})
	if err != nil {
		t.Errorf("status for a scraper is %d: %v", last, err)
	}
}
