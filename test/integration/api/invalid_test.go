// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
)

const validEntry = `{"name":"zone-a","spec":{}}`

// invalidSpecs are specs that must not get in, with the field that is wrong.
var invalidSpecs = []struct {
	name, spec string
	code       int // of create and update
	path       string
	text       string
}{
	{name: "ref with spec", spec: zonesOf(`{"ref":{"name":"a"},"spec":{}}`), code: 422, path: "spec.zones.vmclusters[0]", text: "exactly one of: `ref`, `spec`"},
	{name: "neither ref nor spec", spec: zonesOf(validEntry, `{}`), code: 422, path: "spec.zones.vmclusters[1]", text: "one of: `ref`, `spec`"},
	{name: "name without spec", spec: zonesOf(`{"name":"a"}`), code: 422, path: "spec.zones.vmclusters[0]", text: "one of: `ref`, `spec`"},
	{name: "spec without name", spec: zonesOf(`{"spec":{}}`), code: 422, path: "spec.zones.vmclusters[0].name"},
	{name: "overrideSpec without ref", spec: zonesOf(`{"name":"a","spec":{},"overrideSpec":{}}`), code: 422, path: "spec.zones.vmclusters[0].overrideSpec", text: "Forbidden"},
	{name: "overrideSpec alone", spec: zonesOf(`{"overrideSpec":{}}`), code: 422, path: "spec.zones.vmclusters[0]", text: "one of: `ref`, `spec`"},
	{name: "ref without name", spec: zonesOf(`{"ref":{}}`), code: 422, path: "spec.zones.vmclusters[0].ref.name"},

	{name: "spec that is a string", spec: zonesOf(`{"name":"a","spec":"x"}`), code: 400, path: "spec.zones.vmclusters.spec", text: "string"},
	{name: "spec that is a list", spec: zonesOf(`{"name":"a","spec":[]}`), code: 400, path: "spec.zones.vmclusters.spec", text: "array"},
	{name: "spec that is a number", spec: zonesOf(`{"name":"a","spec":1}`), code: 400, path: "spec.zones.vmclusters.spec", text: "number"},
	{name: "overrideSpec that is a string", spec: zonesOf(`{"ref":{"name":"a"},"overrideSpec":"x"}`), code: 400, path: "spec.zones.vmclusters.overrideSpec", text: "string"},
	{name: "overrideSpec that is a list", spec: zonesOf(`{"ref":{"name":"a"},"overrideSpec":[{}]}`), code: 400, path: "spec.zones.vmclusters.overrideSpec", text: "array"},
	{name: "overrideSpec that is a number", spec: zonesOf(`{"ref":{"name":"a"},"overrideSpec":1.5}`), code: 400, path: "spec.zones.vmclusters.overrideSpec", text: "number"},

	{name: "inline name that is no DNS label", spec: zonesOf(`{"name":"Zone_A","spec":{}}`), code: 422, path: "spec.zones.vmclusters[0].name", text: "RFC 1123"},
	{name: "inline name with a dot", spec: zonesOf(`{"name":"a.b","spec":{}}`), code: 422, path: "spec.zones.vmclusters[0].name"},
	{name: "inline name that is too long", spec: zonesOf(`{"name":"` + strings.Repeat("a", 64) + `","spec":{}}`), code: 422, path: "spec.zones.vmclusters[0].name", text: "63"},
	{name: "ref to no DNS label", spec: zonesOf(`{"ref":{"name":"-a"}}`), code: 422, path: "spec.zones.vmclusters[0].ref.name"},
	{name: "same cluster twice inline", spec: zonesOf(validEntry, validEntry), code: 422, path: "spec.zones.vmclusters[1].name", text: "Duplicate"},
	{name: "same cluster twice, once referred to", spec: zonesOf(validEntry, `{"ref":{"name":"zone-a"}}`), code: 422, path: "spec.zones.vmclusters[1].ref.name", text: "Duplicate"},

	{name: "reference in another namespace", spec: zonesOf(`{"ref":{"name":"a","namespace":"kube-system"}}`), code: 422, path: "spec.zones.vmclusters[0].ref.namespace", text: "other namespaces"},
	{name: "VMUser in another namespace", spec: `{"vmusers":[{"name":"a"},{"name":"b","namespace":"kube-system"}],"zones":[` + validEntry + `]}`, code: 422, path: "spec.vmusers[1].namespace"},
	{name: "VMAgent in another namespace", spec: `{"vmagent":{"name":"a","namespace":"kube-system"},"zones":[` + validEntry + `]}`, code: 422, path: "spec.vmagent.namespace"},
	{name: "VMUser twice", spec: `{"vmusers":[{"name":"a"},{"name":"a"}],"zones":[` + validEntry + `]}`, code: 422, path: "spec.vmusers[1].name", text: "Duplicate"},
	{name: "VMAgent without a name", spec: `{"vmagent":{},"zones":[` + validEntry + `]}`, code: 422, path: "spec.vmagent.name"},
	{name: "VMUser without a name", spec: `{"vmusers":[{"name":"a"},{}],"zones":[` + validEntry + `]}`, code: 422, path: "spec.vmusers[1].name", text: "Required"},
	{name: "VMUser of no name", spec: `{"vmusers":[{"name":"A"}],"zones":[` + validEntry + `]}`, code: 422, path: "spec.vmusers[0].name", text: "RFC 1123"},

	{name: "negative duration", spec: strategyOf(`{"updatePause":"-1s"}`), code: 422, path: "spec.strategy.updatePause", text: "negative"},
	{name: "unparsable duration", spec: strategyOf(`{"updatePause":"soon"}`), code: 422, path: "spec.strategy.updatePause", text: "90s"},
	{name: "duration without a unit", spec: strategyOf(`{"readyTimeout":"90"}`), code: 422, path: "spec.strategy.readyTimeout", text: "90s"},
	{name: "timeout of nothing", spec: strategyOf(`{"readyTimeout":"0s"}`), code: 422, path: "spec.strategy.readyTimeout", text: "more than 0s"},
	{name: "duration that is a number", spec: strategyOf(`{"readyTimeout":90}`), code: 400, path: "spec.strategy.readyTimeout"},
	{name: "negative number of zones", spec: strategyOf(`{"minAvailableZones":-1}`), code: 422, path: "spec.strategy.minAvailableZones"},
	{name: "unreachable number of zones", spec: strategyOf(`{"minAvailableZones":100}`), code: 422, path: "spec.strategy.minAvailableZones"},
	{name: "none unavailable", spec: strategyOf(`{"maxUnavailable":0}`), code: 422, path: "spec.strategy.maxUnavailable", text: "greater than or equal to 1"},
	{name: "negative number of bytes", spec: strategyOf(`{"flush":{"maxPendingBytes":-1}}`), code: 422, path: "spec.strategy.flush.maxPendingBytes", text: "greater than or equal to 0"},
	{name: "unknown last target", spec: strategyOf(`{"drain":{"lastTarget":"Nowhere"}}`), code: 422, path: "spec.strategy.drain.lastTarget", text: "Refuse"},
	{name: "unknown management policy", spec: `{"managementPolicy":"Watch","zones":[` + validEntry + `]}`, code: 422, path: "spec.managementPolicy", text: "Observe"},
	{name: "unknown deletion policy", spec: `{"deletionPolicy":"Keep","zones":[` + validEntry + `]}`, code: 422, path: "spec.deletionPolicy", text: "Retain"},

	{name: "no zone", spec: `{"zones":{"vmclusters":[]}}`, code: 422, path: "spec.zones.vmclusters", text: "Required"},
	{name: "empty list in place of zones", spec: `{"zones":[]}`, code: 422, path: "spec.zones.vmclusters", text: "Required"},
	{name: "no zones", spec: `{}`, code: 422, path: "spec.zones.vmclusters"},
	{name: "zones that are a string", spec: `{"zones":"a"}`, code: 400, path: "spec.zones"},
	{name: "an entry that is a string", spec: `{"zones":["a"]}`, code: 400, path: "spec.zones.vmclusters"},
	{name: "101 zones", spec: manyZones(101), code: 422, path: "spec.zones.vmclusters", text: "100"},
	{name: "an ambiguous entry", spec: `{"zones":[{"name":"a","vmclusters":{"name":"b","spec":{}}}]}`, code: 422, path: "spec.zones[0]"},
	{name: "a spec over 1 MiB", spec: zonesOf(`{"name":"a","spec":{"x":"` + strings.Repeat("x", 1<<20) + `"}}`), code: 422, path: "spec", text: "1048576"},
}

