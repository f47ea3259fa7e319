// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package halt knows the switch by which somebody with kubectl alone stops the
// controller for all objects: a ConfigMap in the server's own namespace. While it is
// there, nothing is written to the operator's kinds.
package halt

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

const (
	// Name is that of the ConfigMap.
	Name = "vmdistributed-halt"
	// reasonKey is the member of its data that is quoted.
	reasonKey = "reason"
	// maxReason is how many bytes of that are.
	maxReason = 512
)

// Switch reads the ConfigMap: live, which counts, and by a watch, which tells at
// once when it comes and goes.
type Switch struct {
	client    kubernetes.Interface
	namespace string
	factory   informers.SharedInformerFactory
	informer  cache.SharedIndexInformer
}

// New returns a switch in a namespace. Its watch begins with Run.
func New(client kubernetes.Interface, namespace string) *Switch {
	// The rights of the server are to this one name.
	only := func(options *metav1.ListOptions) {
		options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, Name).String()
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace), informers.WithTweakListOptions(only))
	return &Switch{client: client, namespace: namespace, factory: factory, informer: factory.Core().V1().ConfigMaps().Informer()}
}

// Run watches until ctx ends.
func (s *Switch) Run(ctx context.Context) error {
	s.factory.StartWithContext(ctx)
	<-ctx.Done()
	s.factory.Shutdown()
	return nil
}

// OnChange has changed called whenever the ConfigMap comes, goes or says something
// else, until what it returns is called.
func (s *Switch) OnChange(changed func()) (forget func(), err error) {
	added, err := s.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { changed() },
		UpdateFunc: func(any, any) { changed() },
		DeleteFunc: func(any) { changed() },
	})
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", s, err)
	}
	return func() { _ = s.informer.RemoveEventHandler(added) }, nil // it was added
}

// String names the ConfigMap.
func (s *Switch) String() string { return fmt.Sprintf("ConfigMap %s/%s", s.namespace, Name) }

// Known is what the watch has told so far; nil where it knows of no halt. Nothing
// may be written on that.
func (s *Switch) Known(context.Context) *rollout.Halt {
	obj, exists, err := s.informer.GetStore().GetByKey(cache.NewObjectName(s.namespace, Name).String())
	switch {
	case err != nil:
		return s.unknown(err)
	case !exists:
		return nil
	}
	return s.by(obj.(*corev1.ConfigMap))
}

// Read asks the API server, past every cache; nil where nothing is halted. That it
// may not be asked counts as a halt, and will until somebody mends the rights; any
// other failure is an error, like that of every other read.
func (s *Switch) Read(ctx context.Context) (*rollout.Halt, error) {
	found, err := s.client.CoreV1().ConfigMaps(s.namespace).Get(ctx, Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return s.unknown(err), nil
	case err != nil:
		return nil, fmt.Errorf("reading %s, which would halt the controller: %w", s, err)
	}
	return s.by(found), nil
}

func (s *Switch) unknown(err error) *rollout.Halt {
	return &rollout.Halt{Switch: s.String(), Unknown: err.Error()}
}

func (s *Switch) by(found *corev1.ConfigMap) *rollout.Halt {
	reason := found.Data[reasonKey]
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "..."
	}
	return &rollout.Halt{Switch: s.String(), Reason: reason}
}
