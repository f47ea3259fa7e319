// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package besideoperator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

const (
	// patience ends a test that waits for what does not come.
	patience = 6 * time.Minute
	// cacheSync is after how long the operator ends where a kind that it wants to watch
	// is not served.
	cacheSync = 3 * time.Minute

	firstGroup  = "operator.victoriametrics.com"
	secondGroup = "distributed.victoriametrics.com"
)

var authResource = schema.GroupVersionResource{Group: firstGroup, Version: "v1beta1", Resource: "vmauths"}

// scratch is for what tests write; paths below it are short.
var scratch string

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "beside", Start: func(dir string, _ io.Writer) (func() error, error) {
		scratch = dir
		return func() error { return nil }, nil
	}})
}

// long tells whether the tests may take as long as it takes.
func long() bool { return os.Getenv("VMDC_TEST_LONG") != "" }

// site is a control plane with the real operator and clients that may do everything.
type site struct {
	t             *testing.T
	control       *controlplane.ControlPlane
	kubernetes    kubernetes.Interface
	objects       dynamic.Interface
	registrations aggregator.Interface
	namespace     string
	// home is for what commands write.
	home string
}

// newSite starts the operator, with all of its definitions.
func newSite(t *testing.T, reconcilesAll bool) *site {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, "site")
	must(t, err)
	control, err := controlplane.Start(t.Context(), controlplane.Options{
		Dir: dir, Out: t.Output(), Patience: patience, Responders: true,
		Operator: controlplane.OperatorReal, OperatorReconcilesAll: reconcilesAll, CRDs: controlplane.CRDsFull,
	})
	must(t, err)
	t.Cleanup(func() {
		if err := control.Stop(); err != nil {
			t.Error(err)
		}
	})
	s := &site{t: t, control: control, home: t.TempDir()}
	s.kubernetes, err = kubernetes.NewForConfig(control.Config())
	must(t, err)
	s.objects, err = dynamic.NewForConfig(control.Config())
	must(t, err)
	s.registrations, err = aggregator.NewForConfig(control.Config())
	must(t, err)
	namespace, err := s.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "beside-"}}, metav1.CreateOptions{})
	must(t, err)
	s.namespace = namespace.Name
	return s
}

// register runs our server, and has the operator start once more with what is then
// served: it finds out at its start whether it can watch what it wants to.
func (s *site) register(options controlplane.ServerOptions) controlplane.Run {
	s.t.Helper()
	_, err := s.control.StartServer(s.t.Context(), options)
	must(s.t, err)
	return s.restartOperator()
}

func (s *site) restartOperator() controlplane.Run {
	s.t.Helper()
	must(s.t, s.control.Restart(s.t.Context(), controlplane.OperatorProgram))
	run, err := s.control.RunOf(controlplane.OperatorProgram)
	must(s.t, err)
	return run
}

// operatorLog is what the operator has said, in all its runs.
func (s *site) operatorLog() string {
	s.t.Helper()
	log, err := os.ReadFile(s.control.LogOf(controlplane.OperatorProgram))
	must(s.t, err)
	return string(log)
}

// complaints are the lines of the operator's log about kinds that it wants to watch and
// nobody serves.
func (s *site) complaints() (lines []string) {
	for line := range strings.Lines(s.operatorLog()) {
		if strings.Contains(line, "no matches for kind") && strings.Contains(line, "Distributed.operator.victoriametrics.com") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// makeAuth makes a VMAuth, for the operator to reconcile.
func (s *site) makeAuth() { s.make("VMAuth", "vmauths", "read", map[string]any{}) }

// reconciles changes the VMAuth, and returns once the operator has done what that
// asks for.
func (s *site) reconciles(round int) {
	s.t.Helper()
	auths := s.objects.Resource(authResource).Namespace(s.namespace)
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"extraArgs": map[string]any{"maxQueueDuration": fmt.Sprintf("%ds", round+1)}}})
	must(s.t, err)
	changed, err := auths.Patch(s.t.Context(), "read", types.MergePatchType, patch, metav1.PatchOptions{})
	must(s.t, err)
	s.poll(fmt.Sprintf("the operator to reconcile generation %d of a VMAuth", changed.GetGeneration()), func(ctx context.Context) string {
		auth, err := auths.Get(ctx, "read", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		observed, _, _ := unstructured.NestedInt64(auth.Object, "status", "observedGeneration")
		status, _, _ := unstructured.NestedString(auth.Object, "status", "updateStatus")
		if observed != changed.GetGeneration() || status != "operational" {
			return fmt.Sprintf("generation %d is %s", observed, status)
		}
		return ""
	})
}

// apiService is that of v1alpha1 of a group.
func (s *site) apiService(ctx context.Context, group string) (*apiregistrationv1.APIService, error) {
	return s.registrations.ApiregistrationV1().APIServices().Get(ctx, "v1alpha1."+group, metav1.GetOptions{})
}

// isOurs tells whether the aggregator sends requests for a group to our Service.
func isOurs(found *apiregistrationv1.APIService) bool {
	return found.Spec.Service != nil && found.Spec.Service.Namespace == controlplane.ServerNamespace
}

// list lists the objects of a resource of v1alpha1, in all namespaces.
func (s *site) list(ctx context.Context, group, resource string) error {
	_, err := s.objects.Resource(schema.GroupVersionResource{Group: group, Version: "v1alpha1", Resource: resource}).List(ctx, metav1.ListOptions{})
	return err
}

// poll asks until nothing is missing any more.
func (s *site) poll(what string, missing func(ctx context.Context) string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		last := missing(ctx)
		if last == "" {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			s.t.Fatalf("waited for %s: %s", what, last)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