func zonesOf(entries ...string) string {
	return `{"zones":{"vmclusters":[` + strings.Join(entries, ",") + `]}}`
}

func strategyOf(strategy string) string {
	return `{"strategy":` + strategy + `,"zones":[` + validEntry + `]}`
}

func manyZones(count int) string {
	entries := make([]string, count)
	for i := range entries {
		entries[i] = fmt.Sprintf(`{"name":"zone-%d","spec":{}}`, i)
	}
	return zonesOf(entries...)
}

func object(name, spec string) string {
	return fmt.Sprintf(`{"apiVersion":%q,"kind":"VMDistributedCluster","metadata":{"name":%q},"spec":%s}`, groupVersion, name, spec)
}

// TestInvalidSpecsAreRefused writes each spec in every way; the answer names the
// field, and what is stored stays as it is.
func TestInvalidSpecsAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range invalidSpecs {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			shared.admin.create(t, namespace, paused("there", `[{"name":"zone-z","spec":{}}]`)).want(t, http.StatusCreated)
			stored := encode(t, settled(t, namespace, "there").Object)

			check := func(how string, got answer) {
				t.Helper()
				status := got.want(t, test.code).problem(t)
				if !strings.Contains(status.Message, test.path) || !strings.Contains(status.Message, test.text) {
					t.Errorf("%s: the message names not %s or not %q: %.1000s", how, test.path, test.text, status.Message)
				}
				if test.code == http.StatusUnprocessableEntity {
					wantCause(t, how, test.path, got)
				}
			}
			refused := func(how string, got answer) {
				t.Helper()
				if got.code < 400 || got.code > 499 {
					t.Errorf("%s: answered %d: %.1000s", how, got.code, got.body)
				}
				if message := got.problem(t).Message; len(message) > 10_000 {
					t.Errorf("%s: the message has %d bytes", how, len(message))
				}
			}
			check("create", shared.admin.create(t, namespace, object("new", test.spec)))
			check("update", shared.admin.send(t, http.MethodPut, in(namespace, "there"), jsonType, object("there", test.spec)))
			refused("JSON patch", shared.admin.send(t, http.MethodPatch, in(namespace, "there"), jsonPatchType, `[{"op":"replace","path":"/spec","value":`+test.spec+`}]`))
			refused("apply", shared.admin.send(t, http.MethodPatch, in(namespace, "other")+"?fieldManager=tester&force=true", applyType, object("other", test.spec)))
			if test.spec != `{}` { // that patch changes nothing
				refused("merge patch", shared.admin.send(t, http.MethodPatch, in(namespace, "there"), mergeType, `{"spec":`+test.spec+`}`))
				refused("strategic merge patch", shared.admin.send(t, http.MethodPatch, in(namespace, "there"), strategicType, `{"spec":`+test.spec+`}`))
			}

			if got := encode(t, read(t, namespace, "there").Object); got != stored {
				t.Errorf("the refused writes changed\n%s\ninto\n%s", stored, got)
			}
			wantNames(t, namespace, "there")
		})
	}
}

