// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package definition

import (
	"strings"
	"testing"

	apiextensionsfake "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/fake"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/clusterschema"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// brokenRule is an override whose every field is right, and which makes something
// of a VMCluster that a rule forbids.
const brokenRule = `{"vmselect":{"vpa":{"resourcePolicy":{"containerPolicies":[{"startupBoost":{"cpu":{"type":"Factor"}}}]}}}}`

// unsynced returns the plugin with an inventory that knows nothing, and with a host
// cluster to look again at.
func unsynced(t *testing.T, objects ...runtime.Object) (*plugin, *dynamicfake.FakeDynamicClient) {
	t.Helper()
	host := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		victoriametrics.VMClusterResource: "VMClusterList",
		victoriametrics.VMAgentResource:   "VMAgentList",
		victoriametrics.VMUserResource:    "VMUserList",
		victoriametrics.VMAuthResource:    "VMAuthList",
	}, objects...)
	known, err := inventory.New(host, kubefake.NewClientset())
	if err != nil {
		t.Fatal(err)
	}
	p := newPlugin()
	p.SetInventory(known) // and it never runs
	p.SetDynamicClient(host)
	schemas, err := clusterschema.NewFollower(t.Context(), apiextensionsfake.NewClientset())
	if err != nil {
		t.Fatal(err)
	}
	p.SetSchemas(schemas)
	p.SetReadyFunc(func() bool { return true })
	if err := p.ValidateInitialization(); err != nil {
		t.Fatal(err)
	}
	return p, host
}

func created(zones ...vmdistributed.Zone) admission.Attributes {
	object := objectOf(zones...)
	object.Namespace = "ns"
	return admission.NewAttributesRecord(object, nil, v1alpha1.SchemeGroupVersion.WithKind(vmdistributed.Kind), "ns", "x",
		v1alpha1.SchemeGroupVersion.WithResource(vmdistributed.Resource), "", admission.Create, nil, false, nil)
}

// TestOverrideOfAVMClusterThatWasMadeAMomentAgoIsCheckedAsAWhole: by the command,
// say, that now makes the object.
func TestOverrideOfAVMClusterThatWasMadeAMomentAgoIsCheckedAsAWhole(t *testing.T) {
	there := running(t, `{"retentionPeriod":"1"}`)
	there.SetGroupVersionKind(victoriametrics.VMClusterKind)
	for _, test := range []struct {
		name  string
		zones []vmdistributed.Zone
		want  string
		asked int
	}{
		{"broken", []vmdistributed.Zone{referred("b", brokenRule)}, "spec.zones.vmclusters[0].overrideSpec.vmselect", 1},
		{"one of several", []vmdistributed.Zone{referred("z", brokenRule), referred("b", brokenRule)}, "spec.zones.vmclusters[1].overrideSpec.vmselect", 1},
		{"good", []vmdistributed.Zone{referred("b", `{"retentionPeriod":"2"}`)}, "", 1},
		{"of what there is not", []vmdistributed.Zone{referred("z", brokenRule)}, "", 1},
		{"no override", []vmdistributed.Zone{referred("b", "")}, "", 0},
		{"definition", []vmdistributed.Zone{inline("a", `{}`)}, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, host := unsynced(t, there.DeepCopy())
			err := p.Validate(t.Context(), created(test.zones...), nil)
			if test.want == "" && err != nil || test.want != "" && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("the error is %v, want one about %q", err, test.want)
			}
			if asked := host.Actions(); len(asked) != test.asked {
				t.Errorf("asked %v", asked)
			}
		})
	}
}

func TestOverrideOfWhatCannotBeReadIsToBeSentAgain(t *testing.T) {
	p, host := unsynced(t)
	host.PrependReactor("list", "vmclusters", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewTimeoutError("nobody answers", 1)
	})
	err := p.Validate(t.Context(), created(referred("b", `{}`)), nil)
	if !apierrors.IsServiceUnavailable(err) || !strings.Contains(err.Error(), `vmclusters ["b"]`) {
		t.Errorf("the error is %v", err)
	}
}
