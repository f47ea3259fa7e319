// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	authuser "k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/warning"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// hostWith is a host cluster that holds objects of the operator's kinds.
func hostWith(t *testing.T, documents ...string) *dynamicfake.FakeDynamicClient {
	t.Helper()
	var objects []runtime.Object
	for _, object := range decoded(t, documents...) {
		objects = append(objects, object)
	}
	return dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		victoriametrics.VMClusterResource: "VMClusterList",
		victoriametrics.VMAgentResource:   "VMAgentList",
		victoriametrics.VMUserResource:    "VMUserList",
		victoriametrics.VMAuthResource:    "VMAuthList",
	}, objects...)
}

// plugged returns the plugin with an inventory that has read all of the first host,
// and with the second to look again at.
func plugged(t *testing.T, read, host *dynamicfake.FakeDynamicClient, namespaces ...runtime.Object) *plugin {
	t.Helper()
	known, err := inventory.New(read, kubefake.NewClientset(namespaces...))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { _ = known.Run(ctx) })
	t.Cleanup(func() { stop(); ended.Wait() })
	for _, informer := range []cache.SharedIndexInformer{
		known.VMClusters, known.VMAgents, known.VMUsers, known.VMAuths, known.StatefulSets, known.Deployments, known.Namespaces,
	} {
		if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
			t.Fatal("the inventory has not read all")
		}
	}
	p := newPlugin()
	p.SetInventory(known)
	p.SetDynamicClient(host)
	if err := p.ValidateInitialization(); err != nil {
		t.Fatal(err)
	}
	return p
}

func namespace(terminates bool) *corev1.Namespace {
	n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: owner.Namespace}}
	if terminates {
		n.DeletionTimestamp = &metav1.Time{}
		n.Finalizers = []string{"kubernetes"}
	}
	return n
}

// recorder keeps warnings.
type recorder struct{ texts []string }

func (r *recorder) AddWarning(_, text string) { r.texts = append(r.texts, text) }

func attributes(object, old *object, operation admission.Operation, subresource string) admission.Attributes {
	var now, before runtime.Object
	if object != nil {
		now = object
	}
	if old != nil {
		before = old
	}
	return admission.NewAttributesRecord(now, before, v1alpha1.SchemeGroupVersion.WithKind(vmdistributed.Kind), owner.Namespace, owner.Name,
		v1alpha1.SchemeGroupVersion.WithResource(vmdistributed.Resource), subresource, operation, nil, false, &authuser.DefaultInfo{Name: "somebody"})
}

// warned returns what the plugin warns of, and fails where it refuses.
func warned(t *testing.T, p *plugin, a admission.Attributes) []string {
	t.Helper()
	r := &recorder{}
	if err := p.Validate(warning.WithWarningRecorder(t.Context(), r), a, nil); err != nil {
		t.Fatalf("refused: %v", err)
	}
	return r.texts
}

func TestPluginWarnsOfWhatARequestChanges(t *testing.T) {
	host := hostWith(t, wellKept, applied(t, "zone-c"))
	p := plugged(t, host, host, namespace(false))
	missing := written(users("reader", "none"))
	const absent = `spec.vmusers[1]: VMUser "none" does not exist yet; until it does, no healthy zone is changed`
	leaving := written(users("reader", "none"))
	leaving.DeletionTimestamp = &metav1.Time{}
	inlines := written(zones(inline("zone-c", storage)))
	const going = `spec.deletionPolicy: is Delete, so that 1 VMCluster is deleted too: "zone-c"`
	labelled := written(users("reader", "none"))
	labelled.Labels, labelled.Status.Reason = map[string]string{"a": "b"}, "because"
	left := written(zones(inline("zone-c", storage)))
	left.DeletionTimestamp = &metav1.Time{}
	for _, test := range []struct {
		name string
		of   admission.Attributes
		want []string
	}{
		{"create, with nothing to say", attributes(written(), nil, admission.Create, ""), nil},
		{"create", attributes(missing, nil, admission.Create, ""), []string{absent}},
		{"update", attributes(missing, written(), admission.Update, ""), []string{absent}},
		{"update of labels", attributes(labelled, missing, admission.Update, ""), nil},
		{"update of status", attributes(labelled, missing, admission.Update, "status"), nil},
		{"update of what is being deleted", attributes(leaving, written(), admission.Update, ""), nil},
		{"delete", attributes(nil, inlines, admission.Delete, ""), []string{going}},
		{"delete once more", attributes(nil, left, admission.Delete, ""), nil},
		{"delete of nobody knows what", attributes(nil, nil, admission.Delete, ""), nil},
		{"another kind", admission.NewAttributesRecord(&unstructured.Unstructured{}, nil, schema.GroupVersionKind{}, "ns", "x",
			schema.GroupVersionResource{Resource: "others"}, "", admission.Create, nil, false, nil), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := warned(t, p, test.of); !slices.Equal(got, test.want) {
				t.Errorf("warned of %q, want %q", got, test.want)
			}
		})
	}
	if !p.Handles(admission.Create) || !p.Handles(admission.Update) || !p.Handles(admission.Delete) || p.Handles(admission.Connect) {
		t.Error("the plugin handles other operations")
	}
}