// wantCause wants the field among the causes, for programs to read.
func wantCause(t *testing.T, how, path string, got answer) {
	t.Helper()
	details := got.problem(t).Details
	if details == nil {
		t.Errorf("%s: there are no details: %.1000s", how, got.body)
		return
	}
	var fields []string
	for _, cause := range details.Causes {
		fields = append(fields, cause.Field)
	}
	if !slices.Contains(fields, path) {
		t.Errorf("%s: the causes name %v, want %s", how, fields, path)
	}
}

// wantNames lists a namespace.
func wantNames(t *testing.T, namespace string, want ...string) {
	t.Helper()
	if got := names(t, shared.admin.get(t, in(namespace))); !slices.Equal(got, want) {
		t.Errorf("there are the objects %v, want %v", got, want)
	}
}

func names(t *testing.T, list answer) []string {
	t.Helper()
	list.want(t, http.StatusOK)
	var read struct {
		Items []metav1.PartialObjectMetadata `json:"items"`
	}
	must(t, json.Unmarshal(list.body, &read))
	var found []string
	for _, item := range read.Items {
		found = append(found, item.Name)
	}
	return found
}

// TestInvalidBodiesAreRefused is about bodies that are no objects at all.
func TestInvalidBodiesAreRefused(t *testing.T) {
	t.Parallel()
	valid := paused("x", "["+validEntry+"]")
	for _, test := range []struct {
		name, contentType, body string
		code                    int
		text                    string
	}{
		{"nothing", jsonType, "", 400, ""},
		{"truncated JSON", jsonType, valid[:len(valid)-3], 400, ""},
		{"a list", jsonType, `[` + valid + `]`, 400, ""},
		{"null", jsonType, `null`, 422, "metadata.name"},
		{"another kind", jsonType, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}`, 400, ""},
		{"invalid UTF-8 in a name", jsonType, strings.Replace(valid, "zone-a", "zone-\xff", 1), 400, "UTF-8"},
		{"invalid UTF-8 in a spec", jsonType, strings.Replace(valid, `"spec":{}`, `"spec":{"a":"`+"\xc3\x28"+`"}`, 1), 400, "UTF-8"},
		{"invalid UTF-8 in YAML", yamlType, strings.Replace(valid, `"spec":{}`, `"spec":{"a":"`+"\xc3\x28"+`"}`, 1), 400, "UTF-8"},
		{"truncated YAML", yamlType, "apiVersion: " + groupVersion + "\nkind: [VMDistributedCluster", 400, ""},
		{"YAML with a tab", yamlType, "apiVersion:\n\t" + groupVersion, 400, ""},
		{"billion laughs", yamlType, laughs(), 400, ""},
		{"billion laughs in a spec", yamlType, "apiVersion: " + groupVersion + "\nkind: VMDistributedCluster\nmetadata: {name: x}\nlaughs:\n" + indent(laughs()) +
			"spec: {zones: [{name: a, spec: {a: *i}}]}\n", 400, ""},
		{"deep nesting", jsonType, strings.Replace(valid, `"spec":{}`, `"spec":{"a":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+`}`, 1), 400, ""},
		{"4 MiB", jsonType, strings.Replace(valid, `"spec":{}`, `"spec":{"a":"`+strings.Repeat("x", 4<<20)+`"}`, 1), 413, "limit"},
		{"4 MiB of YAML", yamlType, "# " + strings.Repeat("x", 4<<20) + "\n" + valid, 413, "limit"},
		{"another media type", "text/plain", valid, 415, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			created := shared.admin.send(t, http.MethodPost, in(namespace), test.contentType, test.body).want(t, test.code).problem(t)
			if !strings.Contains(created.Message, test.text) {
				t.Errorf("create: the message says not %q: %s", test.text, created.Message)
			}
			if test.contentType == jsonType || test.contentType == yamlType {
				applied := shared.admin.send(t, http.MethodPatch, in(namespace, "x")+"?fieldManager=tester", applyType, test.body)
				if applied.problem(t); applied.code < 400 || applied.code > 499 {
					t.Errorf("apply: answered %d", applied.code)
				}
			}
			wantNames(t, namespace)
		})
	}
}

