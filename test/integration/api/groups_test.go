// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// Here are the promises about two groups that serve the same objects.

// crossing is a way of writing in one group and reading in another.
type crossing struct{ writes, reads string }

// crossings are all that there are.
func crossings() []crossing {
	return []crossing{{groupVersion, otherGroupVersion}, {otherGroupVersion, groupVersion}}
}

// ofGroup is a manifest of the first group, for one of them.
func ofGroup(version, body string) string {
	return strings.ReplaceAll(body, groupVersion, version)
}

// readIn returns an object as one of the groups shows it.
func readIn(t *testing.T, version, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	object := shared.admin.get(t, inGroup(version, namespace, name)).want(t, http.StatusOK).object(t)
	if object.GetAPIVersion() != version {
		t.Errorf("read in %s, it is %s", version, object.GetAPIVersion())
	}
	return object
}

// withoutGroup writes down all of an object but the group that it was read in.
func withoutGroup(t *testing.T, object *unstructured.Unstructured) string {
	t.Helper()
	copied := object.DeepCopy()
	copied.SetAPIVersion("")
	return encode(t, copied.Object)
}

// TestOneObjectIsInBothGroups, once in each, and the same to the last character.
func TestOneObjectIsInBothGroups(t *testing.T) {
	t.Parallel()
	for _, c := range crossings() {
		t.Run("made in "+c.writes, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			made := shared.admin.send(t, http.MethodPost, inGroup(c.writes, namespace), jsonType, ofGroup(c.writes, paused("x", canonical))).want(t, http.StatusCreated).object(t)
			settled(t, namespace, "x")
			there, here := readIn(t, c.reads, namespace, "x"), readIn(t, c.writes, namespace, "x")
			if there.GetUID() != made.GetUID() || there.GetGeneration() != 1 {
				t.Errorf("made with uid %s, read with uid %s, generation %d", made.GetUID(), there.GetUID(), there.GetGeneration())
			}
			if got, want := withoutGroup(t, there), withoutGroup(t, here); got != want {
				t.Errorf("in %s it is\n%s\nin %s\n%s", c.reads, got, c.writes, want)
			}
			wantCanonical(t, there)
			for _, version := range []string{c.writes, c.reads} {
				for _, path := range []string{inGroup(version, namespace), "/apis/" + version + "/vmdistributedclusters?fieldSelector=metadata.namespace%3D" + namespace} {
					list := shared.admin.get(t, path).want(t, http.StatusOK).object(t)
					items, _, err := unstructured.NestedSlice(list.Object, "items")
					must(t, err)
					if len(items) != 1 || list.GetAPIVersion() != version {
						t.Errorf("%s lists %d objects of %s", path, len(items), list.GetAPIVersion())
					}
				}
			}
			again := shared.admin.send(t, http.MethodPost, inGroup(c.reads, namespace), jsonType, ofGroup(c.reads, paused("x", canonical))).want(t, http.StatusConflict).problem(t)
			group, _, _ := strings.Cut(c.reads, "/")
			if want := `vmdistributedclusters.` + group + ` "x" already exists`; again.Message != want {
				t.Errorf("made once more, it says %s, want %s", again.Message, want)
			}
			shared.admin.send(t, http.MethodDelete, inGroup(c.reads, namespace, "x"), "", "").want(t, http.StatusOK)
			eventually(t, "it is gone", func() bool {
				return shared.admin.get(t, inGroup(c.writes, namespace, "x")).code == http.StatusNotFound
			})
			shared.admin.get(t, inGroup(c.reads, namespace, "x")).want(t, http.StatusNotFound)
		})
	}
}

