// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package compressed

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic"
)

// RESTOptions has the generic registry keep compressed what it would keep by other options.
type RESTOptions struct {
	generic.RESTOptionsGetter
}

// GetRESTOptions is asked for by the registry.
func (o RESTOptions) GetRESTOptions(resource schema.GroupResource, example runtime.Object) (generic.RESTOptions, error) {
	options, err := o.RESTOptionsGetter.GetRESTOptions(resource, example)
	if err != nil {
		return options, err
	}
	config := *options.StorageConfig
	config.Transformer = New(config.Transformer)
	options.StorageConfig = &config
	return options, nil
}
