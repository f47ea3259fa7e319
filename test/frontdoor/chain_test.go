// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package frontdoor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"

	apiextensionsfake "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/fake"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"

	ours "github.com/vmdistributed/vmdistributed-apiserver/pkg/admission"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/admission/advice"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/admission/definition"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/admission/rights"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/clusterschema"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// newChain returns the plugins of admission that are ours, in the order of the
// program, before a host cluster that holds what the samples need. Another plugin
// belongs into the list.
func newChain(tb testing.TB, allowed authorizer.Authorizer) admission.Interface {
	tb.Helper()
	objects := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		victoriametrics.VMClusterResource: "VMClusterList",
		victoriametrics.VMAgentResource:   "VMAgentList",
		victoriametrics.VMUserResource:    "VMUserList",
		victoriametrics.VMAuthResource:    "VMAuthList",
	}, prerequisites(tb)...)
	host := kubefake.NewClientset()
	known, err := inventory.New(objects, host)
	if err != nil {
		tb.Fatal(err)
	}
	// Without a definition of VMClusters, the one that is built in counts.
	schemas, err := clusterschema.NewFollower(context.Background(), apiextensionsfake.NewClientset())
	if err != nil {
		tb.Fatal(err)
	}
	runUntilSynced(tb, known, schemas)

	plugins, names := admission.NewPlugins(), []string{rights.PluginName, definition.PluginName, advice.PluginName}
	rights.Register(plugins)
	definition.Register(plugins)
	advice.Register(plugins)
	configured, err := admission.ReadAdmissionConfiguration(names, "", nil)
	if err != nil {
		tb.Fatal(err)
	}
	chain, err := plugins.NewFromPlugins(names, configured, admission.PluginInitializers{
		ours.Initializer{Inventory: known, Schemas: schemas},
		initializer.New(host, objects, nil, allowed, nil, nil, nil, nil),
	}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return chain
}

func runUntilSynced(tb testing.TB, known *inventory.Inventory, schemas *clusterschema.Follower) {
	tb.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { _ = known.Run(ctx) })
	ended.Go(func() { _ = schemas.Run(ctx) })
	tb.Cleanup(func() { stop(); ended.Wait() })
	if !cache.WaitForCacheSync(ctx.Done(), known.HasSynced, schemas.HasSynced) {
		tb.Fatal("the host cluster was not read")
	}
}

// prerequisites are the objects of the operator's kinds of the samples.
func prerequisites(tb testing.TB) []runtime.Object {
	tb.Helper()
	documents, err := os.ReadFile("../../artifacts/samples/prerequisites.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	var found []runtime.Object
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(documents), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			tb.Fatal(err)
		}
		if object.GroupVersionKind().Group == victoriametrics.VMClusterResource.Group {
			object.SetResourceVersion("1")
			found = append(found, object)
		}
	}
}
