// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package site is where this server and its peer are measured: one kube-apiserver and
// one etcd for both, and a user with exactly the rights that the requests take.
package site

import (
	"context"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/figures"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/peer"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// Namespace is where all objects are made.
const Namespace = "bench"

// user is who makes the requests: somebody whose rights have to be looked up, not one of
// system:masters, for whom that is left out.
const user = "bench"

// Options says what to start.
type Options struct {
	// Dir receives everything that is written.
	Dir string
	// Store is where this server keeps objects.
	Store controlplane.Store
	// Idle keeps the controller of this server from work, so that its API is held
	// against an API alone.
	Idle bool
	// Operated has the operator played.
	Operated bool
	// Out is told what is started.
	Out io.Writer
}

// Site is what runs.
type Site struct {
	Control *controlplane.ControlPlane
	Server  *controlplane.Server
	// Aggregated and Direct lead to this server, Peer to the CustomResourceDefinition.
	Aggregated, Direct, Peer *Side

	kubernetes   kubernetes.Interface
	stopOperator func() error
}

// Start starts a site. Stop ends it.
func Start(ctx context.Context, options Options) (*Site, error) {
	control, err := controlplane.Start(ctx, controlplane.Options{Dir: options.Dir, CRDs: controlplane.CRDsUsed, Out: options.Out})
	if err != nil {
		return nil, err
	}
	s := &Site{Control: control, stopOperator: func() error { return nil }}
	if err := s.start(ctx, options); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop ends everything.
func (s *Site) Stop() error { return errors.Join(s.stopOperator(), s.Control.Stop()) }

func (s *Site) start(ctx context.Context, options Options) (err error) {
	if s.kubernetes, err = kubernetes.NewForConfig(s.Control.Config()); err != nil {
		return err
	}
	if err := s.admit(ctx); err != nil {
		return err
	}
	if options.Idle {
		if err := s.holdLease(ctx); err != nil {
			return err
		}
	}
	if options.Operated {
		if err := s.operate(); err != nil {
			return err
		}
	}
	if s.Server, err = s.Control.StartServer(ctx, controlplane.ServerOptions{Store: options.Store}); err != nil {
		return err
	}
	if err := s.registerPeer(ctx); err != nil {
		return err
	}
	return s.connect()
}

// admit makes the namespace, and gives the user rights in it.
func (s *Site) admit(ctx context.Context) error {
	for _, name := range []string{Namespace, controlplane.ServerNamespace} {
		_, err := s.kubernetes.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("making namespace %s: %w", name, err)
		}
	}
	everything := []string{rbacv1.VerbAll}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.GroupName, peer.Group}, Resources: everything, Verbs: everything},
		{NonResourceURLs: []string{"/debug/*", "/metrics"}, Verbs: []string{"get"}},
	}}
	if _, err := s.kubernetes.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("making the role of %s: %w", user, err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
	}
	if _, err := s.kubernetes.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("binding the role of %s: %w", user, err)
	}
	return nil
}

// registerPeer has the same kind served by kube-apiserver.
func (s *Site) registerPeer(ctx context.Context) error {
	config, err := s.Server.ConfigFor(user)
	if err != nil {
		return err
	}
	admin, err := kubernetes.NewForConfig(s.Control.Config())
	if err != nil {
		return err
	}
	path := "/openapi/v3/apis/" + v1alpha1.SchemeGroupVersion.String()
	document, err := admin.RESTClient().Get().AbsPath(path).SetHeader("Accept", "application/json").DoRaw(ctx)
	if err != nil {
		return fmt.Errorf("reading %s from %s: %w", path, config.Host, err)
	}
	definition, err := peer.Definition(document)
	if err != nil {
		return err
	}
	return peer.Register(ctx, s.Control.Config(), definition)
}

func (s *Site) connect() error {
	const ours = "/registry/distributed.victoriametrics.com/" + v1alpha1.GroupName + "/" + Plural + "/"
	through, err := s.Control.ConfigFor(user)
	if err != nil {
		return err
	}
	beside, err := s.Server.ConfigFor(user)
	if err != nil {
		return err
	}
	for _, side := range []struct {
		to     **Side
		name   string
		group  string
		stored string
		config *rest.Config
	}{
		{&s.Aggregated, "aggregated", v1alpha1.GroupName, ours, through},
		{&s.Direct, "direct", v1alpha1.GroupName, ours, beside},
		{&s.Peer, figures.Peer, peer.Group, "/registry/" + peer.Group + "/" + Plural + "/", through},
	} {
		if *side.to, err = newSide(side.name, side.group, side.config); err != nil {
			return err
		}
		(*side.to).Stored = side.stored
	}
	return nil
}

// Plural is that of the kind on every side.
const Plural = vmdistributed.Resource