// laughs is a document of a few hundred bytes that grows to a billion strings.
func laughs() string {
	var b strings.Builder
	b.WriteString("a: &a [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n")
	for key := 'b'; key <= 'i'; key++ {
		fmt.Fprintf(&b, "%c: &%c [%s]\n", key, key, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", key-1), 9), ","))
	}
	return b.String()
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}

// TestUnknownFieldsAreReportedAsAskedFor tries each depth that the types know,
// under each level of validation. Those inside spec and overrideSpec have a test of
// their own, TestUnknownInnerFieldsFollowTheRequest.
func TestUnknownFieldsAreReportedAsAskedFor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, body, field string }{
		{"beside spec", `{"bogus":1,"spec":{"zones":[E]}}`, "bogus"},
		{"in metadata", `{"metadata":{"name":"x","bogus":1},"spec":{"zones":[E]}}`, "metadata.bogus"},
		{"in spec", `{"spec":{"bogus":1,"zones":[E]}}`, "spec.bogus"},
		{"in strategy", `{"spec":{"strategy":{"bogus":1},"zones":[E]}}`, "spec.strategy.bogus"},
		{"in vmagent", `{"spec":{"vmagent":{"name":"a","bogus":1},"zones":[E]}}`, "spec.vmagent.bogus"},
		{"in vmusers", `{"spec":{"vmusers":[{"name":"a","bogus":1}],"zones":[E]}}`, "spec.vmusers[0].bogus"},
		{"in zones", `{"spec":{"zones":{"bogus":1,"vmclusters":[E]}}}`, "spec.zones.bogus"},
		{"in an entry", `{"spec":{"zones":{"vmclusters":[{"name":"a","spec":{},"bogus":1}]}}}`, "spec.zones.vmclusters[0].bogus"},
		{"in an entry of a list", `{"spec":{"zones":[E,{"name":"a","spec":{},"bogus":1}]}}`, "spec.zones.vmclusters[1].bogus"},
		{"in a wrapped entry", `{"spec":{"zones":[{"vmclusters":{"name":"a","spec":{},"bogus":1}}]}}`, "spec.zones.vmclusters[0].bogus"},
		{"beside a wrapped entry", `{"spec":{"zones":[{"bogus":1,"vmclusters":{"name":"a","spec":{}}}]}}`, "spec.zones.vmclusters[0].bogus"},
		{"in ref", `{"spec":{"zones":[{"ref":{"name":"a","bogus":1}}]}}`, "spec.zones.vmclusters[0].ref.bogus"},
		{"in status", `{"status":{"bogus":1},"spec":{"zones":[E]}}`, "status.bogus"},
		{"in another case", `{"Spec":{},"spec":{"zones":[E]}}`, "Spec"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			body := complete(t, strings.ReplaceAll(test.body, "E", `{"name":"zone-z","spec":{}}`))
			want := fmt.Sprintf("unknown field %q", test.field)
			create := func(level string) answer {
				t.Helper()
				return shared.admin.send(t, http.MethodPost, in(namespace)+"?dryRun=All"+level, jsonType, body)
			}
			if status := create("&fieldValidation=Strict").want(t, http.StatusBadRequest).problem(t); !strings.Contains(status.Message, want) {
				t.Errorf("Strict: the message says not %s: %s", want, status.Message)
			}
			for _, level := range []string{"&fieldValidation=Warn", ""} {
				if warnings := create(level).want(t, http.StatusCreated).warnings(t); !slices.Contains(warnings, want) {
					t.Errorf("%q: warned of %q, want %s", level, warnings, want)
				}
			}
			warnings := create("&fieldValidation=Ignore").want(t, http.StatusCreated).warnings(t)
			if slices.ContainsFunc(warnings, func(text string) bool { return strings.HasPrefix(text, "unknown field") }) {
				t.Errorf("Ignore: warned of %q", warnings)
			}
			// Server-side apply knows no leniency, whatever the level.
			got := shared.admin.send(t, http.MethodPatch, in(namespace, "x")+"?fieldManager=tester", applyType, body)
			if got.problem(t); got.code < 400 || got.code > 499 {
				t.Errorf("apply: answered %d: %s", got.code, got.body)
			}
			wantNames(t, namespace)
		})
	}
}

