// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// kindSchemas are what the kind is called in the published documents, in each group.
var kindSchemas = map[string]string{
	groupVersion:      "com.github.vmdistributed.vmdistributed-apiserver.apis.operator.v1alpha1.VMDistributedCluster",
	otherGroupVersion: "com.github.vmdistributed.vmdistributed-apiserver.apis.distributed.v1alpha1.VMDistributedCluster",
}

// TestDiscoveryListsTheKind with its short name, category, verbs and
// subresources.
func TestDiscoveryListsTheKind(t *testing.T) {
	t.Parallel()
	for groupVersion := range kindSchemas {
		t.Run(groupVersion, func(t *testing.T) { wantDiscovered(t, groupVersion) })
	}
	if got := kubectl(t, "default", "api-resources", "--categories=victoriametrics", "-o", "wide").stdout; strings.Count(got, "vmdc") != len(kindSchemas) {
		t.Errorf("kubectl api-resources prints\n%s", got)
	}
}

func wantDiscovered(t *testing.T, groupVersion string) {
	t.Helper()
	list, err := shared.admin.kubernetes.Discovery().ServerResourcesForGroupVersion(groupVersion)
	must(t, err)
	found := map[string]metav1.APIResource{}
	for _, resource := range list.APIResources {
		found[resource.Name] = resource
	}
	main := found["vmdistributedclusters"]
	if main.Kind != "VMDistributedCluster" || main.SingularName != "vmdistributedcluster" || !main.Namespaced ||
		!slices.Equal(main.ShortNames, []string{"vmdc"}) || !slices.Equal(main.Categories, []string{"victoriametrics"}) {
		t.Errorf("the resource is %+v", main)
	}
	wanted := map[string]struct{ verbs, kind string }{
		"vmdistributedclusters":         {"create delete deletecollection get list patch update watch", "VMDistributedCluster"},
		"vmdistributedclusters/status":  {"get patch update", "VMDistributedCluster"},
		"vmdistributedclusters/zones":   {"get", "VMDistributedClusterZones"},
		"vmdistributedclusters/plan":    {"create get", "VMDistributedCluster"},
		"vmdistributedclusters/promote": {"create", "VMDistributedClusterPromotion"},
		"vmdistributedclusters/abort":   {"create", "VMDistributedClusterAbort"},
		"vmdistributedclusters/retry":   {"create", "VMDistributedClusterRetry"},
		"vmdistributedclusters/undo":    {"create", "VMDistributedClusterUndo"},
		"vmdistributedclusters/skip":    {"create", "VMDistributedClusterSkip"},
		"vmdistributedclusters/restart": {"create", "VMDistributedClusterRestart"},
		"vmdistributedclusters/history": {"get", "VMDistributedClusterHistory"},
	}
	for name, want := range wanted {
		got := slices.Clone(found[name].Verbs)
		sort.Strings(got)
		if strings.Join(got, " ") != want.verbs || found[name].Kind != want.kind {
			t.Errorf("%s has the verbs %v and the kind %s, want %s and %s", name, got, found[name].Kind, want.verbs, want.kind)
		}
	}
	if len(found) != len(wanted) {
		t.Errorf("there are the resources %v", list.APIResources)
	}
}

// document reads a published schema.
func document(t *testing.T, path string) map[string]any {
	t.Helper()
	got := shared.admin.sendWith(t, http.MethodGet, path, http.Header{"Accept": []string{jsonType}}, nil).want(t, http.StatusOK)
	var read map[string]any
	must(t, json.Unmarshal(got.body, &read))
	return read
}

// TestOpenAPIV3DescribesTheKind: every reference leads somewhere, and every field
// tells what it is for.
func TestOpenAPIV3DescribesTheKind(t *testing.T) {
	t.Parallel()
	for groupVersion, kindSchema := range kindSchemas {
		t.Run(groupVersion, func(t *testing.T) { wantDescribed(t, groupVersion, kindSchema) })
	}
}

func wantDescribed(t *testing.T, groupVersion, kindSchema string) {
	t.Helper()
	schema := document(t, "/openapi/v3/apis/"+groupVersion)
	wantReferences(t, schema)
	schemas := schema["components"].(map[string]any)["schemas"].(map[string]any)
	if schemas[kindSchema] == nil {
		t.Fatalf("there is no schema %s", kindSchema)
	}
	wantDescriptions(t, schemas, kindSchema, "#/components/schemas/")
	path := schema["paths"].(map[string]any)["/apis/"+groupVersion+"/namespaces/{namespace}/vmdistributedclusters/{name}"].(map[string]any)
	for _, want := range []string{mergeType, strategicType, jsonPatchType, applyType} {
		content := path["patch"].(map[string]any)["requestBody"].(map[string]any)["content"].(map[string]any)
		if content[want] == nil {
			t.Errorf("patch does not say that it takes %s", want)
		}
	}
	// kubectl leaves validation to the server where it finds these.
	if !strings.Contains(encode(t, path["patch"]), "fieldValidation") {
		t.Error("patch does not say that it validates fields")
	}
}

