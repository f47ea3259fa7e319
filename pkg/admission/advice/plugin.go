// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package advice tells whoever writes a VMDistributedCluster, by warnings, what
// exists elsewhere and does not fit yet, and what is hardly meant. It refuses
// nothing: manifests come in any order. What a write does not change is not
// mentioned, and of other objects only names and places in them, never values: the
// caller may not be allowed to read them.
package advice

import (
	"context"
	"errors"
	"io"

	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/client-go/dynamic"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	frontdoor "github.com/vmdistributed/vmdistributed-apiserver/pkg/admission"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
)

// PluginName is the name in --disable-admission-plugins.
const PluginName = "RolloutAdvice"

// unseen is all that is said where nothing can be seen.
const unseen = "spec: nothing can be told of what this names, since the kinds of the VictoriaMetrics operator can't be seen; are its CustomResourceDefinitions installed?"

// Register makes the plugin known.
func Register(plugins *admission.Plugins) {
	plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) { return newPlugin(), nil })
}

// plugin warns; it refuses and changes nothing.
type plugin struct {
	*admission.Handler
	inventory *inventory.Inventory
	host      dynamic.Interface
}

var (
	_ admission.ValidationInterface  = &plugin{}
	_ frontdoor.WantsInventory       = &plugin{}
	_ initializer.WantsDynamicClient = &plugin{}
)

func newPlugin() *plugin {
	return &plugin{Handler: admission.NewHandler(admission.Create, admission.Update, admission.Delete)}
}

// SetInventory is called once, before the first request.
func (p *plugin) SetInventory(known *inventory.Inventory) { p.inventory = known }

// SetDynamicClient is called once, before the first request.
func (p *plugin) SetDynamicClient(client dynamic.Interface) { p.host = client }

// ValidateInitialization tells whether nothing is missing.
func (p *plugin) ValidateInitialization() error {
	if p.inventory == nil || p.host == nil {
		return errors.New(PluginName + " needs an inventory and a client for the host cluster")
	}
	return nil
}

// Validate never refuses.
func (p *plugin) Validate(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	object, old := frontdoor.Objects(a)
	if a.GetSubresource() != "" {
		return nil
	}
	var texts []string
	var err error
	switch {
	case a.GetOperation() == admission.Delete:
		texts, err = p.ofDelete(ctx, old)
	case object != nil && object.DeletionTimestamp == nil:
		texts, err = p.ofWrite(ctx, object, old)
	}
	if err != nil {
		klog.FromContext(ctx).Error(err, "Looking for what to warn of", "namespace", a.GetNamespace(), "name", a.GetName())
	}
	for _, text := range few(texts) {
		warning.AddWarning(ctx, "", text)
	}
	return nil
}

func (p *plugin) ofDelete(ctx context.Context, object *vmdistributed.VMDistributedCluster) ([]string, error) {
	if object == nil || object.DeletionTimestamp != nil || !p.inventory.HasSynced() {
		return nil, nil
	}
	namespace, err := p.inventory.Namespace(ctx, object.Namespace)
	if err != nil || namespace == nil || namespace.DeletionTimestamp != nil {
		return nil, err // in a namespace that goes, the rollout deletes nothing
	}
	around, err := p.around(ctx, object.Namespace)
	return onDeletion(object, around), err
}

func (p *plugin) ofWrite(ctx context.Context, object, old *vmdistributed.VMDistributedCluster) ([]string, error) {
	if same(object, old) {
		return nil, nil
	}
	seen := p.inventory.HasSynced()
	var around surroundings
	if seen {
		var err error
		if around, err = p.around(ctx, object.Namespace); err != nil {
			return nil, err
		}
		if err := p.lookAgain(ctx, object, old, &around); err != nil {
			klog.FromContext(ctx).Error(err, "Looking again for what a request names", "namespace", object.Namespace, "name", object.Name)
		}
	}
	s, err := newScene(object, old, around)
	if err != nil {
		return nil, err
	}
	if !seen {
		return append(onItself(s), unseen), nil
	}
	return onEverything(s), nil
}