// TestPluginLooksAgainForWhatWasMadeAMomentAgo, by the command that now makes the
// object.
func TestPluginLooksAgainForWhatWasMadeAMomentAgo(t *testing.T) {
	host := hostWith(t, wellKept)
	p := plugged(t, hostWith(t), host, namespace(false))
	for _, text := range warned(t, p, attributes(written(), nil, admission.Create, "")) {
		if strings.Contains(text, "exist") {
			t.Errorf("warned: %s", text)
		}
	}
	host.ClearActions()
	warned(t, p, attributes(written(leastAvailable(0)), written(), admission.Update, ""))
	if asked := host.Actions(); len(asked) > 0 {
		t.Errorf("of what stays, %v was read", asked)
	}

	var many []string
	for i := range 30 {
		many = append(many, strings.Repeat("u", i+1))
	}
	if got := warned(t, p, attributes(written(users(many...)), nil, admission.Create, "")); !slices.ContainsFunc(got, func(text string) bool { return strings.Contains(text, "and 28 more do not exist yet") }) {
		t.Errorf("warned of %q", got)
	}
	if asked := host.Actions(); len(asked) != 3 {
		t.Errorf("asked %v, want one request for each kind", asked)
	}

	host.ClearActions()
	host.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewServiceUnavailable("nobody answers")
	})
	for _, text := range warned(t, p, attributes(written(), nil, admission.Create, "")) {
		if strings.Contains(text, "exist") {
			t.Errorf("with nobody to say so, warned: %s", text)
		}
	}
	if asked := host.Actions(); len(asked) != 1 {
		t.Errorf("asked %v, want no more after the first that was not answered", asked)
	}
}

func TestPluginSaysNothingOfANamespaceThatGoes(t *testing.T) {
	host := hostWith(t, applied(t, "zone-c"))
	object := written(zones(inline("zone-c", storage)))
	if got := warned(t, plugged(t, host, host, namespace(true)), attributes(nil, object, admission.Delete, "")); len(got) > 0 {
		t.Errorf("warned of %q", got)
	}
}

func TestPluginSaysWhereItSeesNothing(t *testing.T) {
	known, err := inventory.New(hostWith(t), kubefake.NewClientset())
	if err != nil {
		t.Fatal(err)
	}
	p := newPlugin()
	if p.ValidateInitialization() == nil {
		t.Error("nothing is missing")
	}
	p.SetInventory(known) // and it never runs
	p.SetDynamicClient(hostWith(t))
	if got := warned(t, p, attributes(written(), nil, admission.Create, "")); !slices.Equal(got, []string{unseen}) {
		t.Errorf("create: warned of %q", got)
	}
	if got := warned(t, p, attributes(written(), written(), admission.Update, "")); len(got) > 0 {
		t.Errorf("update of nothing: warned of %q", got)
	}
	if got := warned(t, p, attributes(nil, written(), admission.Delete, "")); len(got) > 0 {
		t.Errorf("delete: warned of %q", got)
	}
}

// TestInventoryKeepsWhoSetsTheTargetsOfVMUsers, and nothing else of managedFields.
func TestInventoryKeepsWhoSetsTheTargetsOfVMUsers(t *testing.T) {
	host := hostWith(t, strings.Replace(wellKept, "metadata: {name: reader", `metadata: {managedFields: [{manager: helm, operation: Update,
  fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:bearerToken": {}, "f:targetRefs": {}}}}], name: reader`, 1))
	p := plugged(t, host, host, namespace(false))
	got := warned(t, p, attributes(written(), nil, admission.Create, ""))
	if len(got) != 1 || !strings.Contains(got[0], `"helm" also sets spec.targetRefs of VMUser "reader"`) {
		t.Errorf("warned of %q", got)
	}
}
