// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

const (
	inlineEntry   = `{"name":"zone-a","spec":{"vmstorage":{"replicaCount":1},"vminsert":{"serviceScrapeSpec":{"endpoints":[{"relabelConfigs":[{"if":1.5}]}]}}}}`
	referredEntry = `{"ref":{"name":"zone-b"},"overrideSpec":{"vmselect":{"replicaCount":2},"replicationFactor":null}}`
	// canonical is how the three shapes read back.
	canonical = `{"vmclusters":[` + inlineEntry + `,` + referredEntry + `]}`
	// before is what is there before it is changed to canonical.
	before = `{"vmclusters":[{"name":"zone-a","spec":{"vmstorage":{"replicaCount":3}}}]}`
)

// shapes are the ways to write the same zones.
var shapes = []struct{ name, zones string }{
	{"object", canonical},
	{"list of wrapped entries", `[{"vmclusters":` + inlineEntry + `},{"vmclusters":` + referredEntry + `}]`},
	{"list of entries", `[` + inlineEntry + `,` + referredEntry + `]`},
}

// paused writes an object that the controller only reports on.
func paused(name, zones string) string {
	return fmt.Sprintf(`{"apiVersion":%q,"kind":"VMDistributedCluster","metadata":{"name":%q},"spec":{"paused":true,"zones":%s}}`, groupVersion, name, zones)
}

// writing is a way to make zones read as canonical.
type writing struct {
	name string
	// onto says that the object is there already, with other zones.
	onto bool
	// write writes the zones, as JSON or as YAML. Raw requests have no YAML form
	// of a patch; there kubectl reads it from a file.
	write func(t *testing.T, namespace, zones string, asYAML bool)
}

var writings = []writing{
	{name: "create", write: func(t *testing.T, namespace, zones string, asYAML bool) {
		contentType, body := form(t, paused("x", zones), asYAML)
		if shared.admin.get(t, in(namespace, "x")).code == http.StatusOK {
			return // created before; creating again is an error in any shape
		}
		shared.admin.send(t, http.MethodPost, in(namespace), contentType, body).want(t, http.StatusCreated)
	}},
	{name: "update", onto: true, write: func(t *testing.T, namespace, zones string, asYAML bool) {
		contentType, body := form(t, paused("x", zones), asYAML)
		shared.admin.send(t, http.MethodPut, in(namespace, "x"), contentType, body).want(t, http.StatusOK)
	}},
	{name: "merge patch", onto: true, write: patching("merge", mergeType, `{"spec":{"zones":%s}}`)},
	{name: "strategic merge patch", onto: true, write: patching("strategic", strategicType, `{"spec":{"zones":%s}}`)},
	{name: "JSON patch of zones", onto: true, write: patching("json", jsonPatchType, `[{"op":"replace","path":"/spec/zones","value":%s}]`)},
	{name: "JSON patch of spec", onto: true, write: patching("json", jsonPatchType,
		`[{"op":"replace","path":"/spec","value":{"paused":true,"deletionPolicy":"Delete","zones":%s}},{"op":"test","path":"/spec/paused","value":true}]`)},
	{name: "client-side apply", onto: true, write: func(t *testing.T, namespace, zones string, asYAML bool) {
		kubectl(t, namespace, "apply", "-f", manifest(t, paused("x", zones), asYAML))
	}},
	{name: "server-side apply", write: func(t *testing.T, namespace, zones string, asYAML bool) {
		_, body := form(t, paused("x", zones), asYAML)
		shared.admin.send(t, http.MethodPatch, in(namespace, "x")+"?fieldManager=tester&force=true", applyType, body).want(t, http.StatusOK, http.StatusCreated)
	}},
	{name: "server-side apply by kubectl", write: func(t *testing.T, namespace, zones string, asYAML bool) {
		kubectl(t, namespace, "apply", "--server-side", "-f", manifest(t, paused("x", zones), asYAML))
	}},
}

func patching(kubectlType, contentType, format string) func(*testing.T, string, string, bool) {
	return func(t *testing.T, namespace, zones string, asYAML bool) {
		patch := fmt.Sprintf(format, zones)
		if asYAML {
			kubectl(t, namespace, "patch", "vmdc", "x", "--type="+kubectlType, "--patch-file="+manifest(t, patch, true))
			return
		}
		shared.admin.send(t, http.MethodPatch, in(namespace, "x")+"?fieldManager=kubectl-patch", contentType, patch).want(t, http.StatusOK)
	}
}

