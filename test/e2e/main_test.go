// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/responders"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

// patience ends a test that waits for what does not come. The operator finds
// some changes only at its resync, after 60 seconds.
const patience = 6 * time.Minute

// site is what all tests of this package share.
type site struct {
	control    *controlplane.ControlPlane
	server     *controlplane.Server
	own        versioned.Interface
	objects    dynamic.Interface
	kubernetes kubernetes.Interface
	// responders answer for the pods, in which nothing runs.
	responders *responders.Responders
}

var shared site

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "e2e", Together: 8, Start: func(dir string, out io.Writer) (func() error, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return shared.end, shared.start(ctx, dir, out)
	}})
}

func (s *site) start(ctx context.Context, dir string, out io.Writer) error {
	var err error
	if s.responders, err = responders.Listen(ctx, ""); err != nil {
		return err
	}
	s.control, err = controlplane.Start(ctx, controlplane.Options{
		Dir: dir, Out: out, Operator: controlplane.OperatorReal,
		// It looks at no more than a few VMUsers per second, of all namespaces, and at
		// the others with their VMAuth's resync only: every 60 seconds by default.
		OperatorEnv: append(s.responders.Env(), "VM_FORCERESYNCINTERVAL=10s"),
	})
	if err != nil {
		return errors.Join(err, s.responders.Stop())
	}
	if err := s.startOurs(ctx); err != nil {
		return errors.Join(err, s.stop())
	}
	return nil
}

// startOurs starts what is ours: the responders, and the server that asks them.
func (s *site) startOurs(ctx context.Context) error {
	var err error
	if s.own, err = versioned.NewForConfig(s.control.Config()); err != nil {
		return err
	}
	if s.objects, err = dynamic.NewForConfig(s.control.Config()); err != nil {
		return err
	}
	if s.kubernetes, err = kubernetes.NewForConfig(s.control.Config()); err != nil {
		return err
	}
	if err = s.responders.Start(ctx, s.kubernetes); err != nil {
		return err
	}
	s.server, err = s.control.StartServer(ctx, controlplane.ServerOptions{Store: controlplane.StoreHost, Env: s.responders.Env()})
	return err
}

// end finds out how the operator has come through all the tests, and stops everything.
func (s *site) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return errors.Join(s.operatorIsAlive(ctx), s.stop())
}

func (s *site) stop() error {
	return errors.Join(s.responders.Stop(), s.control.Stop())
}

// operatorIsAlive gives the operator something to do when all tests are over. It
// ends by itself where a kind that it wants to watch is not served.
func (s *site) operatorIsAlive(ctx context.Context) error {
	namespace, err := s.kubernetes.CoreV1().Namespaces().Create(ctx,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "afterwards-"}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	auths := s.objects.Resource(authResource).Namespace(namespace.Name)
	auth := &unstructured.Unstructured{Object: fields{
		"apiVersion": authResource.GroupVersion().String(), "kind": "VMAuth",
		"metadata": fields{"name": "afterwards"}, "spec": fields{},
	}}
	if _, err := auths.Create(ctx, auth, metav1.CreateOptions{}); err != nil {
		return err
	}
	err = wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		auth, err := auths.Get(ctx, "afterwards", metav1.GetOptions{})
		return err == nil && at(auth, "status.updateStatus") != nil, nil
	})
	if err != nil {
		return fmt.Errorf("the operator does nothing about a new VMAuth any more: %w", err)
	}
	return nil
}
