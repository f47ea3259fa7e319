// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/server/mux"
	"k8s.io/kube-openapi/pkg/handler3"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// TestDocumentIsAnsweredByWhateverHashItIsAskedFor: kube-apiserver passes a redirect
// on to nobody.
func TestDocumentIsAnsweredByWhateverHashItIsAskedFor(t *testing.T) {
	service, routes := handler3.NewOpenAPIService(), mux.NewPathRecorderMux("test")
	must(t, service.RegisterOpenAPIV3VersionedService("/openapi/v3", routes))
	service.UpdateGroupVersion("apis/a/v1", &spec3.OpenAPI{Version: "3.0.0", Info: &spec.Info{InfoProps: spec.InfoProps{Title: "present"}}})
	handler := withCurrentOpenAPI(routes)
	get := func(path string) *httptest.ResponseRecorder {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return recorder
	}
	_, hash, found := strings.Cut(get("/openapi/v3").Body.String(), "hash=")
	if !found {
		t.Fatal("the list of documents has no hash")
	}
	hash, _, _ = strings.Cut(hash, `"`)
	for query, immutable := range map[string]bool{"": false, "?hash=" + hash: true, "?hash=ABC": false, "?hash=ABC&a=b": false} {
		got := get("/openapi/v3/apis/a/v1" + query)
		if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "present") || got.Header().Get("Location") != "" {
			t.Errorf("%q is answered with %d, %v, %s", query, got.Code, got.Header(), got.Body)
		}
		if strings.Contains(got.Header().Get("Cache-Control"), "immutable") != immutable {
			t.Errorf("%q may be kept: %q", query, got.Header().Get("Cache-Control"))
		}
	}
	if got := get("/elsewhere?hash=ABC"); got.Code != http.StatusNotFound {
		t.Errorf("what is no document is answered with %d", got.Code)
	}
}

func TestStrategicMergePatchIsNotOffered(t *testing.T) {
	const merge, strategic = string(types.MergePatchType), string(types.StrategicMergePatchType)
	v3 := &spec3.OpenAPI{Paths: &spec3.Paths{Paths: map[string]*spec3.Path{"/a": {PathProps: spec3.PathProps{
		Get: &spec3.Operation{},
		Patch: &spec3.Operation{OperationProps: spec3.OperationProps{RequestBody: &spec3.RequestBody{RequestBodyProps: spec3.RequestBodyProps{
			Content: map[string]*spec3.MediaType{merge: {}, strategic: {}},
		}}}},
	}}}}}
	withoutStrategicMergePatch(v3)
	if content := v3.Paths.Paths["/a"].Patch.RequestBody.Content; len(content) != 1 || content[merge] == nil {
		t.Errorf("offered are %v", content)
	}
	withoutStrategicMergePatch(&spec3.OpenAPI{})

	taken := []string{strategic, merge}
	v2, err := withoutStrategicMergePatchV2(&spec.Swagger{SwaggerProps: spec.SwaggerProps{Paths: &spec.Paths{Paths: map[string]spec.PathItem{"/a": {PathItemProps: spec.PathItemProps{
		Get:   &spec.Operation{},
		Patch: &spec.Operation{OperationProps: spec.OperationProps{Consumes: taken}},
	}}}}}})
	must(t, err)
	if consumes := v2.Paths.Paths["/a"].Patch.Consumes; len(consumes) != 1 || consumes[0] != merge {
		t.Errorf("offered are %v", consumes)
	}
	if taken[0] != strategic || taken[1] != merge {
		t.Errorf("the server takes %q from now on", taken)
	}
	_, err = withoutStrategicMergePatchV2(&spec.Swagger{})
	must(t, err)
}
