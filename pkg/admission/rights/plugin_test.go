// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
)

// known returns an inventory of these objects, which has read them.
func known(t *testing.T, objects ...runtime.Object) *inventory.Inventory {
	t.Helper()
	unread := unread(t, objects...)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = unread.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	if !cache.WaitForCacheSync(ctx.Done(), unread.HasSynced) {
		t.Fatal("the inventory has not read all")
	}
	return unread
}

// unread returns an inventory that does not run.
func unread(t *testing.T, objects ...runtime.Object) *inventory.Inventory {
	t.Helper()
	kinds := map[schema.GroupVersionResource]string{}
	for _, kind := range []string{"VMCluster", "VMAgent", "VMUser", "VMAuth"} {
		kinds[schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: strings.ToLower(kind) + "s"}] = kind + "List"
	}
	inventory, err := inventory.New(dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, objects...), kubefake.NewClientset())
	if err != nil {
		t.Fatal(err)
	}
	return inventory
}

// thing is an object of the operator's that carries one of our annotations.
func thing(kind, namespace, name, key, value string) *unstructured.Unstructured {
	thing := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "operator.victoriametrics.com/v1beta1", "kind": kind}}
	thing.SetNamespace(namespace)
	thing.SetName(name)
	thing.SetAnnotations(map[string]string{annotation + key: value})
	return thing
}

func record(owner string) string {
	return `{"drain":{"owner":"` + owner + `","zone":"a","taken":[]},"spec":{"targetRefs":[{}]}}`
}

func TestLeftoversAreFoundByWhatMarksThem(t *testing.T) {
	goes := thing("VMCluster", "ns", "b", "owner", "ns/x")
	goes.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)})
	around, err := lookAround(t.Context(), known(t,
		thing("VMCluster", "ns", "a", "owner", "ns/x"), // which is a zone
		goes,
		thing("VMCluster", "ns", "left", "owner", "ns/x"),
		thing("VMCluster", "ns", "others", "owner", "ns/y"),
		thing("VMCluster", "ns", "copied", "owner", "other/x"),
		thing("VMCluster", "other", "copy", "owner", "ns/x"),
		thing("VMUser", "ns", "drained", "drain.x", record("ns/x")),
		thing("VMUser", "ns", "unreadable", "drain.x", "nonsense"),
		thing("VMUser", "ns", "drained-by-other", "drain.y", record("ns/y")),
		thing("VMUser", "ns", "copied", "drain.x", record("other/x")),
		thing("VMUser", "other", "copy", "drain.x", record("ns/x")),
		thing("VMAgent", "ns", "scraping", "scrape", `{"x":["a"],"y":["z"]}`),
		thing("VMAgent", "ns", "scraping-for-other", "scrape", `{"y":["z"]}`),
		thing("VMAgent", "other", "copy", "scrape", `{"x":["a"]}`),
	), stored())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := told(around.leftovers), "agents/scraping:update,patch clusters/left:update,patch users/drained:update,patch users/unreadable:update,patch"; got != want {
		t.Errorf("left over are\n%s, want\n%s", got, want)
	}
	for name, want := range map[string][2]bool{"a": {true, false}, "b": {true, true}, "c": {false, true}} {
		if got := [2]bool{around.mayExist(name), around.mayBeMissing(name)}; got != want {
			t.Errorf("VMCluster %s may exist, may be missing: %v, want %v", name, got, want)
		}
	}
}

// TestWhatHasNotBeenReadMayBeAnything: whoever may not change all of it has to wait.
func TestWhatHasNotBeenReadMayBeAnything(t *testing.T) {
	around, err := lookAround(t.Context(), unread(t, thing("VMCluster", "ns", "a", "owner", "ns/x")), stored())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := told(around.leftovers), "agents/:update,patch clusters/:update,patch users/:update,patch"; got != want {
		t.Errorf("left over are %s, want %s", got, want)
	}
	if !around.mayExist("a") || !around.mayBeMissing("a") {
		t.Error("VMCluster a is known to exist or to be missing")
	}
}

