// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package clusterschema

import (
	"sync"
	"sync/atomic"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/fake"
	"k8s.io/klog/v2"
)

func newTestFollower(t *testing.T) *Follower {
	t.Helper()
	f, err := NewFollower(t.Context(), fake.NewClientset())
	if err != nil {
		t.Fatal(err)
	}
	f.builtIn = func() (*Schema, error) { return &Schema{origin: "built in"}, nil }
	return f
}

// generation is the definition as it is after a number of changes.
func generation(number int64) *apiextensionsv1.CustomResourceDefinition {
	crd := definition()
	crd.Generation = number
	return crd
}

func TestBuiltInSchemaStandsInOnlyWhereNothingIsInstalled(t *testing.T) {
	f := newTestFollower(t)
	var told []string
	f.OnChange(func(s *Schema) { told = append(told, s.Origin()) })
	wantCurrent := func(want string) {
		t.Helper()
		current, err := f.Current()
		if err != nil || current.Origin() != want || told[len(told)-1] != want {
			t.Errorf("in force is %v, %v, and %q was told, want %s", current, err, told, want)
		}
	}
	f.fallBack(klog.Background())
	wantCurrent("built in")
	f.see(klog.Background(), generation(1))
	const first = "CustomResourceDefinition vmclusters.operator.victoriametrics.com, generation 1"
	wantCurrent(first)
	// It was installed between the first look and this.
	f.fallBack(klog.Background())
	wantCurrent(first)
	f.see(klog.Background(), generation(1))
	if len(told) != 2 {
		t.Errorf("told were %q", told)
	}
	f.forget(klog.Background())
	wantCurrent("built in")
}

// TestSchemaThatIsToldLastIsInForce, whatever comes at the same moment.
func TestSchemaThatIsToldLastIsInForce(t *testing.T) {
	f := newTestFollower(t)
	var last atomic.Pointer[string]
	f.OnChange(func(s *Schema) {
		origin := s.Origin()
		last.Store(&origin)
	})
	for range 50 {
		f.forget(klog.Background())
		var group sync.WaitGroup
		group.Go(func() { f.fallBack(klog.Background()) })
		group.Go(func() { f.see(klog.Background(), generation(1)) })
		group.Go(func() { f.forget(klog.Background()) })
		group.Wait()
		current, err := f.Current()
		if err != nil || current.Origin() != *last.Load() {
			t.Fatalf("in force is %v, %v, and told was %s", current, err, *last.Load())
		}
	}
}
