// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/peer"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// upstream measures the operator's own definition for the same job, for the record: how
// large it is, and how long after it was created its kind is served.
func (b *bench) upstream(ctx context.Context) (err error) {
	control, err := controlplane.Start(ctx, controlplane.Options{Dir: filepath.Join(b.dir, "site"), CRDs: controlplane.CRDsUsed, Out: b.out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, control.Stop()) }()
	definition, err := controlplane.OperatorCRD(ctx, "vmdistributed")
	if err != nil {
		return err
	}
	text, err := json.Marshal(definition)
	if err != nil {
		return err
	}
	const side = "VMDistributed of the operator"
	b.book.Add("definition, as JSON", side, "kB", float64(len(text))/1000)
	var times []float64
	for range b.rounds() {
		begun := time.Now()
		if err := peer.Register(ctx, control.Config(), definition.DeepCopy()); err != nil {
			return err
		}
		times = append(times, time.Since(begun).Seconds())
		if err := unregister(ctx, control, definition); err != nil {
			return err
		}
	}
	b.book.Add("from its creation until its kind is served", side, "s", times...)
	return nil
}

// unregister deletes a definition and waits until it is gone, from discovery too.
func unregister(ctx context.Context, control *controlplane.ControlPlane, definition *apiextensionsv1.CustomResourceDefinition) error {
	client, err := apiextensions.NewForConfig(control.Config())
	if err != nil {
		return err
	}
	definitions := client.ApiextensionsV1().CustomResourceDefinitions()
	if err := definitions.Delete(ctx, definition.Name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	const patience = time.Minute
	is := func(resource metav1.APIResource) bool { return resource.Name == definition.Spec.Names.Plural }
	version := definition.Spec.Group + "/" + definition.Spec.Versions[0].Name
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		if _, err := definitions.Get(ctx, definition.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return false, nil
		}
		served, err := client.Discovery().ServerResourcesForGroupVersion(version)
		return err == nil && !slices.ContainsFunc(served.APIResources, is), nil
	})
}