// form returns a body and its content type.
func form(t *testing.T, text string, asYAML bool) (contentType, body string) {
	t.Helper()
	if !asYAML {
		return jsonType, text
	}
	converted, err := yaml.JSONToYAML([]byte(text))
	must(t, err)
	return yamlType, string(converted)
}

func manifest(t *testing.T, text string, asYAML bool) string {
	t.Helper()
	if _, body := form(t, text, asYAML); asYAML {
		return file(t, "manifest.yaml", body)
	}
	return file(t, "manifest.json", text)
}

// TestShapesReadBackCanonical writes every shape of spec.zones in every way, and
// then once more: it reads back canonical, the repetition changes nothing, and
// no shape leaves other managedFields behind than the next.
func TestShapesReadBackCanonical(t *testing.T) {
	for _, how := range writings {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			owners := map[string]string{}
			for _, shape := range shapes {
				for _, format := range []string{"JSON", "YAML"} {
					t.Run(shape.name+" in "+format, func(t *testing.T) {
						owners[shape.name+" in "+format] = writeTwice(t, how, shape.zones, format == "YAML")
					})
				}
			}
			for name, owned := range owners {
				if want := owners["object in JSON"]; owned != want {
					t.Errorf("%s leaves other managedFields than the object\n got %s\nwant %s", name, owned, want)
				}
			}
		})
	}
}

// writeTwice returns the managedFields that come of it.
func writeTwice(t *testing.T, how writing, zones string, asYAML bool) string {
	t.Helper()
	namespace := newNamespace(t)
	if how.onto {
		object := paused("x", before)
		if how.name == "client-side apply" {
			kubectl(t, namespace, "apply", "-f", manifest(t, object, asYAML))
		} else {
			shared.admin.create(t, namespace, object).want(t, http.StatusCreated)
		}
	}
	how.write(t, namespace, zones, asYAML)
	first := settled(t, namespace, "x")
	wantCanonical(t, first)

	how.write(t, namespace, zones, asYAML)
	second := read(t, namespace, "x")
	if first.GetGeneration() != second.GetGeneration() || first.GetResourceVersion() != second.GetResourceVersion() {
		t.Errorf("the second time moved generation %d to %d and resourceVersion %s to %s\nbefore: %v\nafter: %v",
			first.GetGeneration(), second.GetGeneration(), first.GetResourceVersion(), second.GetResourceVersion(), first.Object, second.Object)
	}
	return ownersOf(t, second)
}

// wantCanonical compares spec.zones with the canonical shape. The two null
// members show that nothing was lost on the way.
func wantCanonical(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	got, _, err := unstructured.NestedMap(object.Object, "spec", "zones")
	must(t, err)
	var want map[string]any
	must(t, json.Unmarshal([]byte(canonical), &want))
	if a, b := encode(t, got), encode(t, want); a != b {
		t.Errorf("spec.zones reads back as\n%s\nwant\n%s", a, b)
	}
}

// ownersOf writes down who owns what, without times and without the status.
func ownersOf(t *testing.T, object *unstructured.Unstructured) string {
	t.Helper()
	var fields []metav1.ManagedFieldsEntry
	for _, entry := range object.GetManagedFields() {
		if entry.Subresource == "" {
			entry.Time = nil
			fields = append(fields, entry)
		}
	}
	return encode(t, fields)
}

