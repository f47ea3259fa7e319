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
var ours = rule("vmdistributedclusters vmdistributedclusters/status vmdistributedclusters/zones", "*")

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

// TestCallerReachesNoVMClusterThatTheyMayNotEdit: whoever may do everything with
// VMDistributedClusters, and edit one VMCluster, gets at no other by any verb, type
// of patch or shape.
func TestCallerReachesNoVMClusterThatTheyMayNotEdit(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for _, name := range []string{"mine", "theirs"} {
		vmcluster(t, namespace, name)
	}
	bob := "bob-of-" + namespace
	grant(t, namespace, bob, ours, rule("vmclusters", "create update patch delete", "mine", "mine-too"))
	caller := as(t, bob)
	const mine, override = `{"ref":{"name":"mine"}}`, `,"overrideSpec":{"vmselect":{"replicaCount":9}}`
	eventually(t, "bob may work with what is his", func() bool {
		return caller.create(t, namespace, object("x", `{"zones":[`+mine+`]}`)).code == http.StatusCreated
	})
	settled(t, namespace, "x")
	// What somebody else has put over their own cluster.
	shared.admin.create(t, namespace, object("paused", `{"paused":true,"zones":[{"ref":{"name":"theirs"}`+override+`}]}`)).want(t, http.StatusCreated)
	before := liveCluster(t, namespace, "theirs")

	zones := func(entry string) map[string]string { return inShapes(mine, entry) }
	for kind, entry := range map[string]string{
		"reference":       `{"ref":{"name":"theirs"}}`,
		"override":        `{"ref":{"name":"theirs"}` + override + `}`,
		"definition":      `{"name":"theirs","spec":{}}`,
		"new definition":  `{"name":"new","spec":{}}`,
		"named otherwise": `{"name":"mine","ref":{"name":"theirs"}` + override + `}`,
	} {
		for shape, list := range zones(entry) {
			spec := `{"zones":` + list + `}`
			for how, send := range map[string]func() answer{
				"create": func() answer { return caller.create(t, namespace, object("y", spec)) },
				"create by apply": func() answer {
					return caller.send(t, http.MethodPatch, in(namespace, "y")+"?fieldManager=bob&force=true", applyType, object("y", spec))
				},
				"update": func() answer {
					return caller.send(t, http.MethodPut, in(namespace, "x"), jsonType, object("x", spec))
				},
				"apply": func() answer {
					return caller.send(t, http.MethodPatch, in(namespace, "x")+"?fieldManager=bob&force=true", applyType, object("x", spec))
				},
				"merge patch": func() answer {
					return caller.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"spec":`+spec+`}`)
				},
				"strategic merge patch": func() answer {
					return caller.send(t, http.MethodPatch, in(namespace, "x"), strategicType, `{"spec":`+spec+`}`)
				},
				"JSON patch": func() answer {
					return caller.send(t, http.MethodPatch, in(namespace, "x"), jsonPatchType, `[{"op":"replace","path":"/spec/zones","value":`+list+`}]`)
				},
				"JSON patch of the list": func() answer {
					return caller.send(t, http.MethodPatch, in(namespace, "x"), jsonPatchType, `[{"op":"add","path":"/spec/zones/vmclusters/-","value":`+entry+`}]`)
				},
				"dry run": func() answer {
					return caller.send(t, http.MethodPost, in(namespace)+"?dryRun=All", jsonType, object("y", spec))
				},
			} {
				t.Run(strings.Join([]string{kind, shape, how}, "/"), func(t *testing.T) {
					reached := "theirs"
					if kind == "new definition" {
						reached = "new"
					}
					wantForbidden(t, send(), bob, "vmclusters", reached)
				})
			}
		}
	}

	zonesOfPaused := `{"zones":{"vmclusters":[{"ref":{"name":"theirs"}` + override + `}]}}`
	for how, send := range map[string]func() answer{
		"let it go on": func() answer {
			return caller.send(t, http.MethodPatch, in(namespace, "paused"), mergeType, `{"spec":{"paused":false}}`)
		},
		"let it go on, by leaving paused out": func() answer {
			return caller.send(t, http.MethodPut, in(namespace, "paused"), jsonType, object("paused", zonesOfPaused))
		},
		"change the override": func() answer {
			return caller.send(t, http.MethodPatch, in(namespace, "paused"), jsonPatchType, `[{"op":"replace","path":"/spec/zones/vmclusters/0/overrideSpec/vmselect/replicaCount","value":7}]`)
		},
		"take the override away": func() answer {
			return caller.send(t, http.MethodPatch, in(namespace, "paused"), jsonPatchType, `[{"op":"remove","path":"/spec/zones/vmclusters/0/overrideSpec"}]`)
		},
		"take the zone out": func() answer {
			return caller.send(t, http.MethodPatch, in(namespace, "paused"), mergeType, `{"spec":{"zones":[`+mine+`]}}`)
		},
		"change the strategy": func() answer {
			return caller.send(t, http.MethodPatch, in(namespace, "paused"), mergeType, `{"spec":{"strategy":{"minAvailableZones":0}}}`)
		},
		"promote": func() answer {
			return caller.send(t, http.MethodPatch, in(namespace, "paused"), mergeType, `{"metadata":{"annotations":{"distributed.victoriametrics.com/promote":"theirs:1"}}}`)
		},
		"permit that storage shrinks": func() answer {
			return caller.send(t, http.MethodPatch, in(namespace, "paused"), mergeType, `{"metadata":{"annotations":{"distributed.victoriametrics.com/permit-storage-shrink":"theirs:vmstorage.replicaCount=1"}}}`)
		},
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
	if after := liveCluster(t, namespace, "theirs"); after != before {
		t.Errorf("somebody else's VMCluster became\n%s, it was\n%s", after, before)
	}
	wantNames(t, namespace, "paused", "x")

	// What changes nothing of theirs is nobody's business.
	caller.send(t, http.MethodPatch, in(namespace, "paused"), mergeType, `{"metadata":{"labels":{"a":"b"}}}`).want(t, http.StatusOK)
	caller.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"spec":{"zones":[`+mine+`,{"name":"mine-too","spec":{}}]}}`).want(t, http.StatusOK)
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

// TestVMUsersAndTheVMAgentAreAskedAboutToo.
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

// TestWhoEmptiesANamespaceNeedsNoRightsOnVMClusters: nothing is touched in one that
// terminates, and it must be able to go.
func TestWhoEmptiesANamespaceNeedsNoRightsOnVMClusters(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, object("x", `{"zones":[{"name":"a","spec":{}}]}`)).want(t, http.StatusCreated)
	must(t, shared.admin.kubernetes.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}))
	eventually(t, "the namespace is gone", func() bool {
		_, err := shared.admin.kubernetes.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}
