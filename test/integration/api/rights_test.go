// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

const operatorGroup = "operator.victoriametrics.com"

// grant gives a user rules of their own in a namespace.
func grant(t *testing.T, namespace, user string, rules ...rbacv1.PolicyRule) {
	t.Helper()
	role, err := shared.admin.kubernetes.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "tester-"}, Rules: rules,
	}, metav1.CreateOptions{})
	must(t, err)
	_, err = shared.admin.kubernetes.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "tester-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}, metav1.CreateOptions{})
	must(t, err)
}

// rule allows verbs on resources of the operator's group, on all or on those named.
func rule(resources, verbs string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{
		APIGroups: []string{operatorGroup}, Resources: strings.Fields(resources), Verbs: strings.Fields(verbs), ResourceNames: names,
	}
}

// ours are all rights on our own kind, status and all.
var ours = rule("vmdistributedclusters vmdistributedclusters/status vmdistributedclusters/zones "+
	"vmdistributedclusters/promote vmdistributedclusters/abort vmdistributedclusters/retry vmdistributedclusters/undo vmdistributedclusters/skip vmdistributedclusters/restart vmdistributedclusters/history", "*")

// hostObjects returns a client for the operator's kinds.
func hostObjects(t *testing.T) dynamic.Interface {
	t.Helper()
	client, err := dynamic.NewForConfig(shared.cp.Config())
	must(t, err)
	return client
}

// vmcluster makes a VMCluster that nobody reconciles.
func vmcluster(t *testing.T, namespace, name string) {
	t.Helper()
	_, err := hostObjects(t).Resource(victoriametrics.VMClusterResource).Namespace(namespace).Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": operatorGroup + "/v1beta1", "kind": "VMCluster", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"retentionPeriod": "1", "vmstorage": map[string]any{"replicaCount": int64(2)}},
	}}, metav1.CreateOptions{})
	must(t, err)
}

// inShapes writes entries in the three shapes of zones.
func inShapes(entries ...string) map[string]string {
	var wrapped []string
	for _, entry := range entries {
		wrapped = append(wrapped, `{"vmclusters":`+entry+`}`)
	}
	return map[string]string{
		"object":                  `{"vmclusters":[` + strings.Join(entries, ",") + `]}`,
		"list of wrapped entries": `[` + strings.Join(wrapped, ",") + `]`,
		"list of entries":         `[` + strings.Join(entries, ",") + `]`,
	}
}

// Zones of bob's, and what somebody else puts over theirs.
const (
	mine     = `{"ref":{"name":"mine"}}`
	override = `,"overrideSpec":{"vmselect":{"replicaCount":9}}`
)

// withinReach makes a namespace in which bob may do everything with
// VMDistributedClusters, and something with few objects beside: he may edit the
// VMClusters mine and mine-too, and the VMUser and the VMAgent that are called shared.
// He has a VMDistributedCluster x over mine; the VMCluster theirs is not his.
func withinReach(t *testing.T, more ...rbacv1.PolicyRule) (namespace, bob string, caller *caller) {
	t.Helper()
	namespace = newNamespace(t)
	for _, name := range []string{"mine", "theirs"} {
		vmcluster(t, namespace, name)
	}
	bob = "bob-of-" + namespace
	grant(t, namespace, bob, append(more, ours,
		rule("vmclusters", "create update patch delete", "mine", "mine-too"), rule("vmusers vmagents", "update patch", "shared"))...)
	caller = as(t, bob)
	eventually(t, "bob may work with what is his", func() bool {
		return caller.create(t, namespace, object("x", `{"zones":[`+mine+`]}`)).code == http.StatusCreated
	})
	settled(t, namespace, "x")
	return namespace, bob, caller
}

// untouched returns what checks that a VMCluster still is as it was before.
func untouched(t *testing.T, namespace, name string) (check func()) {
	t.Helper()
	before := liveCluster(t, namespace, name)
	return func() {
		t.Helper()
		if after := liveCluster(t, namespace, name); after != before {
			t.Errorf("somebody else's VMCluster became\n%s, it was\n%s", after, before)
		}
	}
}

