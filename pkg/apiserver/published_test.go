// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
