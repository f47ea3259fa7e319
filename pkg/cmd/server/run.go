// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apiserver/pkg/admission"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	basecompatibility "k8s.io/component-base/compatibility"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/tracing"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/aborts"
	frontdoor "github.com/vmdistributed/vmdistributed-apiserver/pkg/admission"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/apiserver"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/certs"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/clusterschema"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/controller"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/halt"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/history"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/telemetry"
)

// run serves until ctx ends, and takes everything down that it has started.
func (o *options) run(ctx context.Context) (err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	if o.embedded {
		member, startErr := o.startEtcd(ctx, stop)
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, member.Close()) }()
	} else if err := o.awaitEtcd(ctx); err != nil {
		return err
	}

	parts, err := o.assemble(ctx, stop)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.guard.Close()) }()
	if err := register(parts.metrics); err != nil {
		return err
	}
	if err := registerTelemetry(parts.telemetry); err != nil {
		return err
	}
	if o.embedded {
		released, claimErr := o.claimStore(ctx, parts.config, stop)
		if claimErr != nil {
			return claimErr
		}
		defer func() { stop(nil); <-released }()
	}
	if err := parts.awaitCertificate(ctx); err != nil {
		return err
	}
	server, err := parts.config.Complete().New()
	if err != nil {
		return err
	}
	if err := server.PrepareRun().RunWithContext(ctx); err != nil {
		return err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// parts are what a server is made of, and what has to be begun or ended beside it.
type parts struct {
	config *apiserver.Config
	// guard has nothing answered out of a store that is not the one which the cluster knows.
	guard *identity.Guard
	// keeper makes the certificate; nil where the user brings one.
	keeper *certs.Keeper
	// telemetry tells of rollouts.
	telemetry *telemetry.Telemetry
	// metrics are those of the store.
	metrics []metrics.Registerable
}

// assemble turns the options into the parts of a server, which calls stop where it can't
// go on.
func (o *options) assemble(ctx context.Context, stop context.CancelCauseFunc) (*parts, error) {
	config := apiserver.NewConfig(
		o.components.EffectiveVersionFor(component),
		o.components.FeatureGateFor(basecompatibility.DefaultKubeComponent))

	generic := config.GenericConfig
	effectiveVersion := generic.EffectiveVersion
	if err := o.Run.ApplyTo(&generic.Config); err != nil {
		return nil, fmt.Errorf("applying the generic options: %w", err)
	}
	// The run options know the Kubernetes libraries' version only.
	generic.EffectiveVersion = effectiveVersion
	var known *knowledge
	o.Recommended.ExtraAdmissionInitializers = func(c *genericapiserver.RecommendedConfig) (_ []admission.PluginInitializer, err error) {
		if known, err = newKnowledge(ctx, c.ClientConfig, o.Namespace); err != nil {
			return nil, err
		}
		return []admission.PluginInitializer{frontdoor.Initializer{Inventory: known.inventory, Schemas: known.schemas}}, nil
	}
	records, err := o.applyRecommended(generic)
	if err != nil {
		return nil, err
	}
	o.Metrics.Apply()

	election, err := o.newElection(generic.ClientConfig)
	if err != nil {
		return nil, err
	}
	told := telemetry.New(clock.RealClock{})
	known.schemas.OnChange(func(*clusterschema.Schema) { told.SchemaReplaced(known.schemas.Installed()) })
	rollouts, err := controller.New(o.traced(generic, generic.LoopbackClientConfig), o.traced(generic, generic.ClientConfig), known.inventory, known.halt, election.mandate, told)
	if err != nil {
		return nil, err
	}
	rollouts.TraceBy(generic.TracerProvider)
	guard, teller, err := o.newGuard(generic.ClientConfig, records, stop)
	if err != nil {
		return nil, err
	}
	work := func(ctx context.Context) error { return election.run(ctx, rollouts.Run) }
	config.ExtraConfig = apiserver.ExtraConfig{
		Zones:   rollouts,
		Planner: rollouts,
		Aborts:  known.aborts,
		History: known.history,
		Workers: []apiserver.Worker{
			{Name: identity.CheckName, Run: guard.Run},
			{Name: "store-events", Run: teller.Run},
			{Name: "inventory", Run: known.inventory.Run},
			{Name: "halt", Run: known.halt.Run},
			{Name: "cluster-schema", Run: known.schemas.Run},
			{Name: "rollout-controller", Run: func(ctx context.Context) error { return guard.While(ctx, work) }},
		},
		Live:    election.live,
		Store:   guard,
		Schemas: &installed{follower: known.schemas},
		Ready:   []healthz.HealthChecker{guard, apiserver.Synced("cluster-schema", known.schemas.HasSynced)},
	}
	measured := guard.Metrics()
	if records != nil {
		measured = append(measured, records.Metrics()...)
		config.ExtraConfig.Ready = append(config.ExtraConfig.Ready, records.Served())
	}
	keeper, err := o.keepCertificates(config, generic.ClientConfig)
	return &parts{config, guard, keeper, told, measured}, err
}

// traced has the requests of a client make spans, where there is a configuration of
// traces. The generic options do so for the loopback client only if that is made before
// they apply, which it is not.
func (o *options) traced(generic *genericapiserver.RecommendedConfig, client *rest.Config) *rest.Config {
	if o.Recommended.Traces.ConfigFile == "" {
		return client
	}
	client = rest.CopyConfig(client)
	client.Wrap(tracing.WrapperFor(generic.TracerProvider))
	return client
}

// installed is the schema that the published OpenAPI shows: the last that the
// Follower has told of.
type installed struct {
	follower *clusterschema.Follower
	last     atomic.Pointer[structuralschema.Structural]
}

// Current is nil before it is known what is installed.
func (i *installed) Current() *structuralschema.Structural { return i.last.Load() }

// OnChange has react called when it is another one.
func (i *installed) OnChange(react func()) {
	i.follower.OnChange(func(schema *clusterschema.Schema) {
		i.last.Store(schema.Spec())
		react()
	})
}

// knowledge is what both the checks of requests and the controller go by.
type knowledge struct {
	inventory *inventory.Inventory
	schemas   *clusterschema.Follower
	halt      *halt.Switch
	aborts    *aborts.Memory
	history   *history.History
}

// newKnowledge knows nothing yet of the host cluster, in which namespace is the
// server's own.
func newKnowledge(ctx context.Context, host *rest.Config, namespace string) (*knowledge, error) {
	objects, err := dynamic.NewForConfig(host)
	if err != nil {
		return nil, fmt.Errorf("making a client for the operator's kinds: %w", err)
	}
	client, err := kubernetes.NewForConfig(host)
	if err != nil {
		return nil, fmt.Errorf("making a client for the host cluster: %w", err)
	}
	definitions, err := apiextensions.NewForConfig(host)
	if err != nil {
		return nil, fmt.Errorf("making a client for CustomResourceDefinitions: %w", err)
	}
	// It is asked once for each object that is created and before each step of a rollout, of
	// which there may be many at once: the default of five requests a second would hold up all.
	unthrottled := rest.CopyConfig(host)
	unthrottled.QPS, unthrottled.RateLimiter = -1, nil
	asking, err := kubernetes.NewForConfig(unthrottled)
	if err != nil {
		return nil, fmt.Errorf("making a client for what was called off and for the halt: %w", err)
	}
	k := &knowledge{halt: halt.New(asking, namespace), aborts: aborts.New(asking.CoreV1(), namespace), history: history.New(asking.AppsV1())}
	if k.inventory, err = inventory.New(objects, client); err != nil {
		return nil, err
	}
	k.schemas, err = clusterschema.NewFollower(ctx, definitions)
	return k, err
}
