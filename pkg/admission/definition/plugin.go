// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package definition refuses zones whose VMCluster the installed VictoriaMetrics
// operator would not take: what spec defines, and what overrideSpec makes of the
// VMCluster that ref names.
package definition

import (
	"context"
	"errors"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/dynamic"

	frontdoor "github.com/vmdistributed/vmdistributed-apiserver/pkg/admission"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/clusterschema"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// PluginName is the name in --disable-admission-plugins.
const PluginName = "VMClusterDefinition"

// Register makes the plugin known.
func Register(plugins *admission.Plugins) {
	plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) { return newPlugin(), nil })
}

// plugin validates; it changes nothing.
type plugin struct {
	*admission.Handler
	inventory *inventory.Inventory
	host      dynamic.Interface
	schemas   *clusterschema.Follower
}

var (
	_ admission.ValidationInterface  = &plugin{}
	_ frontdoor.WantsInventory       = &plugin{}
	_ frontdoor.WantsSchemas         = &plugin{}
	_ initializer.WantsDynamicClient = &plugin{}
)

func newPlugin() *plugin {
	return &plugin{Handler: admission.NewHandler(admission.Create, admission.Update)}
}

// SetInventory is called once, before the first request.
func (p *plugin) SetInventory(known *inventory.Inventory) { p.inventory = known }

// SetDynamicClient is called once, before the first request.
func (p *plugin) SetDynamicClient(client dynamic.Interface) { p.host = client }

// SetSchemas is called once, before the first request.
func (p *plugin) SetSchemas(schemas *clusterschema.Follower) {
	p.schemas = schemas
	p.SetReadyFunc(schemas.HasSynced)
}

// ValidateInitialization tells whether nothing is missing.
func (p *plugin) ValidateInitialization() error {
	if p.inventory == nil || p.host == nil || p.schemas == nil {
		return errors.New(PluginName + " needs an inventory, a client for the host cluster and the schemas of VMClusters")
	}
	return nil
}

// Validate refuses with 422 what the schema does not allow, and deals with unknown
// fields as the request wants.
func (p *plugin) Validate(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	object, old := frontdoor.Objects(a)
	if object == nil || a.GetSubresource() != "" || object.DeletionTimestamp != nil {
		return nil
	}
	changed := changes(object, old)
	if len(changed) == 0 {
		return nil
	}
	if !p.WaitForReady() {
		return apierrors.NewServiceUnavailable("the server does not know yet which schema VMClusters have; try again")
	}
	schema, err := p.schemas.Current()
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	live, err := p.clusters(ctx, object.Namespace, changed)
	if err != nil {
		return err
	}
	c := check{schema: schema, live: live, namespace: object.Namespace}
	if err := c.zones(ctx, changed); err != nil {
		return apierrors.NewInternalError(err)
	}
	if err := c.heedUnknown(ctx, frontdoor.FieldValidation(a)); err != nil {
		return err
	}
	if len(c.errs) > 0 {
		return apierrors.NewInvalid(a.GetKind().GroupKind(), object.Name, c.errs)
	}
	return nil
}

// clusters knows the VMClusters of the zones that have changed. Those that an
// override is for are looked for again where the inventory does not know them. For
// an inline zone that is not needed: its definition is checked as a whole anyway.
//
// Where the second look fails, the request is to be made again: to check the patch
// alone would let pass what the rollout then fails on. That asks for no more than
// every write does: a host cluster that does not answer does not tell the caller's
// rights either.
func (p *plugin) clusters(ctx context.Context, namespace string, changed []change) (lookUp, error) {
	var unknown []string
	for i := range changed {
		if changed[i].inline {
			continue
		}
		known, err := p.inventory.Cluster(ctx, namespace, changed[i].cluster)
		if err != nil {
			return nil, apierrors.NewInternalError(err)
		}
		if known == nil {
			unknown = append(unknown, changed[i].cluster)
		}
	}
	found, err := frontdoor.LookAgain(ctx, p.host, victoriametrics.VMClusterResource, namespace, unknown)
	if err != nil {
		return nil, apierrors.NewServiceUnavailable(fmt.Sprintf("can't tell what the overrides make of their VMClusters: %v; try again", err))
	}
	recent := make(map[string]*unstructured.Unstructured, len(found))
	for _, cluster := range found {
		recent[cluster.GetName()] = cluster
	}
	return func(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error) {
		if cluster := recent[name]; cluster != nil {
			return cluster, nil
		}
		return p.inventory.Cluster(ctx, namespace, name)
	}, nil
}

// heedUnknown does what kube-apiserver does about unknown fields elsewhere.
func (c *check) heedUnknown(ctx context.Context, mode string) error {
	if len(c.unknown) == 0 || mode == metav1.FieldValidationIgnore {
		return nil
	}
	if mode == metav1.FieldValidationWarn {
		for _, err := range c.unknown {
			warning.AddWarning(ctx, "", err.Error())
		}
		return nil
	}
	return apierrors.NewBadRequest(runtime.NewStrictDecodingError(c.unknown).Error())
}

// check collects what is wrong.
type check struct {
	schema    *clusterschema.Schema
	live      lookUp
	namespace string

	findings
}

// findings are what is wrong, and which fields are not known.
type findings struct {
	errs    field.ErrorList
	unknown []error
}