// writesOf are all ways to bring an entry into the list of zones: of a new object y,
// and of x, which is there. list has the entry in one of the shapes.
func writesOf(t *testing.T, caller *caller, namespace, list, entry string) map[string]func() answer {
	spec := `{"zones":` + list + `}`
	patch := func(name, contentType, body string) func() answer {
		path := in(namespace, name)
		if contentType == applyType {
			path += "?fieldManager=bob&force=true"
		}
		return func() answer { return caller.send(t, http.MethodPatch, path, contentType, body) }
	}
	return map[string]func() answer{
		"create":                 func() answer { return caller.create(t, namespace, object("y", spec)) },
		"create by apply":        patch("y", applyType, object("y", spec)),
		"update":                 func() answer { return caller.send(t, http.MethodPut, in(namespace, "x"), jsonType, object("x", spec)) },
		"apply":                  patch("x", applyType, object("x", spec)),
		"merge patch":            patch("x", mergeType, `{"spec":`+spec+`}`),
		"strategic merge patch":  patch("x", strategicType, `{"spec":`+spec+`}`),
		"JSON patch":             patch("x", jsonPatchType, `[{"op":"replace","path":"/spec/zones","value":`+list+`}]`),
		"JSON patch of the list": patch("x", jsonPatchType, `[{"op":"add","path":"/spec/zones/vmclusters/-","value":`+entry+`}]`),
		"dry run": func() answer {
			return caller.send(t, http.MethodPost, in(namespace)+"?dryRun=All", jsonType, object("y", spec))
		},
	}
}

// TestCallerReachesNoVMClusterThatTheyMayNotEdit: whoever may do everything with
// VMDistributedClusters, and edit one VMCluster, gets at no other by any verb, type
// of patch or shape.
func TestCallerReachesNoVMClusterThatTheyMayNotEdit(t *testing.T) {
	t.Parallel()
	namespace, bob, caller := withinReach(t)
	defer untouched(t, namespace, "theirs")()
	for kind, test := range map[string]struct{ entry, reached string }{
		"reference":       {`{"ref":{"name":"theirs"}}`, "theirs"},
		"override":        {`{"ref":{"name":"theirs"}` + override + `}`, "theirs"},
		"definition":      {`{"name":"theirs","spec":{}}`, "theirs"},
		"new definition":  {`{"name":"new","spec":{}}`, "new"},
		"named otherwise": {`{"name":"mine","ref":{"name":"theirs"}` + override + `}`, "theirs"},
	} {
		for shape, list := range inShapes(mine, test.entry) {
			for how, send := range writesOf(t, caller, namespace, list, test.entry) {
				t.Run(strings.Join([]string{kind, shape, how}, "/"), func(t *testing.T) {
					wantForbidden(t, send(), bob, "vmclusters", test.reached)
				})
			}
		}
	}
	wantNames(t, namespace, "x")
}

// TestCallerLetsNothingGoOnThatTheyMayNotDo: what somebody else has written waits, and
// bob may not let it go on, nor end it.
func TestCallerLetsNothingGoOnThatTheyMayNotDo(t *testing.T) {
	t.Parallel()
	namespace, bob, caller := withinReach(t)
	const first, second = `{"ref":{"name":"theirs"}` + override + `}`, `{"ref":{"name":"theirs-too"}}`
	const theirGates, waiting = `"vmagent":{"name":"shared"},"vmusers":[{"name":"shared"}]`, `"zones":{"vmclusters":[` + first + `,` + second + `]}`
	shared.admin.create(t, namespace, object("paused", `{"paused":true,`+theirGates+`,`+waiting+`}`)).want(t, http.StatusCreated)
	shared.admin.send(t, http.MethodPost, in(namespace, "paused", "abort"), jsonType, `{"apiVersion":"`+groupVersion+`","kind":"VMDistributedClusterAbort"}`).want(t, http.StatusCreated)
	defer untouched(t, namespace, "theirs")()
	merge := func(body string) func() answer {
		return func() answer { return caller.send(t, http.MethodPatch, in(namespace, "paused"), mergeType, body) }
	}
	jsonPatch := func(body string) func() answer {
		return func() answer { return caller.send(t, http.MethodPatch, in(namespace, "paused"), jsonPatchType, body) }
	}
	annotate := func(key, value string) func() answer {
		return merge(`{"metadata":{"annotations":{"distributed.victoriametrics.com/` + key + `":"` + value + `"}}}`)
	}
	for how, send := range map[string]func() answer{
		"let it go on": merge(`{"spec":{"paused":false}}`),
		"let it go on, by leaving paused out": func() answer {
			return caller.send(t, http.MethodPut, in(namespace, "paused"), jsonType, object("paused", `{`+theirGates+`,`+waiting+`}`))
		},
		"change the override":    jsonPatch(`[{"op":"replace","path":"/spec/zones/vmclusters/0/overrideSpec/vmselect/replicaCount","value":7}]`),
		"take the override away": jsonPatch(`[{"op":"remove","path":"/spec/zones/vmclusters/0/overrideSpec"}]`),
		"take the zone out":      merge(`{"spec":{"zones":[` + mine + `]}}`),
		"change the order":       merge(`{"spec":{"zones":[` + second + `,` + first + `]}}`),
		"name no VMAgent":        merge(`{"spec":{"vmagent":null}}`),
		"list no VMUser":         merge(`{"spec":{"vmusers":[]}}`),
		"change the strategy":    merge(`{"spec":{"strategy":{"minAvailableZones":0}}}`),
		"try again what was called off": func() answer {
			return caller.send(t, http.MethodPost, in(namespace, "paused", "retry"), jsonType, `{"apiVersion":"`+groupVersion+`","kind":"VMDistributedClusterRetry"}`)
		},
		// The garbage collector would then delete it.
		"give it an owner":            merge(`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"none","uid":"11111111-1111-1111-1111-111111111111"}]}}`),
		"permit that storage shrinks": annotate("permit-storage-shrink", "theirs:vmstorage.replicaCount=1"),
		"status": func() answer {
			return caller.send(t, http.MethodPatch, in(namespace, "paused", "status"), mergeType, `{"status":{"zones":[{"name":"theirs","phase":"Restoring"}]}}`)
		},
		"delete":      func() answer { return caller.send(t, http.MethodDelete, in(namespace, "paused"), "", "") },
		"delete, dry": func() answer { return caller.send(t, http.MethodDelete, in(namespace, "paused")+"?dryRun=All", "", "") },
		"delete collection": func() answer {
			return caller.send(t, http.MethodDelete, in(namespace)+"?fieldSelector=metadata.name%3Dpaused", "", "")
		},
	} {
		t.Run(how, func(t *testing.T) { wantForbidden(t, send(), bob, "vmclusters", "theirs") })
	}
	wantNames(t, namespace, "paused", "x")
}