// TestEveryWriteThroughTheSecondGroup, in every shape of spec.zones, means what it
// means in the first.
func TestEveryWriteThroughTheSecondGroup(t *testing.T) {
	t.Parallel()
	at := func(method, contentType, query, format string) func(*testing.T, string, string) answer {
		return func(t *testing.T, namespace, zones string) answer {
			t.Helper()
			path := inGroup(otherGroupVersion, namespace, "x")
			if method == http.MethodPost {
				path = inGroup(otherGroupVersion, namespace)
			}
			body := fmt.Sprintf(format, zones)
			return shared.admin.send(t, method, path+query, contentType, ofGroup(otherGroupVersion, body))
		}
	}
	whole := paused("x", "%s")
	byKubectl := func(more ...string) func(*testing.T, string, string) answer {
		return func(t *testing.T, namespace, zones string) answer {
			t.Helper()
			kubectl(t, namespace, append([]string{"apply", "-f", file(t, "x.json", ofGroup(otherGroupVersion, paused("x", zones)))}, more...)...)
			return answer{code: http.StatusOK}
		}
	}
	for _, how := range []struct {
		name  string
		onto  bool
		write func(t *testing.T, namespace, zones string) answer
	}{
		{"create", false, at(http.MethodPost, jsonType, "", whole)},
		{"update", true, at(http.MethodPut, jsonType, "", whole)},
		{"merge patch", true, at(http.MethodPatch, mergeType, "", `{"spec":{"zones":%s}}`)},
		{"strategic merge patch", true, at(http.MethodPatch, strategicType, "", `{"spec":{"zones":%s}}`)},
		{"JSON patch", true, at(http.MethodPatch, jsonPatchType, "", `[{"op":"replace","path":"/spec/zones","value":%s}]`)},
		{"server-side apply", false, at(http.MethodPatch, applyType, "?fieldManager=tester", whole)},
		{"server-side apply onto another", true, at(http.MethodPatch, applyType, "?fieldManager=tester&force=true", whole)},
		// Of an object that is new, client-side apply leaves out each null, in any group.
		{"apply", true, byKubectl()},
		{"apply --server-side", false, byKubectl("--server-side")},
	} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			for _, shape := range shapes {
				namespace, generation := newNamespace(t), int64(1)
				if how.onto {
					shared.admin.create(t, namespace, paused("x", before)).want(t, http.StatusCreated)
					generation = 2
				}
				how.write(t, namespace, shape.zones).want(t, http.StatusOK, http.StatusCreated)
				object := settled(t, namespace, "x")
				wantCanonical(t, object)
				if object.GetGeneration() != generation {
					t.Errorf("%s: the generation is %d, want %d", shape.name, object.GetGeneration(), generation)
				}
			}
		})
	}
}

// TestWhatIsWrongIsSaidInTheGroupOfTheRequest: every check holds in the second group
// too, and names it.
func TestWhatIsWrongIsSaidInTheGroupOfTheRequest(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("other", one("taken"))).want(t, http.StatusCreated)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	stale := settled(t, namespace, "x").GetResourceVersion()
	shared.admin.send(t, http.MethodPatch, in(namespace, "x"), mergeType, `{"metadata":{"labels":{"a":"b"}}}`).want(t, http.StatusOK)
	with := func(spec string) string {
		return `{"apiVersion":"` + groupVersion + `","kind":"VMDistributedCluster","metadata":{"name":"y"},"spec":` + spec + `}`
	}
	stalePut := strings.Replace(paused("x", canonical), `"metadata":{`, `"metadata":{"resourceVersion":"`+stale+`",`, 1)
	for _, test := range []struct {
		name, method, path, contentType, body string
		code                                  int
		want                                  []string
	}{
		{"a field that there is not", http.MethodPost, "?fieldValidation=Strict", jsonType, with(`{"bogus":1,"zones":` + canonical + `}`), http.StatusBadRequest, []string{`unknown field "spec.bogus"`}},
		{"a field of the operator that there is not", http.MethodPost, "?fieldValidation=Strict", jsonType,
			with(`{"zones":[{"name":"a","spec":{"vmselect":{"bogus":1}}}]}`), http.StatusBadRequest, []string{"bogus"}},
		{"against a tag", http.MethodPost, "", jsonType, with(`{"strategy":{"maxUnavailable":0},"zones":` + one("a") + `}`), http.StatusUnprocessableEntity,
			[]string{`VMDistributedCluster.GROUP "y" is invalid`, "spec.strategy.maxUnavailable"}},
		{"against a tag, by a list", http.MethodPost, "", jsonType, with(`{"zones":[{"name":"a","ref":{"name":"b"},"spec":{}}]}`), http.StatusUnprocessableEntity,
			[]string{`VMDistributedCluster.GROUP "y" is invalid`, "spec.zones.vmclusters[0]"}},
		{"against a rule in Go", http.MethodPost, "", jsonType, with(`{"strategy":{"updatePause":"soon"},"zones":` + one("a") + `}`), http.StatusUnprocessableEntity,
			[]string{`VMDistributedCluster.GROUP "y" is invalid`, "spec.strategy.updatePause"}},
		{"no shape of zones", http.MethodPost, "", jsonType, with(`{"zones":[{"name":"a","vmclusters":{"name":"b"}}]}`), http.StatusUnprocessableEntity,
			[]string{`VMDistributedCluster.GROUP "" is invalid`, "has both vmclusters and name"}},
		{"against the operator's definition", http.MethodPost, "", jsonType, with(`{"zones":[{"name":"a","spec":{"vmselect":{"replicaCount":"two"}}}]}`), http.StatusUnprocessableEntity,
			[]string{`VMDistributedCluster.GROUP "y" is invalid`, "spec.zones.vmclusters[0].spec.vmselect.replicaCount"}},
		{"another's zone", http.MethodPost, "", jsonType, with(`{"zones":` + one("taken") + `}`), http.StatusUnprocessableEntity,
			[]string{`VMDistributedCluster.GROUP "y" is invalid`, `belongs to the VMDistributedCluster "other" already`}},
		{"another's zone, by a change", http.MethodPatch, "/x", mergeType, `{"spec":{"zones":[{"name":"taken","spec":{}}]}}`, http.StatusUnprocessableEntity,
			[]string{`VMDistributedCluster.GROUP "x" is invalid`, `belongs to the VMDistributedCluster "other" already`}},
		{"an unknown field, applied", http.MethodPatch, "/y?fieldManager=tester", applyType, with(`{"bogus":1,"zones":` + canonical + `}`), http.StatusBadRequest, []string{`unknown field "spec.bogus"`}},
		{"not there", http.MethodPatch, "/z", mergeType, `{}`, http.StatusNotFound, []string{`vmdistributedclusters.GROUP "z" not found`}},
		{"changed meanwhile", http.MethodPut, "/x", jsonType, stalePut, http.StatusConflict, []string{`vmdistributedclusters.GROUP "x"`, "the object has been modified"}},
		{"of the other group", http.MethodPost, "", jsonType, "other group", http.StatusBadRequest, []string{"does not match the expected API version"}},
	} {
		for _, c := range crossings() {
			t.Run(test.name+", in "+c.writes, func(t *testing.T) {
				body := ofGroup(c.writes, test.body)
				if test.name == "of the other group" {
					body = ofGroup(c.reads, paused("y", canonical))
				}
				got := shared.admin.send(t, test.method, inGroup(c.writes, namespace)+test.path, test.contentType, body).want(t, test.code).problem(t)
				group, _, _ := strings.Cut(c.writes, "/")
				for _, want := range test.want {
					if want := strings.ReplaceAll(want, "GROUP", group); !strings.Contains(got.Message, want) {
						t.Errorf("the message is %s, want %s in it", got.Message, want)
					}
				}
				if other, _, _ := strings.Cut(c.reads, "/"); strings.Contains(got.Message, "."+other) {
					t.Errorf("the message names the other group: %s", got.Message)
				}
			})
		}
	}
}

