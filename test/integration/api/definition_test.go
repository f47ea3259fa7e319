// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestZonesAreCheckedByTheInstalledSchema: definitions, and what an override makes
// of a VMCluster, in whatever shape and way they come.
func TestZonesAreCheckedByTheInstalledSchema(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	vmcluster(t, namespace, "there")
	shared.admin.create(t, namespace, paused("x", `[`+validEntry+`]`)).want(t, http.StatusCreated)
	for name, test := range map[string]struct{ entry, path string }{
		"definition":                 {`{"name":"a","spec":{"vmstorage":{"replicaCount":"2"}}}`, "spec.vmstorage.replicaCount"},
		"list where an object is":    {`{"name":"a","spec":{"vmstorage":[]}}`, "spec.vmstorage"},
		"in a list":                  {`{"name":"a","spec":{"vmselect":{"extraEnvs":[{"name":"A"},{"value":"b"}]}}}`, "spec.vmselect.extraEnvs[1].name"},
		"override":                   {`{"ref":{"name":"there"},"overrideSpec":{"vmstorage":{"replicaCount":"2"}}}`, "overrideSpec.vmstorage.replicaCount"},
		"override of what is absent": {`{"ref":{"name":"absent"},"overrideSpec":{"vmstorage":{"replicaCount":"2"}}}`, "overrideSpec.vmstorage.replicaCount"},
	} {
		for shape, zones := range inShapes(validEntry, test.entry) {
			t.Run(name+"/"+shape, func(t *testing.T) {
				spec := `{"paused":true,"zones":` + zones + `}`
				path := "spec.zones.vmclusters[1]." + test.path
				for how, got := range map[string]answer{
					"create":      shared.admin.create(t, namespace, object("new", spec)),
					"update":      shared.admin.send(t, http.MethodPut, in(namespace, "x"), jsonType, object("x", spec)),
					"merge patch": shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"spec":`+spec+`}`),
					"JSON patch":  shared.admin.send(t, http.MethodPatch, in(namespace, "x"), jsonPatchType, `[{"op":"replace","path":"/spec","value":`+spec+`}]`),
					"apply":       shared.admin.send(t, http.MethodPatch, in(namespace, "x")+"?fieldManager=tester&force=true", applyType, object("x", spec)),
				} {
					wantCause(t, how, path, got.want(t, http.StatusUnprocessableEntity))
				}
			})
		}
	}
	wantNames(t, namespace, "x")
}

// TestUnknownInnerFieldsFollowTheRequest, as those outside of zones do.
func TestUnknownInnerFieldsFollowTheRequest(t *testing.T) {
	t.Parallel()
	const spec = `{"paused":true,"zones":[{"name":"a","spec":{"vmstorag":{}}},{"ref":{"name":"there"},"overrideSpec":{"vmselect":{"replicacount":1}}}]}`
	unknown := []string{
		`unknown field "spec.zones.vmclusters[0].spec.vmstorag"`,
		`unknown field "spec.zones.vmclusters[1].overrideSpec.vmselect.replicacount"`,
	}
	write := func(namespace, how, mode string) answer {
		query := "?fieldManager=tester&fieldValidation=" + mode
		switch how {
		case "create":
			return shared.admin.send(t, http.MethodPost, in(namespace)+query, jsonType, object("y", spec))
		case "apply":
			return shared.admin.send(t, http.MethodPatch, in(namespace, "y")+query, applyType, object("y", spec))
		}
		return shared.admin.send(t, http.MethodPatch, in(namespace, "x")+query, mergeType, `{"spec":`+spec+`}`)
	}
	for _, how := range []string{"create", "patch", "apply"} {
		for _, mode := range []string{"Strict", "Warn", "Ignore", ""} {
			t.Run(how+"/"+mode, func(t *testing.T) {
				namespace := newNamespace(t)
				vmcluster(t, namespace, "there")
				shared.admin.create(t, namespace, paused("x", one("z"))).want(t, http.StatusCreated)
				got := write(namespace, how, mode)
				if mode == "Strict" {
					message := got.want(t, http.StatusBadRequest).problem(t).Message
					for _, text := range unknown {
						if !strings.Contains(message, text) {
							t.Errorf("the message lacks %s: %s", text, message)
						}
					}
					return
				}
				var told []string
				for _, text := range got.want(t, http.StatusOK, http.StatusCreated).warnings(t) {
					if strings.HasPrefix(text, "unknown field") {
						told = append(told, text)
					}
				}
				want := unknown
				if mode == "Ignore" {
					want = nil
				}
				if !slices.Equal(told, want) {
					t.Errorf("warnings are %q, want %q", told, want)
				}
			})
		}
	}
}

// changeCRD patches the definition of VMCluster.
func changeCRD(t *testing.T, cp *controlplane.ControlPlane, patch string) {
	t.Helper()
	client, err := apiextensions.NewForConfig(cp.Config())
	must(t, err)
	_, err = client.ApiextensionsV1().CustomResourceDefinitions().Patch(t.Context(), "vmclusters.operator.victoriametrics.com",
		types.JSONPatchType, []byte(patch), metav1.PatchOptions{})
	must(t, err)
}

// TestNewerOperatorNeedsNoNewServer: a field that its definition adds is checked,
// reaches the VMCluster, and what the next one would refuse stays where it is not
// touched. It changes what all others use, so it runs alone.
func TestNewerOperatorNeedsNoNewServer(t *testing.T) {
	const at = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/vmstorage/properties/brandNew"
	namespace := newNamespace(t)
	create := func(name, value string) answer {
		spec := fmt.Sprintf(`{"zones":[{"name":%q,"spec":{"vmstorage":{"brandNew":%s}}}]}`, name, value)
		return shared.admin.send(t, http.MethodPost, in(namespace)+"?fieldValidation=Strict", jsonType, object(name, spec))
	}
	create("early", "7").want(t, http.StatusBadRequest)

	changeCRD(t, shared.cp, `[{"op":"add","path":"`+at+`","value":{"type":"integer","description":"What nobody has heard of."}}]`)
	eventually(t, "the new field is known", func() bool { return create("known", "7").code == http.StatusCreated })
	wantCause(t, "create", "spec.zones.vmclusters[0].spec.vmstorage.brandNew", create("wrong", `"7"`).want(t, http.StatusUnprocessableEntity))
	eventually(t, "the field reaches the VMCluster", func() bool {
		return strings.Contains(liveCluster(t, namespace, "known"), `"brandNew":7`)
	})

	changeCRD(t, shared.cp, `[{"op":"add","path":"`+at+`/maximum","value":5},
		{"op":"add","path":"`+at[:strings.LastIndex(at, "/properties/")]+`/x-kubernetes-validations","value":[{"rule":"!has(self.brandNew) || self.brandNew != 3","message":"three is not for you"}]}]`)
	eventually(t, "the new limit is known", func() bool { return create("over", "6").code == http.StatusUnprocessableEntity })
	got := create("by-rule", "3").want(t, http.StatusUnprocessableEntity)
	wantCause(t, "create", "spec.zones.vmclusters[0].spec.vmstorage", got)
	if message := got.problem(t).Message; !strings.Contains(message, "three is not for you") {
		t.Errorf("the message lacks the rule's: %s", message)
	}
	patch := func(body string) answer {
		return shared.admin.send(t, http.MethodPatch, in(namespace, "known"), jsonPatchType, body)
	}
	const spec = "/spec/zones/vmclusters/0/spec"
	patch(`[{"op":"add","path":"`+spec+`/retentionPeriod","value":"2"}]`).want(t, http.StatusOK)
	patch(`[{"op":"replace","path":"`+spec+`/vmstorage/brandNew","value":8}]`).want(t, http.StatusUnprocessableEntity)
	patch(`[{"op":"replace","path":"`+spec+`/vmstorage/brandNew","value":5}]`).want(t, http.StatusOK)
}

// TestManifestsMayComeBeforeTheOperator: without a definition, the types that the
// program was built with are what zones are checked by.
func TestManifestsMayComeBeforeTheOperator(t *testing.T) {
	t.Parallel()
	cp, err := controlplane.Start(t.Context(), controlplane.Options{Dir: filepath.Join(shared.dir, "bare"), CRDs: controlplane.CRDsNone})
	must(t, err)
	t.Cleanup(func() { must(t, cp.Stop()) })
	_, err = cp.StartServer(t.Context(), controlplane.ServerOptions{DataDir: filepath.Join(shared.dir, "bare-data"), Args: []string{"--unsafe-no-fsync"}})
	must(t, err)
	admin, err := newCaller(cp.Config())
	must(t, err)

	create := func(spec string) answer {
		return admin.send(t, http.MethodPost, in("default")+"?fieldValidation=Strict", jsonType, object("x", `{"zones":[{"name":"a","spec":`+spec+`}]}`))
	}
	wantCause(t, "create", "spec.zones.vmclusters[0].spec.vmstorage.replicaCount", create(`{"vmstorage":{"replicaCount":"2"}}`).want(t, http.StatusUnprocessableEntity))
	message := create(`{"vmstorage":{"replicacount":2}}`).want(t, http.StatusBadRequest).problem(t).Message
	if want := `unknown field "spec.zones.vmclusters[0].spec.vmstorage.replicacount"`; !strings.Contains(message, want) {
		t.Errorf("the message lacks %s: %s", want, message)
	}
	create(`{"vmstorage":{"replicaCount":2}}`).want(t, http.StatusCreated)
}
