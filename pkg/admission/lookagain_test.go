// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// hostWith is a host cluster that holds VMClusters.
func hostWith(names ...string) *dynamicfake.FakeDynamicClient {
	var objects []runtime.Object
	for _, name := range names {
		cluster := &unstructured.Unstructured{}
		cluster.SetGroupVersionKind(victoriametrics.VMClusterKind)
		namespace, name, _ := strings.Cut(name, "/")
		cluster.SetNamespace(namespace)
		cluster.SetName(name)
		objects = append(objects, cluster)
	}
	return dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
		map[schema.GroupVersionResource]string{victoriametrics.VMClusterResource: "VMClusterList"}, objects...)
}

func TestSecondLookFindsWhatThereIsByOneRequest(t *testing.T) {
	for _, test := range []struct {
		name        string
		names, want []string
		requests    int
	}{
		{"nothing", nil, nil, 0},
		{"one", []string{"a"}, []string{"a"}, 1},
		{"one that is absent", []string{"z"}, nil, 1},
		{"one that is elsewhere", []string{"d"}, nil, 1},
		{"several", []string{"b", "z", "a", "d"}, []string{"a", "b"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			host := hostWith("here/a", "here/b", "here/c", "there/d")
			found, err := LookAgain(t.Context(), host, victoriametrics.VMClusterResource, "here", test.names)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, object := range found {
				got = append(got, object.GetName())
			}
			if slices.Sort(got); !slices.Equal(got, test.want) {
				t.Errorf("found %q, want %q", got, test.want)
			}
			if asked := host.Actions(); len(asked) != test.requests {
				t.Errorf("asked %v", asked)
			}
		})
	}
}

func TestSecondLookThatFailsIsNoAbsence(t *testing.T) {
	for _, names := range [][]string{{"a"}, {"a", "b"}} {
		host := hostWith()
		refused := true
		host.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
			if refused {
				return true, nil, apierrors.NewServiceUnavailable("nobody answers")
			}
			return true, nil, &apierrors.StatusError{ErrStatus: apierrors.NewGenericServerResponse(404, "get", schema.GroupResource{}, "", "no such kind", 0, true).ErrStatus}
		})
		_, err := LookAgain(t.Context(), host, victoriametrics.VMClusterResource, "here", names)
		if !apierrors.IsServiceUnavailable(err) || !strings.Contains(err.Error(), `vmclusters ["a"`) {
			t.Errorf("%q: the error is %v", names, err)
		}
		refused = false
		if found, err := LookAgain(t.Context(), host, victoriametrics.VMClusterResource, "here", names); err != nil || len(found) > 0 {
			t.Errorf("%q, without the kind: found %v, %v", names, found, err)
		}
	}
}
