// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// preflight fails where the operator's kinds are not served: without them, the
// caches would try to fill for ever.
func preflight(config *rest.Config) error {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("making a discovery client for %s: %w", config.Host, err)
	}
	list, err := client.ServerResourcesForGroupVersion(apiVersion)
	if err != nil {
		return fmt.Errorf("asking %s for the kinds of %s: %w: install the operator's custom resource definitions first", config.Host, apiVersion, err)
	}
	var missing []string
	for _, resource := range operatorResources() {
		served := func(r metav1.APIResource) bool { return r.Name == resource }
		if !slices.ContainsFunc(list.APIResources, served) {
			missing = append(missing, resource)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s does not serve %s of %s: install the operator's custom resource definitions first", config.Host, strings.Join(missing, ", "), apiVersion)
	}
	return nil
}
