// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestWithoutTheOperatorObjectsAreStoredAndWait: manifests come in any order, those
// of the operator included. Until its kinds are there, a definition is held against
// what the server knows of VMClusters by itself, and zones can't be told about.
func TestWithoutTheOperatorObjectsAreStoredAndWait(t *testing.T) {
	t.Parallel()
	cp, err := controlplane.Start(t.Context(), controlplane.Options{Dir: filepath.Join(shared.dir, "alone"), CRDs: controlplane.CRDsNone})
	must(t, err)
	t.Cleanup(func() { must(t, cp.Stop()) })
	_, err = cp.StartServer(t.Context(), controlplane.ServerOptions{})
	must(t, err)
	admin, err := newCaller(cp.Config())
	must(t, err)

	wrong := admin.create(t, "default", object("x", zonesOf(`{"name":"zone-a","spec":{"vmselect":{"replicaCount":"two"}}}`))).want(t, http.StatusUnprocessableEntity)
	if message := wrong.problem(t).Message; !strings.Contains(message, "spec.zones.vmclusters[0].spec.vmselect.replicaCount") {
		t.Errorf("a definition that no operator takes is refused with: %s", message)
	}
	created := admin.create(t, "default", object("x", zonesOf(`{"name":"zone-a","spec":{"vmselect":{}}}`, `{"ref":{"name":"zone-b"}}`))).want(t, http.StatusCreated)
	// The others need nothing but the object.
	if want := documentedWarnings(t)[toldWithoutOperator]; !slices.Contains(created.warnings(t), want) {
		t.Errorf("warned of %q, want %q", created.warnings(t), want)
	}
	zones := admin.get(t, in("default", "x", "zones")).want(t, http.StatusServiceUnavailable)
	if message := zones.problem(t).Message; !strings.Contains(message, "vmclusters") {
		t.Errorf("zones answers: %s", message)
	}
	admin.send(t, http.MethodDelete, in("default", "x"), "", "").want(t, http.StatusOK)
}