// TestOpenAPIV2OfTheWholeClusterIsValid, in JSON and in protobuf: one bad schema
// would take both from everybody.
func TestOpenAPIV2OfTheWholeClusterIsValid(t *testing.T) {
	t.Parallel()
	var schema map[string]any
	eventually(t, "the aggregator has merged our schema in", func() bool {
		schema = document(t, "/openapi/v2")
		definitions := schema["definitions"].(map[string]any)
		return definitions[kindSchemas[groupVersion]] != nil && definitions[kindSchemas[otherGroupVersion]] != nil
	})
	wantReferences(t, schema)
	definitions := schema["definitions"].(map[string]any)
	for version, kindSchema := range kindSchemas {
		wantDescriptions(t, definitions, kindSchema, "#/definitions/")
		kinds := encode(t, definitions[kindSchema].(map[string]any)["x-kubernetes-group-version-kind"])
		group, _, _ := strings.Cut(version, "/")
		if kinds != `[{"group":"`+group+`","kind":"VMDistributedCluster","version":"v1alpha1"}]` {
			t.Errorf("the definition is for %s", kinds)
		}
	}
	if _, err := openapi_v2.ParseDocument([]byte(encode(t, schema))); err != nil {
		t.Errorf("the JSON form: %v", err)
	}
	protobuf := shared.admin.sendWith(t, http.MethodGet, "/openapi/v2",
		http.Header{"Accept": []string{"application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}}, nil).want(t, http.StatusOK)
	if !strings.Contains(protobuf.header.Get("Content-Type"), "protobuf") || !strings.Contains(string(protobuf.body), kindSchemas[otherGroupVersion]) {
		t.Errorf("the protobuf form is %s of %d bytes, and names us not", protobuf.header.Get("Content-Type"), len(protobuf.body))
	}
	if _, err := shared.admin.kubernetes.Discovery().OpenAPISchema(); err != nil {
		t.Errorf("the protobuf form, read by client-go: %v", err)
	}
}

// wantReferences follows every $ref of a document.
func wantReferences(t *testing.T, document map[string]any) {
	t.Helper()
	count := 0
	walk(document, func(object map[string]any) {
		reference, ok := object["$ref"].(string)
		if !ok {
			return
		}
		count++
		at := any(document)
		for step := range strings.SplitSeq(strings.TrimPrefix(reference, "#/"), "/") {
			here, _ := at.(map[string]any)
			at = here[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
		}
		if at == nil {
			t.Errorf("%s leads nowhere", reference)
		}
	})
	if count == 0 {
		t.Error("there is no reference at all")
	}
}

// walk visits every object of a document.
func walk(value any, visit func(map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		visit(value)
		for _, member := range value {
			walk(member, visit)
		}
	case []any:
		for _, item := range value {
			walk(item, visit)
		}
	}
}

// wantDescriptions looks at every property of a schema, and of those of ours that
// it leads to.
func wantDescriptions(t *testing.T, schemas map[string]any, name, prefix string) {
	t.Helper()
	seen := map[string]bool{}
	var look func(name string)
	look = func(name string) {
		if seen[name] || !strings.HasPrefix(name, "com.github.vmdistributed.") {
			return
		}
		seen[name] = true
		schema := schemas[name].(map[string]any)
		if schema["description"] == nil {
			t.Errorf("%s has no description", name)
		}
		properties, _ := schema["properties"].(map[string]any)
		for property, value := range properties {
			if text, _ := value.(map[string]any)["description"].(string); text == "" {
				t.Errorf("%s.%s has no description", name, property)
			}
		}
		walk(schema, func(object map[string]any) {
			if reference, ok := object["$ref"].(string); ok {
				look(strings.TrimPrefix(reference, prefix))
			}
		})
	}
	look(name)
	if len(seen) < 8 {
		t.Errorf("only %d schemas were found: %v", len(seen), seen)
	}
}

// TestHealthChecksAreNamed: who operates the server sees what it waits for.
func TestHealthChecksAreNamed(t *testing.T) {
	t.Parallel()
	probe := *direct(t, "kubelet") // no rights at all
	alive, ready := []string{"ping", "etcd"}, []string{"etcd", "etcd-readiness"}
	if shared.server.Store == controlplane.StoreHost {
		alive, ready = []string{"ping"}, []string{"records"}
	}
	for path, checks := range map[string][]string{
		"/livez":   alive,
		"/readyz":  append(ready, "ping", "informer-sync", "requestheader-client-ca", "poststarthook/rollout-controller", "shutdown"),
		"/healthz": alive,
	} {
		if got := string(probe.get(t, path).want(t, http.StatusOK).body); got != "ok" {
			t.Errorf("%s answers %q", path, got)
		}
		admin := direct(t, "operator", "system:masters")
		verbose := string(admin.get(t, path+"?verbose").want(t, http.StatusOK).body)
		for _, check := range checks {
			if !strings.Contains(verbose, fmt.Sprintf("[+]%s ok", check)) {
				t.Errorf("%s has no check %s:\n%s", path, check, verbose)
			}
			admin.get(t, path+"/"+check).want(t, http.StatusOK)
		}
	}
}

// TestMetricsAreServedToThoseWhoMay.
func TestMetricsAreServedToThoseWhoMay(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	direct(t, "nobody").get(t, "/metrics").want(t, http.StatusForbidden)
	got := string(direct(t, "prometheus", "system:monitoring").get(t, "/metrics").want(t, http.StatusOK).body)
	for _, want := range []string{
		`apiserver_request_total{`,
		`resource="vmdistributedclusters"`,
		"apiserver_storage_objects",
		"process_resident_memory_bytes",
		"workqueue_depth",
		"kubernetes_build_info",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s", want)
		}
	}
}
