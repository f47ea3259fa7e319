// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

const (
	groupVersion = "operator.victoriametrics.com/v1alpha1"
	// otherGroupVersion serves the same objects.
	otherGroupVersion = "distributed.victoriametrics.com/v1alpha1"
	// patience bounds every wait for something that the programs do. No test
	// depends on its length.
	patience = time.Minute
)

// The one control plane that all tests share. Its operator is a stand-in, so that
// zones get ready.
var shared struct {
	cp         *controlplane.ControlPlane
	kubernetes kubernetes.Interface
	root       string // of the checkout
	dir        string // of what is thrown away in the end
}

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "cl", Start: func(dir string, _ io.Writer) (stop func() error, err error) {
		shared.dir = dir
		if shared.root, err = controlplane.FindRoot(); err != nil {
			return nil, err
		}
		if err := start(); err != nil {
			return nil, err
		}
		return shared.cp.Stop, nil
	}})
}

func start() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	shared.cp, err = controlplane.Start(ctx, controlplane.Options{
		Dir:      filepath.Join(shared.dir, "cp"),
		CRDs:     controlplane.CRDsUsed,
		Operator: controlplane.OperatorStandin,
	})
	if err != nil {
		return err
	}
	if err := startServer(ctx); err != nil {
		return errors.Join(err, shared.cp.Stop())
	}
	return nil
}

func startServer(ctx context.Context) (err error) {
	_, err = shared.cp.StartServer(ctx, controlplane.ServerOptions{
		DataDir:    filepath.Join(shared.dir, "data"),
		BothGroups: true,
		Args:       []string{"--unsafe-no-fsync"},
	})
	if err != nil {
		return err
	}
	if shared.kubernetes, err = kubernetes.NewForConfig(shared.cp.Config()); err != nil {
		return err
	}
	// The aggregator passes requests on a moment before it publishes our schema.
	err = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(context.Context) (bool, error) {
		paths, err := shared.kubernetes.Discovery().OpenAPIV3().Paths()
		return err == nil && paths["apis/"+groupVersion] != nil && paths["apis/"+otherGroupVersion] != nil, nil
	})
	if err != nil {
		return fmt.Errorf("waiting until the aggregator publishes our schema: %w", err)
	}
	return nil
}

// newNamespace returns the name of a namespace that is the test's own.
func newNamespace(t *testing.T) string {
	t.Helper()
	namespace, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "t-"}}, metav1.CreateOptions{})
	must(t, err)
	return namespace.Name
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
