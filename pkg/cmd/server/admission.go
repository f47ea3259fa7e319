// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"slices"

	"k8s.io/apiserver/pkg/admission"
	validatingpolicy "k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	genericoptions "k8s.io/apiserver/pkg/server/options"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/admission/advice"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/admission/definition"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/admission/rights"
)

// useOurPlugins adds the checks that are ours to the generic ones. They come after
// whatever may still change the object, and before what costs a call of a webhook.
func useOurPlugins(options *genericoptions.AdmissionOptions) {
	var ours []string
	for _, plugin := range []struct {
		name     string
		register func(*admission.Plugins)
	}{
		// Rights first: what is wrong with a VMCluster is not for everybody to know.
		{rights.PluginName, rights.Register},
		{definition.PluginName, definition.Register},
		// Advice last: of a request that is refused there is nothing else to say.
		{advice.PluginName, advice.Register},
	} {
		plugin.register(options.Plugins)
		ours = append(ours, plugin.name)
	}
	order := options.RecommendedPluginOrder
	options.RecommendedPluginOrder = slices.Insert(order, slices.Index(order, validatingpolicy.PluginName), ours...)
}
