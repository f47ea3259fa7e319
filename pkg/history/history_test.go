// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
)

var one = types.NamespacedName{Namespace: "here", Name: "one"}

// wanting is a state in which a zone is to have a definition.
func wanting(t *testing.T, spec string) State {
	t.Helper()
	zones := vmdistributed.Zones{VMClusters: []vmdistributed.Zone{
		{Name: "a", Spec: &rawjson.Object{Raw: []byte(spec)}}, {Ref: &vmdistributed.ObjectReference{Name: "b"}},
	}}
	all, err := revision.OfList(zones.VMClusters)
	if err != nil {
		t.Fatal(err)
	}
	return State{Revision: revision.OfZones(all), Zones: zones, Started: noon, Limit: 10}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestARevisionComesBackAsItWasWanted(t *testing.T) {
	h := New(fake.NewClientset().AppsV1())
	state := wanting(t, `{"retentionPeriod":"1","vmselect":{"replicaCount":2,"extraArgs":{"x":null,"y":"<&>"}}}`)
	state.Author, state.Cause = "ann", strings.Repeat("ü", 1000)
	state.Decisions = []Decision{{vmdistributed.RevisionPartial, state.Revision, "a skipped by bob"}}
	must(t, h.Keep(t.Context(), one, state))
	record, err := h.Get(t.Context(), one, state.Revision)
	must(t, err)
	if record == nil || record.Problem != "" || record.Author != "ann" || record.Note != "a skipped by bob" || !strings.HasPrefix(state.Cause, strings.TrimSuffix(record.Cause, "...")) {
		t.Fatalf("got %+v", record)
	}
	all, err := revision.OfList(record.Zones.VMClusters)
	must(t, err)
	if got := revision.OfZones(all); got != state.Revision {
		t.Errorf("what is on record is revision %s, want %s", got, state.Revision)
	}
	if record, err := h.Get(t.Context(), one, "0123456789"); record != nil || err != nil {
		t.Errorf("got %+v, %v, want none", record, err)
	}
}

func TestNothingIsWrittenWhereAllIsOnRecord(t *testing.T) {
	client := fake.NewClientset()
	h := New(client.AppsV1())
	state := wanting(t, `{}`)
	must(t, h.Keep(t.Context(), one, state))
	client.ClearActions()
	must(t, h.Keep(t.Context(), one, state))
	for _, action := range client.Actions() {
		if action.GetVerb() != "list" {
			t.Errorf("there was a %s", action.GetVerb())
		}
	}
}

func TestARecordThatSomebodyHasChangedIsNotGoneBackTo(t *testing.T) {
	client := fake.NewClientset()
	h := New(client.AppsV1())
	state := wanting(t, `{"x":1}`)
	must(t, h.Keep(t.Context(), one, state))
	revisions := client.AppsV1().ControllerRevisions(one.Namespace)
	found, err := revisions.Get(t.Context(), nameOf(one, state.Revision), metav1.GetOptions{})
	must(t, err)
	found.Data.Raw = []byte(strings.Replace(string(found.Data.Raw), `"x":1`, `"x":2`, 1))
	_, err = revisions.Update(t.Context(), found, metav1.UpdateOptions{})
	must(t, err)
	record, err := h.Get(t.Context(), one, state.Revision)
	must(t, err)
	if record == nil || !strings.Contains(record.Problem, "its data is that of revision ") {
		t.Errorf("got %+v, want a problem", record)
	}
}

func TestObjectsKeepApartWhatIsOnRecord(t *testing.T) {
	h := New(fake.NewClientset().AppsV1())
	long := types.NamespacedName{Namespace: "here", Name: strings.Repeat("a", 250)}
	longer := types.NamespacedName{Namespace: "here", Name: strings.Repeat("a", 251)}
	for _, object := range []types.NamespacedName{one, long, longer} {
		must(t, h.Keep(t.Context(), object, wanting(t, `{}`)))
	}
	must(t, h.Forget(t.Context(), long))
	for object, want := range map[types.NamespacedName]int{one: 1, long: 0, longer: 1} {
		records, err := h.List(t.Context(), object)
		must(t, err)
		if len(records) != want {
			t.Errorf("of %s there are %d records, want %d", object, len(records), want)
		}
	}
}

func TestEveryNameMakesALabelAndAName(t *testing.T) {
	for _, name := range []string{"a", "a.b-c", strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 39) + ".-." + strings.Repeat("b", 200)} {
		for _, problem := range utilvalidation.IsValidLabelValue(labelOf(name)) {
			t.Errorf("label of %q: %s", name, problem)
		}
		for _, problem := range utilvalidation.IsDNS1123Subdomain(nameOf(types.NamespacedName{Name: name}, "0123456789")) {
			t.Errorf("name of %q: %s", name, problem)
		}
	}
}