// TestListShapesOfPatchesAreUnderstood covers what a patch may hold beside the
// whole of spec.zones.
func TestListShapesOfPatchesAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, patch string }{
		{"one wrapped entry added", `[{"op":"add","path":"/spec/zones/vmclusters/-","value":{"vmclusters":` + referredEntry + `}}]`},
		{"one entry added", `[{"op":"add","path":"/spec/zones/vmclusters/1","value":` + referredEntry + `}]`},
		{"the list replaced by wrapped entries", `[{"op":"replace","path":"/spec/zones/vmclusters","value":[{"vmclusters":` + inlineEntry + `},` + referredEntry + `]}]`},
		{"the list tested in another shape", `[{"op":"test","path":"/spec/zones","value":[` + inlineEntry + `]},{"op":"add","path":"/spec/zones/vmclusters/-","value":` + referredEntry + `}]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			shared.admin.create(t, namespace, paused("x", `[`+inlineEntry+`]`)).want(t, http.StatusCreated)
			shared.admin.send(t, http.MethodPatch, in(namespace, "x"), jsonPatchType, test.patch).want(t, http.StatusOK)
			wantCanonical(t, read(t, namespace, "x"))
		})
	}
}

// TestJSONPatchPathsAddressTheCanonicalShape refuses the others with the path to
// use.
func TestJSONPatchPathsAddressTheCanonicalShape(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	for _, test := range []struct{ name, patch, want string }{
		{"append", `[{"op":"add","path":"/spec/zones/-","value":` + inlineEntry + `}]`, "/spec/zones/vmclusters/-"},
		{"index", `[{"op":"remove","path":"/spec/zones/0"}]`, "/spec/zones/vmclusters/0"},
		{"wrapped", `[{"op":"replace","path":"/spec/zones/0/vmclusters/name","value":"c"}]`, "/spec/zones/vmclusters/0/name"},
		{"from", `[{"op":"move","from":"/spec/zones/0","path":"/spec/zones/vmclusters/1"}]`, "patch[0].from"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status := shared.admin.send(t, http.MethodPatch, in(namespace, "x"), jsonPatchType, test.patch).
				want(t, http.StatusUnprocessableEntity).problem(t)
			if !strings.Contains(status.Message, test.want) {
				t.Errorf("message %q does not name %s", status.Message, test.want)
			}
		})
	}
	wantCanonical(t, read(t, namespace, "x"))
}

// TestSpecAndOverrideSpecSurviveVerbatim holds each inner text against what was
// sent, byte by byte: members that nobody knows, the spelling of numbers and the
// order of keys.
func TestSpecAndOverrideSpecSurviveVerbatim(t *testing.T) {
	t.Parallel()
	const (
		spec     = `{"zz":1.0,"aa":2.50,"big":12345678901234567890,"exp":1e3,"nested":{"never":{"heard":["of",null,{"it":1.000}]}},"text":"\u00fcber \u2713","empty":{}}`
		override = `{"b":{"x":null,"c":1.10},"a":[1.0,-0.0]}`
	)
	namespace := newNamespace(t)
	zones := `[{"name":"a","spec":` + spec + `},{"ref":{"name":"b"},"overrideSpec":` + override + `}]`
	shared.admin.create(t, namespace, paused("x", zones)).want(t, http.StatusCreated)

	check := func(when string) {
		t.Helper()
		body := string(shared.admin.get(t, in(namespace, "x")).want(t, http.StatusOK).body)
		for _, text := range []string{spec, override} {
			if !strings.Contains(body, text) {
				t.Errorf("%s: %s does not read back; the object is %s", when, text, body)
			}
		}
	}
	check("after create")
	settled(t, namespace, "x")
	check("after the status was written")
	kubectl(t, namespace, "label", "vmdc", "x", "some=label")
	check("after a label")
	generation := read(t, namespace, "x").GetGeneration()

	// kubectl and server-side apply spell numbers anew; that is no change.
	respelt := strings.NewReplacer("1.0,", "1,", "2.50", "2.5", "1e3", "1000").Replace(zones)
	shared.admin.send(t, http.MethodPut, in(namespace, "x"), jsonType, paused("x", respelt)).want(t, http.StatusOK)
	if got := read(t, namespace, "x").GetGeneration(); got != generation {
		t.Errorf("numbers in another spelling moved the generation from %d to %d", generation, got)
	}
	check("after an update in another spelling")
}

// TestTypedClientReadsWhatWasWritten goes through the generated client, both
// ways.
func TestTypedClientReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	settled(t, namespace, "x")
	first := typed(t, namespace, "x")
	if names := []string{first.Spec.Zones.VMClusters[0].Name, first.Spec.Zones.VMClusters[1].Ref.Name}; !reflect.DeepEqual(names, []string{"zone-a", "zone-b"}) {
		t.Errorf("read zones %v", names)
	}
	second, err := shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace).Update(t.Context(), first, metav1.UpdateOptions{})
	must(t, err)
	if first.ResourceVersion != second.ResourceVersion {
		t.Errorf("writing back what was read moved resourceVersion from %s to %s", first.ResourceVersion, second.ResourceVersion)
	}
}