// TestApplyKnowsOneSetOfOwnersInBothGroups: who owns a field by one group is in the
// way of who applies by the other, and a manager that changes groups keeps what it
// has.
func TestApplyKnowsOneSetOfOwnersInBothGroups(t *testing.T) {
	t.Parallel()
	apply := func(t *testing.T, version, manager, namespace, body, options string) answer {
		t.Helper()
		return shared.admin.send(t, http.MethodPatch, inGroup(version, namespace, "x")+"?fieldManager="+manager+options, applyType, ofGroup(version, body))
	}
	with := func(more string) string {
		return `{"apiVersion":"` + groupVersion + `","kind":"VMDistributedCluster","metadata":{"name":"x"},"spec":{"paused":true,` + more + `"zones":` + one("a") + `}}`
	}
	for _, c := range crossings() {
		t.Run("from "+c.writes, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			apply(t, c.writes, "first", namespace, with(`"vmagent":{"name":"a"},"vmusers":[{"name":"u"}],`), "").want(t, http.StatusCreated)

			got := apply(t, c.reads, "second", namespace, with(`"vmagent":{"name":"b"},`), "").want(t, http.StatusConflict).problem(t)
			if !strings.Contains(got.Message, `"first"`) || !strings.Contains(got.Message, ".spec.vmagent.name") {
				t.Errorf("the conflict is told as %s", got.Message)
			}
			apply(t, c.reads, "second", namespace, with(`"vmagent":{"name":"b"},`), "&force=true").want(t, http.StatusOK)
			if owned := ownedBy(t, namespace, "first"); strings.Contains(owned, "f:vmagent") || !strings.Contains(owned, "f:vmusers") {
				t.Errorf("who lost the field owns %s", owned)
			}

			// By the other group, the first manager leaves out what it had.
			apply(t, c.reads, "first", namespace, with(``), "").want(t, http.StatusOK)
			object := typed(t, namespace, "x")
			if len(object.Spec.VMUsers) > 0 || object.Spec.VMAgent.Name != "b" {
				t.Errorf("left are %s", encode(t, object.Spec))
			}
			var versions []string
			for _, entry := range object.ManagedFields {
				if entry.Manager == "first" {
					versions = append(versions, entry.APIVersion)
				}
			}
			if !slices.Equal(versions, []string{c.reads}) {
				t.Errorf("the first manager has entries of %v", versions)
			}
			settled(t, namespace, "x")
			was := read(t, namespace, "x").GetResourceVersion()
			apply(t, c.reads, "first", namespace, with(``), "").want(t, http.StatusOK)
			if is := read(t, namespace, "x").GetResourceVersion(); is != was {
				t.Errorf("applied again without a change, the object moved from %s to %s", was, is)
			}
		})
	}
}

