// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package apiserver puts the API server together: which groups it serves, out
// of which storage, behind which filters, with which checks of health.
package apiserver

import (
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"
	basecompatibility "k8s.io/component-base/compatibility"
	"k8s.io/component-base/featuregate"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/install"
	generatedopenapi "github.com/vmdistributed/vmdistributed-apiserver/generated/openapi"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/registry/vmdistributedcluster"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/version"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/zoneshape"
)

// ExtraConfig is what this server needs beyond a generic one.
type ExtraConfig struct {
	// Zones answers the subresource zones.
	Zones vmdistributedcluster.ZoneReporter
	// Planner answers the subresource plan.
	Planner vmdistributedcluster.Planner
	// Aborts remembers beside the store which changes were called off.
	Aborts vmdistributedcluster.AbortMemory
	// History tells which revisions are on record.
	History vmdistributedcluster.History
	// Workers run while the server does. They end in the reverse order.
	Workers []Worker
	// Ready are checks of readiness beside the generic ones.
	Ready []healthz.HealthChecker
	// Live are checks of liveness beside the generic ones: where one fails, the process
	// has to be restarted.
	Live []healthz.HealthChecker
	// Store says whether requests may reach the storage. Without it, they do.
	Store StoreGuard
	// Schemas is where the published OpenAPI takes the schema of a VMCluster's spec
	// from. Without it, a spec is published as an object of which nothing is known.
	Schemas SchemaSource
}

// Config is a server that is still being configured.
type Config struct {
	Scheme        *runtime.Scheme
	Codecs        serializer.CodecFactory
	GenericConfig *genericapiserver.RecommendedConfig
	ExtraConfig   ExtraConfig
}

// completedConfig can't be written down outside of this package, so whoever has
// one has been through Complete.
type completedConfig struct {
	scheme  *runtime.Scheme
	codecs  serializer.CodecFactory
	generic genericapiserver.CompletedConfig
	extra   *ExtraConfig
	ready   []healthz.HealthChecker
}

// CompletedConfig is a configuration from which a server can be made.
type CompletedConfig struct {
	*completedConfig
}

// NewConfig returns a configuration with all that does not depend on flags.
func NewConfig(effectiveVersion basecompatibility.EffectiveVersion, features featuregate.FeatureGate) *Config {
	scheme := NewScheme()
	codecs := serializer.NewCodecFactory(scheme)
	generic := genericapiserver.NewRecommendedConfig(codecs)

	namer := openapi.NewDefinitionNamer(scheme)
	generic.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(generatedopenapi.GetOpenAPIDefinitions, namer)
	generic.OpenAPIConfig.Info.Title, generic.OpenAPIConfig.Info.Version = "vmdistributed-apiserver", version.Current
	generic.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(generatedopenapi.GetOpenAPIDefinitions, namer)
	generic.OpenAPIV3Config.Info.Title, generic.OpenAPIV3Config.Info.Version = "vmdistributed-apiserver", version.Current

	generic.EquivalentResourceRegistry = runtime.NewEquivalentResourceRegistryWithIdentity(oneKind)
	generic.EffectiveVersion = effectiveVersion
	generic.FeatureGate = features

	return &Config{Scheme: scheme, Codecs: codecs, GenericConfig: generic}
}

// Complete fills in what follows from the rest.
func (c *Config) Complete() CompletedConfig {
	addFilters(c.GenericConfig, c.ExtraConfig.Store)
	if chain := c.GenericConfig.AdmissionControl; chain != nil {
		c.GenericConfig.AdmissionControl = acrossGroups{chain}
	}
	return CompletedConfig{&completedConfig{
		scheme:  c.Scheme,
		codecs:  c.Codecs,
		generic: c.GenericConfig.Complete(),
		extra:   &c.ExtraConfig,
		ready:   append([]healthz.HealthChecker{requestHeaderCA(c.GenericConfig.Authentication.RequestHeaderConfig)}, c.ExtraConfig.Ready...),
	}}
}

// addFilters puts ours innermost, where the caller is known and allowed in. Where
// the accepted shapes of spec.zones are brought into one there, audit and admission
// of this server see what will be stored.
func addFilters(config *genericapiserver.RecommendedConfig, store StoreGuard) {
	chain := config.BuildHandlerChainFunc
	config.BuildHandlerChainFunc = func(handler http.Handler, generic *genericapiserver.Config) http.Handler {
		return chain(withGuardedStore(withCurrentOpenAPI(zoneshape.WithCanonicalZones(handler, filterOptions(generic))), store, generic.Serializer), generic)
	}
}

// New makes the server.
func (c CompletedConfig) New() (*genericapiserver.GenericAPIServer, error) {
	server, err := c.generic.New("vmdistributed-apiserver", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, fmt.Errorf("making the API server: %w", err)
	}
	if err := c.install(server); err != nil {
		return nil, err
	}
	if err := server.AddReadyzChecks(c.ready...); err != nil {
		return nil, fmt.Errorf("adding checks of readiness: %w", err)
	}
	if err := server.AddLivezChecks(0, c.extra.Live...); err != nil {
		return nil, fmt.Errorf("adding checks of liveness: %w", err)
	}
	if c.extra.Schemas != nil {
		if err := addOpenAPI(server, c.generic.OpenAPIV3Config, c.extra.Schemas); err != nil {
			return nil, err
		}
	}
	return server, addWorkers(server, c.extra.Workers)
}

// install serves the kind in each of its groups, out of one storage.
func (c CompletedConfig) install(server *genericapiserver.GenericAPIServer) error {
	versions := install.GroupVersions()
	stored := versions[0].WithResource(vmdistributed.Resource).GroupResource()
	storage, err := vmdistributedcluster.NewStorage(c.scheme, stored, c.generic.RESTOptionsGetter, vmdistributedcluster.Beside{
		Zones: c.extra.Zones, Planner: c.extra.Planner, Aborts: c.extra.Aborts, History: c.extra.History, Rights: c.generic.Authorization.Authorizer, Verifier: c.extra.Store, Clock: clock.RealClock{},
	})
	if err != nil {
		return fmt.Errorf("making the storage of %s: %w", stored, err)
	}
	var groups []*genericapiserver.APIGroupInfo
	for _, version := range versions {
		group := genericapiserver.NewDefaultAPIGroupInfo(version.Group, c.scheme, runtime.NewParameterCodec(c.scheme), c.codecs)
		group.NegotiatedSerializer = textOnly{group.NegotiatedSerializer}
		group.VersionedResourcesStorageMap[version.Version] = storage.Resources(version.Group)
		groups = append(groups, &group)
	}
	if err := server.InstallAPIGroups(groups...); err != nil {
		return fmt.Errorf("installing the groups and versions %v: %w", versions, err)
	}
	return nil
}

// servedGroups are all in which the kind is served.
func servedGroups() sets.Set[string] {
	groups := sets.New[string]()
	for _, version := range install.GroupVersions() {
		groups.Insert(version.Group)
	}
	return groups
}

func filterOptions(generic *genericapiserver.Config) zoneshape.Options {
	return zoneshape.Options{
		Groups:       servedGroups(),
		MaxBodyBytes: generic.MaxRequestBodyBytes,
		Serializer:   generic.Serializer,
		CheckApplied: checkApplied,
	}
}
