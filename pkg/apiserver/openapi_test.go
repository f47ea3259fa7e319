// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiserver/pkg/server/mux"
	basecompatibility "k8s.io/component-base/compatibility"
	"k8s.io/klog/v2/ktesting"
	"k8s.io/kube-openapi/pkg/builder"
	"k8s.io/kube-openapi/pkg/builder3"
	"k8s.io/kube-openapi/pkg/handler"
	"k8s.io/kube-openapi/pkg/handler3"
	"k8s.io/kube-openapi/pkg/spec3"

	distributedv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/install"
)

// installed is a source whose schema is what a test says.
type installed struct {
	mutex   sync.Mutex
	current *structuralschema.Structural
	react   []func()
}

func (i *installed) Current() *structuralschema.Structural {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.current
}

func (i *installed) OnChange(react func()) { i.react = append(i.react, react) }

func (i *installed) install(schema *structuralschema.Structural) {
	i.mutex.Lock()
	i.current = schema
	i.mutex.Unlock()
	for _, react := range i.react {
		react()
	}
}

// withField is a schema that has a field of this name.
func withField(name string) *structuralschema.Structural {
	return &structuralschema.Structural{
		Generic: structuralschema.Generic{Type: "object"},
		Properties: map[string]structuralschema.Structural{
			name: {Generic: structuralschema.Generic{Type: "string", Description: "what it is for"}},
		},
	}
}

// publication is what clients of a server see, without the server.
type publication struct {
	openAPI *openAPI
	source  *installed
	mux     *mux.PathRecorderMux
	log     ktesting.Buffer
	open    func()
}

func newPublication(t *testing.T) *publication {
	t.Helper()
	p := &publication{source: &installed{}, mux: mux.NewPathRecorderMux("test")}
	p.openAPI = newOpenAPI(p.source)
	config := newTestConfig(t).GenericConfig
	kinds := []string{v1alpha1.VMDistributedCluster{}.OpenAPIModelName(), distributedv1alpha1.VMDistributedCluster{}.OpenAPIModelName()}

	v2, err := builder.BuildOpenAPIDefinitionsForResources(config.OpenAPIConfig, kinds...)
	must(t, err)
	toV2 := handler.NewOpenAPIService(v2)
	toV2.RegisterOpenAPIVersionedService("/openapi/v2", p.mux)

	toV3 := handler3.NewOpenAPIService()
	must(t, toV3.RegisterOpenAPIV3VersionedService("/openapi/v3", p.mux))
	documents := map[string]*spec3.OpenAPI{
		// A group without a version, as there is one for discovery.
		"apis/" + v1alpha1.GroupName: {Paths: routes("/apis/" + v1alpha1.GroupName + "/")},
	}
	for i, version := range install.GroupVersions() {
		schemas, err := builder3.BuildOpenAPIDefinitionsForResources(config.OpenAPIV3Config, kinds[i])
		must(t, err)
		documents["apis/"+version.String()] = &spec3.OpenAPI{
			Paths: routes("/apis/" + version.String() + "/namespaces/{namespace}/x"), Components: &spec3.Components{Schemas: schemas},
		}
	}
	for path, document := range documents {
		document.Version, document.Info = "3.0.0", config.OpenAPIV3Config.Info
		kept, err := p.openAPI.keep(document)
		must(t, err)
		toV3.UpdateGroupVersion(path, kept)
	}

	logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	p.log = logger.GetSink().(ktesting.Underlier).GetBuffer()
	p.open = func() { p.openAPI.open(logger, v2, toV2, toV3) }
	return p
}

func routes(route string) *spec3.Paths {
	return &spec3.Paths{Paths: map[string]*spec3.Path{route: {}}}
}

func newTestConfig(t *testing.T) *Config {
	t.Helper()
	registry := basecompatibility.NewComponentGlobalsRegistry()
	return NewConfig(registry.EffectiveVersionFor(basecompatibility.DefaultKubeComponent), registry.FeatureGateFor(basecompatibility.DefaultKubeComponent))
}

// documents are all that may have the schema.
func documents() []string {
	return []string{
		"/openapi/v2",
		"/openapi/v3/apis/" + v1alpha1.SchemeGroupVersion.String(),
		"/openapi/v3/apis/" + distributedv1alpha1.SchemeGroupVersion.String(),
	}
}

func (p *publication) get(t *testing.T, path string) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	p.mux.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	if recorder.Code != http.StatusOK || !json.Valid(recorder.Body.Bytes()) {
		t.Fatalf("%s answers %d: %.200s", path, recorder.Code, recorder.Body)
	}
	return recorder.Body.String()
}

// wantField looks for a field in every document, below spec and overrideSpec.
func (p *publication) wantField(t *testing.T, name string, want bool) {
	t.Helper()
	for _, path := range documents() {
		if got := strings.Count(p.get(t, path), fmt.Sprintf("%q:{", name)); got != map[bool]int{true: 2}[want] {
			t.Errorf("%s has the field %s %d times; want it: %v", path, name, got, want)
		}
	}
}