// TestStatusAndSpecStayApartInTheSecondGroup, by each kind of write.
func TestStatusAndSpecStayApartInTheSecondGroup(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	whole := ofGroup(otherGroupVersion, strings.TrimSuffix(paused("x", canonical), "}")+`,"status":{"updateStatus":"forged"}}`)
	shared.admin.send(t, http.MethodPatch, inGroup(otherGroupVersion, namespace, "x")+"?fieldManager=main", applyType, whole).want(t, http.StatusCreated)
	if owned := ownedBy(t, namespace, "main"); strings.Contains(owned, "f:status") || !strings.Contains(owned, "f:spec") {
		t.Errorf("through the main resource it owns %s", owned)
	}
	settled(t, namespace, "x")
	status := inGroup(otherGroupVersion, namespace, "x", "status")
	labelled := strings.Replace(strings.Replace(whole, `"metadata":{`, `"metadata":{"labels":{"a":"b"},`, 1), `"paused":true`, `"paused":false`, 1)
	for _, write := range []struct{ method, query, contentType, body string }{
		{http.MethodPatch, "?fieldManager=status&force=true", applyType, labelled},
		{http.MethodPut, "", jsonType, labelled},
		{http.MethodPatch, "", mergeType, `{"metadata":{"labels":{"a":"b"}},"spec":{"paused":false},"status":{"reason":"said so"}}`},
		{http.MethodPatch, "", jsonPatchType, `[{"op":"add","path":"/status/reason","value":"said so"},{"op":"replace","path":"/spec/paused","value":false}]`},
	} {
		got := shared.admin.send(t, write.method, status+write.query, write.contentType, write.body).want(t, http.StatusOK).object(t)
		if len(got.GetLabels()) > 0 || got.GetGeneration() != 1 {
			t.Errorf("%s of %s to status left labels %v and generation %d", write.method, write.contentType, got.GetLabels(), got.GetGeneration())
		}
		wantCanonical(t, got)
	}
	for _, entry := range read(t, namespace, "x").GetManagedFields() {
		if owned := entry.FieldsV1.GetRawString(); entry.Manager == "status" && (strings.Contains(owned, "f:spec") || strings.Contains(owned, "f:labels") || !strings.Contains(owned, "f:updateStatus")) {
			t.Errorf("through status it owns %s", owned)
		}
	}
}

// TestZonesOfTheSecondGroup are the same report, also as stock kubectl prints it.
func TestZonesOfTheSecondGroup(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	settled(t, namespace, "x")
	var reports []string
	for _, version := range []string{groupVersion, otherGroupVersion} {
		report := shared.admin.get(t, inGroup(version, namespace, "x", "zones")).want(t, http.StatusOK).object(t)
		if report.GetAPIVersion() != version || report.GetKind() != "VMDistributedClusterZones" {
			t.Errorf("in %s it is a %s of %s", version, report.GetKind(), report.GetAPIVersion())
		}
		reports = append(reports, encode(t, report.Object["zones"]))
	}
	if reports[0] != reports[1] {
		t.Errorf("the reports are\n%s\nand\n%s", reports[0], reports[1])
	}
	got := lines(kubectl(t, namespace, "get", "vmdistributedclusters.distributed.victoriametrics.com", "x", "--subresource=zones").stdout)
	if len(got) != 3 || !strings.HasPrefix(got[1], "zone-a") || !strings.HasPrefix(got[2], "zone-b") {
		t.Errorf("kubectl prints\n%s", strings.Join(got, "\n"))
	}
}

