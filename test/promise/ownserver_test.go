// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package promise

import (
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// ownServer returns a site with a server of its own, with a store of its own, which is
// reached beside the aggregator.
func ownServer(t *testing.T, name string) *site {
	t.Helper()
	namespace, err := shared.control.NewServerNamespace(t.Context(), name)
	must(t, err)
	s := *shared
	s.server, err = s.control.StartServer(t.Context(), controlplane.ServerOptions{
		Name: name, Unregistered: true, Args: []string{"--namespace=" + namespace}, Env: s.plane.Proxy().Env(),
	})
	must(t, err)
	t.Cleanup(func() { must(t, s.server.Stop()) })
	config, err := s.server.ConfigFor("tester", "system:masters")
	must(t, err)
	s.own, err = versioned.NewForConfig(config)
	must(t, err)
	return &s
}