// TestCallerHasNothingCreatedThatTheyMayNotCreate: bob may change a VMCluster that
// somebody else has defined and that was never made, and not make it.
func TestCallerHasNothingCreatedThatTheyMayNotCreate(t *testing.T) {
	t.Parallel()
	namespace, bob, caller := withinReach(t, rule("vmclusters", "update patch", "unmade"))
	shared.admin.create(t, namespace, paused("paused", `[{"name":"unmade","spec":{}}]`)).want(t, http.StatusCreated)
	defer untouched(t, namespace, "unmade")()
	for how, patch := range map[string]string{
		"define it otherwise":                `{"spec":{"zones":[{"name":"unmade","spec":{"retentionPeriod":"9"}}]}}`,
		"let it be made":                     `{"spec":{"paused":false}}`,
		"define it otherwise and have it so": `{"spec":{"paused":false,"zones":[{"name":"unmade","spec":{"retentionPeriod":"9"}}]}}`,
	} {
		t.Run(how, func(t *testing.T) {
			got := caller.send(t, http.MethodPatch, in(namespace, "paused"), mergeType, patch)
			wantForbidden(t, got, bob, "vmclusters", "unmade")
			if !strings.Contains(string(got.body), "cannot create") {
				t.Errorf("refused with %s", got.body)
			}
		})
	}
}

// TestCallerTakesUpNoLeftoversThatTheyMayNotEdit: VMClusters outlive the store of the
// server with their marks, and whoever creates an object of the name that they tell
// has it release them.
func TestCallerTakesUpNoLeftoversThatTheyMayNotEdit(t *testing.T) {
	t.Parallel()
	namespace, bob, caller := withinReach(t)
	mark := fmt.Sprintf(`{"metadata":{"annotations":{%q:"%s/lost"}}}`, victoriametrics.OwnerAnnotation, namespace)
	_, err := hostObjects(t).Resource(victoriametrics.VMClusterResource).Namespace(namespace).
		Patch(t.Context(), "theirs", types.MergePatchType, []byte(mark), metav1.PatchOptions{})
	must(t, err)
	defer untouched(t, namespace, "theirs")()
	lost := object("lost", `{"zones":[{"name":"mine-too","spec":{}}]}`)
	eventually(t, "the server knows of the mark", func() bool {
		return caller.send(t, http.MethodPost, in(namespace)+"?dryRun=All", jsonType, lost).code == http.StatusForbidden
	})
	wantForbidden(t, caller.create(t, namespace, lost), bob, "vmclusters", "theirs")
	wantForbidden(t, caller.send(t, http.MethodPatch, in(namespace, "lost")+"?fieldManager=bob", applyType, lost), bob, "vmclusters", "theirs")
	wantNames(t, namespace, "x")
}