// TestDeleteCollectionInOneGroupTakesAll that the labels fit, wherever it was made.
func TestDeleteCollectionInOneGroupTakesAll(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for i, version := range []string{groupVersion, otherGroupVersion, groupVersion} {
		name := fmt.Sprintf("x%d", i)
		body := strings.Replace(paused(name, one(name)), `"metadata":{`, fmt.Sprintf(`"metadata":{"labels":{"goes":"%t"},`, i < 2), 1)
		shared.admin.send(t, http.MethodPost, inGroup(version, namespace), jsonType, ofGroup(version, body)).want(t, http.StatusCreated)
	}
	shared.admin.send(t, http.MethodDelete, inGroup(otherGroupVersion, namespace)+"?labelSelector=goes%3Dtrue", "", "").want(t, http.StatusOK)
	eventually(t, "both are gone", func() bool {
		list := shared.admin.get(t, in(namespace)).want(t, http.StatusOK).object(t)
		items, _, err := unstructured.NestedSlice(list.Object, "items")
		must(t, err)
		return len(items) == 1
	})
	readIn(t, otherGroupVersion, namespace, "x2")
}

// TestANameWithoutAGroupIsTakenForTheFirst, where both are registered; a category
// lists each object once for each group.
func TestANameWithoutAGroupIsTakenForTheFirst(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	const first, second = "vmdistributedcluster.operator.victoriametrics.com/x", "vmdistributedcluster.distributed.victoriametrics.com/x"
	for called, want := range map[string][]string{
		"vmdc":                  {first},
		"vmdistributedclusters": {first},
		"vmdistributedclusters.distributed.victoriametrics.com": {second},
		"vmdc.distributed.victoriametrics.com":                  {second},
		"victoriametrics":                                       {first, second},
	} {
		got := lines(kubectl(t, namespace, "get", called, "-o", "name").stdout)
		slices.Sort(got)
		if want = slices.Sorted(slices.Values(want)); !slices.Equal(got, want) {
			t.Errorf("get %s prints %q, want %q", called, got, want)
		}
	}
}

// TestRightsInOneGroupAreNoneInTheOther, and those that the server asks for on behalf
// of the caller are asked for in both.
func TestRightsInOneGroupAreNoneInTheOther(t *testing.T) {
	t.Parallel()
	for _, c := range crossings() {
		t.Run("in "+c.writes, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			user := "writer-of-" + namespace
			own := ours
			group, _, _ := strings.Cut(c.writes, "/")
			own.APIGroups = []string{group}
			grant(t, namespace, user, own)
			bob := as(t, user)
			eventually(t, "the rights are known", func() bool { return bob.get(t, inGroup(c.writes, namespace)).code == http.StatusOK })
			bob.get(t, inGroup(c.reads, namespace)).want(t, http.StatusForbidden)
			bob.send(t, http.MethodPost, inGroup(c.reads, namespace), jsonType, ofGroup(c.reads, paused("x", one("a")))).want(t, http.StatusForbidden)

			got := bob.send(t, http.MethodPost, inGroup(c.writes, namespace), jsonType, ofGroup(c.writes, paused("x", one("a")))).want(t, http.StatusForbidden).problem(t)
			for _, want := range []string{"vmdistributedclusters." + group + ` "x" is forbidden`, `cannot create resource "vmclusters"`} {
				if !strings.Contains(got.Message, want) {
					t.Errorf("the message is %s, want %s in it", got.Message, want)
				}
			}
			grant(t, namespace, user, rule(victoriametrics.VMClusterResource.Resource, "*"))
			eventually(t, "the rights are known", func() bool {
				return bob.send(t, http.MethodPost, inGroup(c.writes, namespace), jsonType, ofGroup(c.writes, paused("x", one("a")))).code == http.StatusCreated
			})
		})
	}
}

// TestShippedRolesOfTheSecondGroupGrantWhatThoseOfTheFirstDo.
func TestShippedRolesOfTheSecondGroupGrantWhatThoseOfTheFirstDo(t *testing.T) {
	t.Parallel()
	roles := shared.admin.kubernetes.RbacV1().ClusterRoles()
	for first, second := range map[string]string{"vmdistributed-view": "vmdistributed-beside-view", "vmdistributed-edit": "vmdistributed-beside-edit"} {
		want, err := roles.Get(t.Context(), first, metav1.GetOptions{})
		must(t, err)
		got, err := roles.Get(t.Context(), second, metav1.GetOptions{})
		must(t, err)
		for i := range want.Rules {
			want.Rules[i].APIGroups = []string{"distributed.victoriametrics.com"}
		}
		if a, b := encode(t, got.Rules)+encode(t, got.Labels), encode(t, want.Rules)+encode(t, want.Labels); a != b {
			t.Errorf("%s grants %s, want %s", second, a, b)
		}
	}
}