// TestTheInstalledSchemaIsPublished, and what comes in its place.
func TestTheInstalledSchemaIsPublished(t *testing.T) {
	t.Parallel()
	p := newPublication(t)
	bare := map[string]string{}
	for _, path := range documents() {
		bare[path] = p.get(t, path)
	}
	p.source.install(withField("first")) // before the server serves
	p.open()
	p.wantField(t, "first", true)

	p.source.install(withField("second"))
	p.wantField(t, "first", false)
	p.wantField(t, "second", true)

	p.source.install(nil)
	for path, want := range bare {
		if got := p.get(t, path); got != want {
			t.Errorf("without a schema, %s is not as it was made: %.300s", path, got)
		}
	}
	p.source.install(withField("third"))
	p.wantField(t, "third", true)
}

// TestNothingIsPublishedAnewWithoutAChange: kubectl and the aggregator would fetch
// it again.
func TestNothingIsPublishedAnewWithoutAChange(t *testing.T) {
	t.Parallel()
	p := newPublication(t)
	p.open()
	p.source.install(nil)
	if log := p.log.String(); log != "" {
		t.Errorf("without a schema it says\n%s", log)
	}
	p.source.install(withField("same"))
	before := p.log.String()
	if strings.Count(before, "all fields, described") != len(documents()) {
		t.Errorf("it says\n%s", before)
	}
	p.source.install(withField("same"))
	if after := p.log.String(); after != before {
		t.Errorf("without a change it says\n%s", strings.TrimPrefix(after, before))
	}
}

// TestASchemaThatCantBePublishedIsReported, and the documents are as they were made.
func TestASchemaThatCantBePublishedIsReported(t *testing.T) {
	t.Parallel()
	p := newPublication(t)
	p.open()
	p.openAPI.maxBytes = 200_000 // a document as it was made has much less
	huge := withField("huge")
	huge.Properties["huge"] = structuralschema.Structural{
		Generic:         structuralschema.Generic{Type: "string"},
		ValueValidation: &structuralschema.ValueValidation{Pattern: strings.Repeat("x", p.openAPI.maxBytes)},
	}
	p.source.install(withField("small"))
	p.source.install(huge)
	p.wantField(t, "small", false)
	p.wantField(t, "huge", false)
	if log := p.log.String(); strings.Count(log, "without the schema of VMClusters") != len(documents()) {
		t.Errorf("it says\n%s", log)
	}
}

// TestTheLastOfManyChangesIsPublished, whoever is first to tell of it, while clients
// read.
func TestTheLastOfManyChangesIsPublished(t *testing.T) {
	t.Parallel()
	p := newPublication(t)
	var group sync.WaitGroup
	group.Go(p.open)
	for i := range 5 {
		group.Go(func() { p.source.install(withField(fmt.Sprintf("field%d", i))) })
		group.Go(func() { p.get(t, documents()[i%len(documents())]) })
	}
	group.Wait()
	for name := range p.source.Current().Properties {
		p.wantField(t, name, true)
	}
}

// TestServerSideApplyKnowsNothingOfTheSchema: it makes its types of definitions that
// are never passed on for publishing.
func TestServerSideApplyKnowsNothingOfTheSchema(t *testing.T) {
	t.Parallel()
	config := newTestConfig(t).GenericConfig.OpenAPIV3Config
	o := newOpenAPI(&installed{current: withField("x")})
	config.PostProcessSpec = o.keep
	schemas, err := builder3.BuildOpenAPIDefinitionsForResources(config, v1alpha1.VMDistributedCluster{}.OpenAPIModelName())
	must(t, err)
	object := schemas[rawjson.Object{}.OpenAPIModelName()]
	if object == nil || len(object.Properties) != 0 || len(o.v3) != 0 {
		t.Errorf("a spec is %v", object)
	}
	for name, want := range map[string]bool{"spec": true, "overrideSpec": true, "ref": false} {
		property, err := json.Marshal(schemas[v1alpha1.Zone{}.OpenAPIModelName()].Properties[name])
		must(t, err)
		if got := strings.Contains(string(property), rawjson.Object{}.OpenAPIModelName()); got != want {
			t.Errorf("%s is %s", name, property)
		}
	}
}

func TestADocumentWithoutAGroupCantBeKept(t *testing.T) {
	t.Parallel()
	o := newOpenAPI(&installed{})
	document := &spec3.OpenAPI{Paths: routes("/version/"), Components: &spec3.Components{}}
	if _, err := o.keep(document); err != nil {
		t.Errorf("with no place for a schema: %v", err)
	}
	config := newTestConfig(t).GenericConfig.OpenAPIV3Config
	schemas, err := builder3.BuildOpenAPIDefinitionsForResources(config, v1alpha1.VMDistributedCluster{}.OpenAPIModelName())
	must(t, err)
	document.Components.Schemas = schemas
	if _, err := o.keep(document); err == nil {
		t.Error("nobody could tell where to publish it")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
