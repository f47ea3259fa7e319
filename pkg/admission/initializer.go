// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"k8s.io/apiserver/pkg/admission"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/clusterschema"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
)

// WantsInventory is a plugin that needs to know what the host cluster holds.
type WantsInventory interface {
	admission.InitializationValidator
	SetInventory(*inventory.Inventory)
}

// WantsSchemas is a plugin that needs to know what a VMCluster may be.
type WantsSchemas interface {
	admission.InitializationValidator
	SetSchemas(*clusterschema.Follower)
}

// Initializer gives plugins what they want.
type Initializer struct {
	Inventory *inventory.Inventory
	Schemas   *clusterschema.Follower
}

var _ admission.PluginInitializer = Initializer{}

// Initialize looks at what the plugin wants.
func (i Initializer) Initialize(plugin admission.Interface) {
	if wants, ok := plugin.(WantsInventory); ok {
		wants.SetInventory(i.Inventory)
	}
	if wants, ok := plugin.(WantsSchemas); ok {
		wants.SetSchemas(i.Schemas)
	}
}
