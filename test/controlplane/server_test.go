// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// TestServer runs the project's own server as integration tests do: behind the
// aggregator, through a crash and a stop, and as a second replica beside it.
func TestServer(t *testing.T) {
	cp, err := Start(t.Context(), Options{Dir: t.TempDir(), CRDs: CRDsUsed, Out: t.Output()})
	must(t, err)
	t.Cleanup(func() { must(t, cp.Stop()) })
	server, err := cp.StartServer(t.Context(), ServerOptions{})
	must(t, err)
	must(t, list(t, cp.Config()))
	if server.TimeToReady() <= 0 {
		t.Error("the time to get ready was not measured")
	}

	for name, end := range map[string]func() error{"kill": server.Kill, "stop": server.Stop} {
		pid, url := server.PID(), server.URL()
		must(t, end())
		if server.Alive() {
			t.Errorf("%s: it still runs", name)
		}
		if err := list(t, cp.Config()); err == nil {
			t.Errorf("%s: it still answers", name)
		}
		must(t, server.Restart(t.Context()))
		must(t, list(t, cp.Config()))
		if server.PID() == pid || server.URL() != url {
			t.Errorf("%s: restarted as pid %d at %s, was pid %d at %s", name, server.PID(), server.URL(), pid, url)
		}
	}

	namespace, err := cp.NewServerNamespace(t.Context(), "beside")
	must(t, err)
	beside, err := cp.StartServer(t.Context(), ServerOptions{
		Name: "beside", Store: StoreEtcd, Unregistered: true, Args: []string{"--namespace=" + namespace},
	})
	must(t, err)
	direct, err := beside.ConfigFor(adminUser, adminGroup)
	must(t, err)
	must(t, list(t, direct))
}

// list asks for what the server serves.
func list(t *testing.T, config *rest.Config) error {
	t.Helper()
	resource := schema.GroupVersionResource{Group: operatorGroup, Version: "v1alpha1", Resource: "vmdistributedclusters"}
	_, err := dynamic.NewForConfigOrDie(config).Resource(resource).List(t.Context(), metav1.ListOptions{})
	return err
}