// complete adds what every object needs.
func complete(t *testing.T, body string) string {
	t.Helper()
	var object map[string]any
	must(t, json.Unmarshal([]byte(body), &object))
	object["apiVersion"], object["kind"] = groupVersion, "VMDistributedCluster"
	if object["metadata"] == nil {
		object["metadata"] = map[string]any{"name": "x"}
	}
	return encode(t, object)
}

// TestDuplicateKeysAreReported looks outside of spec and overrideSpec, where the
// level of validation counts, and inside, where nobody else could notice.
func TestDuplicateKeysAreReported(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for _, test := range []struct {
		name, contentType, zones string
		strict, warn             int
		field                    string
	}{
		{"in an entry", jsonType, `{"vmclusters":[{"name":"a","name":"b","spec":{}}]}`, 400, 201, "spec.zones.vmclusters[0].name"},
		{"in an entry of a list", jsonType, `[{"name":"a","name":"b","spec":{}}]`, 400, 201, "spec.zones.vmclusters[0].name"},
		{"in a wrapped entry", jsonType, `[{"vmclusters":{"name":"a","name":"b","spec":{}}}]`, 400, 201, "spec.zones.vmclusters[0].name"},
		{"of the wrapping", jsonType, `[{"vmclusters":{"name":"a","spec":{}},"vmclusters":{"name":"b","spec":{}}}]`, 422, 422, "spec.zones[0].vmclusters"},
		{"in a spec", jsonType, `[{"name":"a","spec":{"x":{"y":1,"y":2}}}]`, 400, 400, `duplicate field "spec.zones.vmclusters[0].spec.x.y"`},
		{"in an overrideSpec", jsonType, `[{"ref":{"name":"a"},"overrideSpec":{"y":1,"y":2}}]`, 400, 400, `duplicate field "spec.zones.vmclusters[0].overrideSpec.y"`},
		{"none, but a number that nobody holds", jsonType, `[{"name":"a","spec":{"x":{"y":1e400}}}]`, 400, 400, `number out of range in field "spec.zones.vmclusters[0].spec.x.y"`},
		{"in YAML", yamlType, `{"vmclusters":[{"name":"a","name":"b","spec":{}}]}`, 400, 201, "name"},
		{"in YAML with a list", yamlType, `[{"name":"a","name":"b","spec":{}}] # no JSON`, 400, 400, "name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			body := paused("x", test.zones)
			if test.contentType == yamlType {
				body = "apiVersion: " + groupVersion + "\nkind: VMDistributedCluster\nmetadata: {name: x}\nspec:\n  zones: " + test.zones + "\n"
			}
			create := func(level string) answer {
				t.Helper()
				return shared.admin.send(t, http.MethodPost, in(namespace)+"?dryRun=All&fieldValidation="+level, test.contentType, body)
			}
			if message := create("Strict").want(t, test.strict).problem(t).Message; !strings.Contains(message, test.field) {
				t.Errorf("Strict: the message names not %s: %s", test.field, message)
			}
			create("Ignore").want(t, test.warn)
			if got := create("Warn").want(t, test.warn); got.code == http.StatusCreated && !strings.Contains(strings.Join(got.warnings(t), "\n"), test.field) {
				t.Errorf("Warn: warned of %q", got.warnings(t))
			}
		})
	}
	wantNames(t, namespace)
	shared.admin.create(t, namespace, paused("y", `[{"name":"y","spec":{}}]`)).want(t, http.StatusCreated)
	patched := shared.admin.send(t, http.MethodPatch, in(namespace, "y")+"?fieldValidation=Ignore", jsonPatchType,
		`[{"op":"add","path":"/spec/zones/vmclusters/0/spec/x","value":{"y":1,"y":2}}]`)
	if message := patched.problem(t).Message; patched.code < 400 || patched.code > 499 || !strings.Contains(message, `duplicate field "x.y"`) || !strings.Contains(message, "spec.zones.vmclusters.spec") {
		t.Errorf("a JSON patch is answered %d: %s", patched.code, message)
	}
}