// plugged returns the plugin before a host cluster that allows what rules say, each
// as "verb name".
func plugged(t *testing.T, inventory *inventory.Inventory, allowed ...string) (*plugin, *kubefake.Clientset) {
	t.Helper()
	host := kubefake.NewClientset()
	p := newPlugin()
	p.SetInventory(inventory)
	p.SetExternalKubeClientSet(host)
	p.SetAuthorizer(authorizer.AuthorizerFunc(func(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
		for _, rule := range allowed {
			if a.GetVerb()+" "+a.GetName() == rule {
				return authorizer.DecisionAllow, "", nil
			}
		}
		return authorizer.DecisionNoOpinion, "", nil
	}))
	if err := p.ValidateInitialization(); err != nil {
		t.Fatal(err)
	}
	return p, host
}

func request(object, old *object, operation admission.Operation) admission.Attributes {
	var now, before runtime.Object
	if object != nil {
		now = object
	}
	if old != nil {
		before = old
	}
	return admission.NewAttributesRecord(now, before, v1alpha1.SchemeGroupVersion.WithKind("VMDistributedCluster"), "ns", "x",
		v1alpha1.SchemeGroupVersion.WithResource(vmdistributed.Resource), "", operation, nil, false, &user.DefaultInfo{Name: "bob"})
}

// TestNoRightsAreNeededToEmptyANamespaceThatGoes: nothing is touched there. While it
// stays, or nobody knows, they are.
func TestNoRightsAreNeededToEmptyANamespaceThatGoes(t *testing.T) {
	namespace := func(changes ...func(*corev1.Namespace)) *corev1.Namespace {
		n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ns"}}
		for _, change := range changes {
			change(n)
		}
		return n
	}
	terminating := namespace(func(n *corev1.Namespace) {
		n.DeletionTimestamp, n.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"kubernetes"}
	})
	remove, change := request(nil, stored(), admission.Delete), request(stored(), stored(paused), admission.Update)
	for _, test := range []struct {
		name      string
		of        admission.Attributes
		namespace *corev1.Namespace
		failing   error
		want      func(error) bool
	}{
		{"it stays", remove, namespace(), nil, apierrors.IsForbidden},
		{"it terminates", remove, terminating, nil, func(err error) bool { return err == nil }},
		{"it is gone", remove, nil, nil, func(err error) bool { return err == nil }},
		{"it can't be read", remove, terminating, errors.New("the host cluster is gone"), apierrors.IsInternalError},
		{"it terminates, and something is changed", change, terminating, nil, apierrors.IsForbidden},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, host := plugged(t, unread(t))
			if test.namespace != nil {
				if err := host.Tracker().Add(test.namespace); err != nil {
					t.Fatal(err)
				}
			}
			if test.failing != nil {
				host.PrependReactor("get", "namespaces", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, test.failing })
			}
			if err := p.Validate(t.Context(), test.of, nil); !test.want(err) {
				t.Errorf("answered with %v", err)
			}
		})
	}
}

// TestRefusalNamesWhatIsOutOfReach: one object, or all where nobody knows which.
func TestRefusalNamesWhatIsOutOfReach(t *testing.T) {
	object := stored(zones(referred("mine", "")), users())
	object.Spec.VMAgent = nil
	mine := []string{"update mine", "patch mine"}
	const cannot, doing = `vmdistributedclusters.operator.victoriametrics.com "x" is forbidden: User "bob" cannot `, ` in API group "operator.victoriametrics.com" in the namespace "ns", which `
	for _, test := range []struct {
		name      string
		inventory *inventory.Inventory
		allowed   []string
		want      string
	}{
		{"nothing is left over", known(t), mine, ""},
		{"his own is left over", known(t, thing("VMUser", "ns", "mine", "drain.x", record("ns/x"))), mine, ""},
		{"somebody else's is left over", known(t, thing("VMCluster", "ns", "theirs", "owner", "ns/x")), mine,
			cannot + `update resource "vmclusters" named "theirs"` + doing + `releasing what carries this object's mark would have done on their behalf`},
		{"nobody knows, and he may not change all", unread(t), mine,
			cannot + `update resource "vmclusters"` + doing + `releasing what carries this object's mark would have done on their behalf`},
		{"nobody knows, and he may change all", unread(t), []string{"update ", "patch "}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, _ := plugged(t, test.inventory, test.allowed...)
			got := ""
			if err := p.Validate(t.Context(), request(object, nil, admission.Create), nil); err != nil {
				got = err.Error()
			}
			if test.want == "" && got != "" || !strings.HasPrefix(got, test.want) {
				t.Errorf("refused with\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
