// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/klog/v2"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/handler"
	"k8s.io/kube-openapi/pkg/handler3"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/graft"
)

// maxOpenAPIBytes bounds each OpenAPI document. With the VMCluster of operator
// v0.74.1 they have 0.6 MB, of which the schema is three quarters.
const maxOpenAPIBytes = 2 << 20

// SchemaSource knows the schema of a VMCluster's spec that is installed.
type SchemaSource interface {
	// Current returns it, or nil where there is none. Nobody changes it any more.
	Current() *structuralschema.Structural
	// OnChange has react called after each change, from any goroutine.
	OnChange(react func())
}

// openAPI publishes the documents that the generic server has made, with the
// schema of a VMCluster's spec in them. It has no goroutine of its own: it works
// on those of who tells it of a change.
type openAPI struct {
	source   SchemaSource
	maxBytes int

	mutex     sync.Mutex
	logger    klog.Logger
	v3        map[string]*spec3.OpenAPI // as made, by the path of the group and version
	v2        *spec.Swagger             // as made
	toV3      *handler3.OpenAPIService
	toV2      *handler.OpenAPIService      // nil until there is something to publish to
	published *structuralschema.Structural // nil while the documents are as made
}

// addOpenAPI makes the server publish what the source has, as soon as it serves.
// config is that of the server.
func addOpenAPI(server *genericapiserver.GenericAPIServer, config *common.OpenAPIV3Config, source SchemaSource) error {
	o := newOpenAPI(source)
	config.PostProcessSpec = o.keep
	err := server.AddPostStartHook("schema-of-vmclusters", func(hook genericapiserver.PostStartHookContext) error {
		// Hooks run after the server was prepared, which is when these are made.
		o.open(klog.LoggerWithName(klog.FromContext(hook), "openapi"),
			server.StaticOpenAPISpec, server.OpenAPIVersionedService, server.OpenAPIV3VersionedService)
		return nil
	})
	if err != nil {
		return fmt.Errorf("adding the hook that publishes the schema of VMClusters: %w", err)
	}
	return nil
}

func newOpenAPI(source SchemaSource) *openAPI {
	o := &openAPI{source: source, maxBytes: maxOpenAPIBytes, v3: map[string]*spec3.OpenAPI{}}
	source.OnChange(o.refresh)
	return o
}

// keep remembers a document of the newer form if there is something to graft on.
// One is made for each path under which the server has routes.
func (o *openAPI) keep(document *spec3.OpenAPI) (*spec3.OpenAPI, error) {
	if document.Components == nil || document.Components.Schemas[rawjson.Object{}.OpenAPIModelName()] == nil {
		return document, nil
	}
	path, err := groupVersionPath(document)
	if err != nil {
		return nil, err
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.v3[path] = document
	return document, nil
}

// groupVersionPath is what a document is published under: its routes begin with it.
func groupVersionPath(document *spec3.OpenAPI) (string, error) {
	if document.Paths != nil {
		for route := range document.Paths.Paths {
			if parts := strings.Split(route, "/"); len(parts) > 3 && parts[1] == "apis" {
				return strings.Join(parts[1:4], "/"), nil
			}
		}
	}
	return "", errors.New("finding what to publish an OpenAPI document under: no route in it is of a group and version")
}

// open begins to publish.
func (o *openAPI) open(logger klog.Logger, v2 *spec.Swagger, toV2 *handler.OpenAPIService, toV3 *handler3.OpenAPIService) {
	o.mutex.Lock()
	o.logger, o.v2, o.toV2, o.toV3 = logger, v2, toV2, toV3
	o.mutex.Unlock()
	o.refresh()
}

// refresh publishes what the source has now, if that is something else. It asks
// rather than being told, so that of two changes at once the later one stays.
func (o *openAPI) refresh() {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.toV2 == nil {
		return
	}
	current := o.source.Current()
	if reflect.DeepEqual(current, o.published) {
		return
	}
	o.published = current
	v2 := grafted(o, "openapi/v2", graft.V2, o.v2, current)
	if err := o.toV2.UpdateSpec(v2); err != nil {
		o.logger.Error(err, "Can't publish an OpenAPI document", "document", "openapi/v2")
	}
	for path, base := range o.v3 {
		o.toV3.UpdateGroupVersion(path, grafted(o, "openapi/v3/"+path, graft.V3, base, current))
	}
}

// grafter is graft.V2 or graft.V3.
type grafter[D any] func(base D, schema *structuralschema.Structural, maxBytes int) (D, graft.Detail, error)

// grafted returns base with a schema in it, and says what became of it.
func grafted[D any](o *openAPI, name string, with grafter[D], base D, schema *structuralschema.Structural) D {
	if schema == nil {
		o.logger.Info("Publishing an OpenAPI document without the schema of VMClusters: none is installed", "document", name)
		return base
	}
	document, detail, err := with(base, schema, o.maxBytes)
	if err != nil {
		o.logger.Error(err, "Publishing an OpenAPI document without the schema of VMClusters", "document", name)
		return document
	}
	o.logger.Info("Publishing an OpenAPI document with the schema of VMClusters", "document", name, "detail", detail.String())
	return document
}
