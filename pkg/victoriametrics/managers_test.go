// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"slices"
	"testing"
)

const userWithManagers = `
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMUser
metadata:
  name: reader
  managedFields:
  - manager: kustomize-controller
    operation: Apply
    apiVersion: operator.victoriametrics.com/v1beta1
    time: "2026-01-01T00:00:00Z"
    fieldsType: FieldsV1
    fieldsV1: {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:targetRefs": {}, "f:bearerToken": {}}}
  - manager: labeller
    operation: Update
    fieldsType: FieldsV1
    fieldsV1: {"f:metadata": {"f:labels": {"f:b": {}}}, "f:spec": {"f:username": {}}}
  - manager: kubectl-edit
    operation: Update
    fieldsType: FieldsV1
    fieldsV1: {"f:spec": {"f:targetRefs": {}}}
  - manager: vmdistributed-apiserver
    operation: Update
    fieldsType: FieldsV1
    fieldsV1: {"f:spec": {"f:targetRefs": {}}}
  - manager: app
    operation: Update
    subresource: status
    fieldsType: FieldsV1
    fieldsV1: {"f:status": {"f:updateStatus": {}}}
spec:
  targetRefs: []
`

func TestOfAVMUsersManagersThoseOfItsRoutesAreKept(t *testing.T) {
	user := fromYAML(t, userWithManagers)
	want := []string{"kubectl-edit", "kustomize-controller"}
	for _, when := range []string{"as it is read", "slimmed", "slimmed again"} {
		if got := RouteManagers(user); !slices.Equal(got, want) {
			t.Errorf("%s: managers are %q, want %q", when, got, want)
		}
		KeepRouteManagers(user)
	}
	if kept := user.GetManagedFields(); len(kept) != 3 || kept[0].FieldsV1.GetRawString() != `{"f:spec":{"f:targetRefs":{}}}` || kept[0].Time != nil {
		t.Errorf("kept are %+v", kept)
	}
	user.SetManagedFields(nil)
	KeepRouteManagers(user)
	if _, there := user.Object["metadata"].(map[string]any)["managedFields"]; there {
		t.Error("nothing is kept as something")
	}
}

func TestContestedPlacesAreThoseThatOthersOwnToo(t *testing.T) {
	cluster := fromYAML(t, `
kind: VMCluster
metadata:
  name: a
  managedFields:
  - manager: argocd-controller
    operation: Apply
    fieldsType: FieldsV1
    fieldsV1: {"f:spec": {"f:vmstorage": {"f:replicaCount": {}, "f:storage": {"f:volumeClaimTemplate": {"f:spec": {}}}}}}
  - manager: vmdistributed-apiserver
    operation: Update
    fieldsType: FieldsV1
    fieldsV1: {"f:spec": {"f:vmselect": {"f:replicaCount": {}}}}
`)
	places, managers := Contested(cluster, mapFromYAML(t, `
vmstorage:
  replicaCount: 3
  storage: null
  image: {tag: x}
vmselect: {replicaCount: 2}
`))
	if !slices.Equal(places, []string{"vmstorage.replicaCount", "vmstorage.storage"}) || !slices.Equal(managers, []string{"argocd-controller"}) {
		t.Errorf("contested are %q by %q", places, managers)
	}
	if places, managers := Contested(cluster, mapFromYAML(t, "vminsert: {replicaCount: 2}")); len(places) > 0 || len(managers) > 0 {
		t.Errorf("contested are %q by %q, want none", places, managers)
	}
}