// TestClaimedClusterIsRefused: one VMCluster belongs to one object, however each
// of them names it.
func TestClaimedClusterIsRefused(t *testing.T) {
	t.Parallel()
	namespace, other := newNamespace(t), newNamespace(t)
	shared.admin.create(t, namespace, paused("first", canonical)).want(t, http.StatusCreated)
	shared.admin.create(t, namespace, paused("second", `[{"name":"zone-c","spec":{}}]`)).want(t, http.StatusCreated)
	stored := encode(t, settled(t, namespace, "second").Object)

	for _, test := range []struct{ name, zones, path string }{
		{"inline by inline", `[{"name":"zone-c","spec":{}},{"name":"zone-a","spec":{}}]`, "spec.zones.vmclusters[1].name"},
		{"inline by reference", `[{"ref":{"name":"zone-a"}}]`, "spec.zones.vmclusters[0].ref.name"},
		{"reference by inline", `[{"name":"zone-b","spec":{}}]`, "spec.zones.vmclusters[0].name"},
		{"reference by reference", `[{"ref":{"name":"zone-b"}}]`, "spec.zones.vmclusters[0].ref.name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for how, got := range map[string]answer{
				"create": shared.admin.create(t, namespace, paused("third", strings.ReplaceAll(test.zones, "zone-c", "zone-d"))),
				"update": shared.admin.send(t, http.MethodPut, in(namespace, "second"), jsonType, paused("second", test.zones)),
				"patch":  shared.admin.send(t, http.MethodPatch, in(namespace, "second"), mergeType, `{"spec":{"zones":`+test.zones+`}}`),
				"apply":  shared.admin.send(t, http.MethodPatch, in(namespace, "fourth")+"?fieldManager=tester", applyType, paused("fourth", strings.ReplaceAll(test.zones, "zone-c", "zone-d"))),
			} {
				status := got.want(t, http.StatusUnprocessableEntity).problem(t)
				if !strings.Contains(status.Message, test.path) || !strings.Contains(status.Message, `"first"`) {
					t.Errorf("%s: the message names not %s or not the other object: %s", how, test.path, status.Message)
				}
				wantCause(t, how, test.path, got)
			}
		})
	}
	wantNames(t, namespace, "first", "second")
	if got := encode(t, read(t, namespace, "second").Object); got != stored {
		t.Errorf("the refused writes changed\n%s\ninto\n%s", stored, got)
	}
	// Another namespace has VMClusters of its own.
	shared.admin.create(t, other, paused("first", canonical)).want(t, http.StatusCreated)
}