// TestCallerMayDoWhatTouchesNothingOfOthers: what stays as it is, is nobody's business.
func TestCallerMayDoWhatTouchesNothingOfOthers(t *testing.T) {
	t.Parallel()
	namespace, _, caller := withinReach(t)
	shared.admin.create(t, namespace, paused("paused", `[{"ref":{"name":"theirs"}},{"name":"unmade","spec":{}}]`)).want(t, http.StatusCreated)
	caller.send(t, http.MethodPatch, in(namespace, "paused"), mergeType, `{"metadata":{"labels":{"a":"b"}}}`).want(t, http.StatusOK)
	caller.send(t, http.MethodPatch, in(namespace, "paused"), mergeType, `{"spec":{"deletionPolicy":"Retain"}}`).want(t, http.StatusOK)
	caller.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"spec":{"zones":[`+mine+`,{"name":"mine-too","spec":{}}]}}`).want(t, http.StatusOK)
	caller.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"spec":{"vmagent":{"name":"shared"},"vmusers":[{"name":"shared"}]}}`).want(t, http.StatusOK)
	caller.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"spec":{"paused":true}}`).want(t, http.StatusOK)
	caller.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"spec":{"paused":false}}`).want(t, http.StatusOK)
	caller.send(t, http.MethodDelete, in(namespace, "x"), "", "").want(t, http.StatusOK)
}

// liveCluster is a VMCluster as it stands, as text.
func liveCluster(t *testing.T, namespace, name string) string {
	t.Helper()
	found, err := hostObjects(t).Resource(victoriametrics.VMClusterResource).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return ""
	}
	must(t, err)
	return encode(t, found.Object)
}

// wantForbidden wants the refusal to name who may not do what, and to what.
func wantForbidden(t *testing.T, got answer, user, resource, name string) {
	t.Helper()
	message := got.want(t, http.StatusForbidden).problem(t).Message
	for _, part := range []string{fmt.Sprintf("User %q cannot ", user), fmt.Sprintf("resource %q named %q", resource, name)} {
		if !strings.Contains(message, part) {
			t.Errorf("the message lacks %s: %s", part, message)
		}
	}
}

// TestVMUsersAndTheVMAgentAreAskedAboutToo: rights on all VMClusters do not reach
// further than these.
func TestVMUsersAndTheVMAgentAreAskedAboutToo(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	bob := "bob-of-" + namespace
	grant(t, namespace, bob, ours, rule("vmclusters", "*"), rule("vmusers vmagents", "update patch", "mine"))
	caller := as(t, bob)
	const zones = `"zones":[{"ref":{"name":"a"}}]`
	eventually(t, "bob may work with what is his", func() bool {
		return caller.create(t, namespace, object("x", `{"vmagent":{"name":"mine"},"vmusers":[{"name":"mine"}],`+zones+`}`)).code == http.StatusCreated
	})
	for how, test := range map[string]struct{ spec, resource string }{
		"VMUser":             {`{"vmusers":[{"name":"mine"},{"name":"theirs"}],` + zones + `}`, "vmusers"},
		"VMAgent":            {`{"vmagent":{"name":"theirs"},` + zones + `}`, "vmagents"},
		"VMUser in place":    {`{"vmusers":[{"name":"theirs"}],` + zones + `}`, "vmusers"},
		"VMUser, other zone": {`{"vmusers":[{"name":"theirs"}],"zones":[{"ref":{"name":"b"}}]}`, "vmusers"},
	} {
		t.Run(how, func(t *testing.T) {
			wantForbidden(t, caller.create(t, namespace, object("y", test.spec)), bob, test.resource, "theirs")
			wantForbidden(t, caller.send(t, http.MethodPut, in(namespace, "x"), jsonType, object("x", test.spec)), bob, test.resource, "theirs")
		})
	}
}

// TestWhoEmptiesANamespaceNeedsNoRightsOnWhatItHolds: nothing is touched in one that
// terminates, and it must be able to go. The namespace controller may delete whatever
// there is, and change nothing; what is referred to would take that.
func TestWhoEmptiesANamespaceNeedsNoRightsOnWhatItHolds(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, object("x",
		`{"vmagent":{"name":"agent"},"vmusers":[{"name":"user"}],"zones":[{"name":"a","spec":{}},{"ref":{"name":"b"}}]}`)).want(t, http.StatusCreated)
	must(t, shared.admin.kubernetes.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}))
	eventually(t, "the namespace is gone", func() bool {
		_, err := shared.admin.kubernetes.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}
