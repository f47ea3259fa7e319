// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	apiservices "k8s.io/kube-aggregator/pkg/client/informers/externalversions"
)

// factory is what both kinds of informer factories have.
type factory interface {
	StartWithContext(ctx context.Context)
	Shutdown()
}

// watch has a pass made whenever the Secret or an APIService changes, until stop is
// called after ctx has ended. What is watched says when to look, and nothing else.
func (k *Keeper) watch(ctx context.Context) (stop func(), err error) {
	// The rights of the server are to these names.
	only := func(name string) func(*metav1.ListOptions) {
		return func(options *metav1.ListOptions) {
			options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
		}
	}
	secrets := informers.NewSharedInformerFactoryWithOptions(k.client, 0,
		informers.WithNamespace(k.options.Namespace), informers.WithTweakListOptions(only(k.options.Secret)))
	factories := []factory{secrets}
	watched := map[string]cache.SharedIndexInformer{k.String(): secrets.Core().V1().Secrets().Informer()}
	for _, name := range k.options.APIServices {
		registrations := apiservices.NewSharedInformerFactoryWithOptions(k.registrations, 0, apiservices.WithTweakListOptions(only(name)))
		factories = append(factories, registrations)
		watched["APIService "+name] = registrations.Apiregistration().V1().APIServices().Informer()
	}
	changed := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { k.look() }, UpdateFunc: func(any, any) { k.look() }, DeleteFunc: func(any) { k.look() },
	}
	for what, informer := range watched {
		if _, err := informer.AddEventHandler(changed); err != nil {
			return nil, fmt.Errorf("watching the %s: %w", what, err)
		}
	}
	for _, f := range factories {
		f.StartWithContext(ctx)
	}
	return func() {
		for _, f := range factories {
			f.Shutdown()
		}
	}, nil
}