// TestStatusAndSpecAreWrittenApart: through the main resource status is ignored,
// through the subresource everything else is.
func TestStatusAndSpecAreWrittenApart(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	const status = `{"updateStatus":"forged","readyZones":7}`
	forged := strings.TrimSuffix(paused("x", canonical), "}") + `,"status":` + status + `}`
	shared.admin.create(t, namespace, forged).want(t, http.StatusCreated)
	for _, write := range []answer{
		shared.admin.send(t, http.MethodPut, in(namespace, "x"), jsonType, forged),
		shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"status":`+status+`}`),
		shared.admin.send(t, http.MethodPatch, in(namespace, "x"), strategicType, `{"status":`+status+`}`),
	} {
		write.want(t, http.StatusOK)
	}
	before := typed(t, namespace, "x")
	if got := before.Status; got.UpdateStatus == "forged" || got.ReadyZones == 7 {
		t.Errorf("status was written through the main resource: %+v", got)
	}

	settled(t, namespace, "x")
	for _, write := range []answer{
		shared.admin.send(t, http.MethodPatch, in(namespace, "x", "status"), mergeType,
			`{"metadata":{"labels":{"a":"b"},"finalizers":null},"spec":{"paused":false,"zones":[{"name":"other","spec":{}}]}}`),
		shared.admin.send(t, http.MethodPut, in(namespace, "x", "status"), jsonType,
			strings.Replace(object("x", zonesOf(`{"name":"other","spec":{}}`)), `"metadata":{`, `"metadata":{"annotations":{"a":"b"},`, 1)),
	} {
		write.want(t, http.StatusOK)
	}
	after := typed(t, namespace, "x")
	if encode(t, before.Spec) != encode(t, after.Spec) || before.Generation != after.Generation {
		t.Errorf("spec was written through status: generation %d, %+v", after.Generation, after.Spec)
	}
	if len(after.Labels)+len(after.Annotations) > 0 || len(after.Finalizers) != 1 {
		t.Errorf("metadata was written through status: %+v", after.ObjectMeta)
	}
	// And status can be written there.
	shared.admin.send(t, http.MethodPatch, in(namespace, "x", "status")+"?dryRun=All", mergeType, `{"status":`+status+`}`).want(t, http.StatusOK)
	shared.admin.send(t, http.MethodPut, in(namespace, "absent", "status"), jsonType, object("absent", zonesOf(validEntry))).want(t, http.StatusNotFound)
}
