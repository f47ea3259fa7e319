// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// document decodes text, and says whether it is a JSON object.
func document(text string) (map[string]any, bool) {
	var doc map[string]any
	err := utiljson.Unmarshal([]byte(text), &doc)
	return doc, err == nil && doc != nil
}

// specOf decodes what an API server stores of a spec: no null in a map.
func specOf(text string) (map[string]any, bool) {
	doc, ok := document(text)
	return override.Apply(nil, doc), ok
}

func inJSON(f *testing.F, text string) string {
	f.Helper()
	converted, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		f.Fatal(err)
	}
	return string(converted)
}

// FuzzPlanOverride plays a history on any VMCluster: an override, another one,
// somebody who writes in between, and the end of it all.
func FuzzPlanOverride(f *testing.F) {
	const spec = `{"retentionPeriod":"14","vmstorage":{"replicaCount":2,"maintenanceInsertNodeIDs":[0]},"vmselect":{"replicaCount":1}}`
	f.Add(spec, inJSON(f, overrideYAML), `{"vmselect":{"replicaCount":3}}`, `{}`)
	f.Add(spec, `{"vmstorage":null}`, inJSON(f, overrideYAML), `{"vmstorage":{"image":"r:v2"}}`)
	f.Add(`{"a":1.0,"c.d":{}}`, `{"a":{"b":[1,{"x":null}]},"c.d":null}`, `{"a":1e3,"c.d":{"":-0.0}}`, `{"a":7,"c.d":[]}`)
	f.Add(`{}`, `{"a":{"b":null}}`, `{}`, `{"a":{}}`)
	f.Add(`{}`, `{"a":1}`, `{"a":1,"b":null}`, `{"b":5}`)
	f.Add(`{"a":10000000000000001e1}`, `{"b":10000000000000001e1}`, `{"a":null}`, `{"b":7}`)
	f.Fuzz(func(t *testing.T, spec, first, second, theirs string) {
		original, ok := specOf(spec)
		one, okFirst := document(first)
		two, okSecond := document(second)
		write, okTheirs := document(theirs)
		if !ok || !okFirst || !okSecond || !okTheirs {
			return
		}
		live := annotated(nil)
		live.Object["spec"] = override.Apply(original, nil)
		live = settle(t, "the first override", live, one)
		expectRecorded(t, live, one)
		live = settle(t, "the second override", live, two)
		expectRecorded(t, live, two)
		expectReleased(t, live, original)
		disturbed := settle(t, "a write by somebody else", patched(live, map[string]any{"spec": write}), two)
		expectReleased(t, disturbed, nil)
	})
}

// expectRecorded wants the override on record as it was written, and what it
// removes where nothing is.
func expectRecorded(t *testing.T, live *unstructured.Unstructured, patch map[string]any) {
	t.Helper()
	record, err := OverrideRecordOf(live)
	switch {
	case err != nil:
		t.Fatal(err)
	case record == nil:
		record = &OverrideRecord{}
	}
	if !override.Equal(any(override.Apply(nil, record.Applied)), any(override.Apply(nil, patch))) || !reflect.DeepEqual(override.Paths(record.Applied), override.Paths(patch)) {
		t.Errorf("override %s\nis recorded as %s", asJSON(patch), asJSON(record))
	}
}

// expectReleased takes the override away.
func expectReleased(t *testing.T, live *unstructured.Unstructured, original map[string]any) {
	t.Helper()
	live = settle(t, "no override", live, nil)
	if original != nil && !override.Equal(live.Object["spec"], original) {
		t.Errorf("original %s\ncame back as %s", asJSON(original), asJSON(live.Object["spec"]))
	}
	if got := slices.Sorted(maps.Keys(live.GetAnnotations())); !slices.Equal(got, []string{OwnerAnnotation, OwnerUIDAnnotation}) {
		t.Errorf("annotations left: %v", got)
	}
}

// FuzzOverrideRecord reads any text as the record of an override: it is refused
// with the name of the annotation, or the plan settles.
func FuzzOverrideRecord(f *testing.F) {
	const record = `{"applied":{"vmstorage":{"image":{"tag":"v2"},"replicaCount":0}},"inverse":{"vmstorage":{"image":null,"replicaCount":2}}}`
	const spec = `{"vmstorage":{"replicaCount":0,"image":{"tag":"v2"}}}`
	for _, value := range []string{record, `{"applied":{},"inverse":{}}`, `{"applied":{"vmstorage":7},"inverse":{"vmstorage":{"replicaCount":null}}}`, `{"applied":{}}`, `{`, `null`, ``} {
		f.Add(value, spec, `{"vmstorage":{"replicaCount":1}}`)
	}
	f.Fuzz(func(t *testing.T, value, spec, patch string) {
		live := annotated(map[string]string{OwnerAnnotation: ourOwner.String(), OwnerUIDAnnotation: "uid", OverrideAnnotation: value})
		have, ok := specOf(spec)
		want, okPatch := document(patch)
		if !ok || !okPatch {
			return
		}
		live.Object["spec"] = have
		if _, err := PlanOverride(live, want, ourOwner, "uid"); err != nil {
			if !strings.Contains(err.Error(), OverrideAnnotation) {
				t.Errorf("the error does not name the annotation: %v", err)
			}
			return
		}
		expectReleased(t, settle(t, "an override over a record of any kind", live, want), nil)
	})
}

// FuzzInline compares any VMCluster with any definition.
func FuzzInline(f *testing.F) {
	const fields = `{"f:spec":{"f:retentionPeriod":{},"f:vmstorage":{"f:replicaCount":{},"f:tolerations":{}}}}`
	f.Add(inJSON(f, appliedSpec), inJSON(f, appliedSpec), fields)
	f.Add(`{"vmstorage":{"replicaCount":3,"image":{"tag":"v1"}}}`, inJSON(f, appliedSpec), fields)
	f.Add(`{"a":[{"b":1,"c":2}],"d":{}}`, `{"a":[{"b":1.0,"x":null}],"d":{"e":null},"f":{}}`, `{"f:spec":{"f:a":{"k:{\"b\":1}":{}},".":{}}}`)
	f.Add(`{}`, `{"a":12345678901234567890,"b":-0.0}`, `{`)
	f.Fuzz(func(t *testing.T, spec, definition, fields string) {
		have, ok := specOf(spec)
		want, okDefinition := document(definition)
		if !ok || !okDefinition {
			return
		}
		revision := Revision("inline", want)
		// Minus zero is a float only, and reads back as another number from "-0".
		if again, ok := document(asJSON(want)); !strings.Contains(asJSON(want), "-0") && (!ok || Revision("inline", again) != revision) {
			t.Errorf("%s has revision %s, and read once more %s", asJSON(want), revision, Revision("inline", again))
		}
		body := InlineApply("monitoring", "zone-a", ourOwner, "uid", revision, want, "41")
		if !reflect.DeepEqual(body.Object["spec"], any(want)) || !IsOwnedBy(body, ourOwner) || RevisionOf(body) != revision {
			t.Errorf("%s is applied as %s", asJSON(want), asJSON(body.Object))
		}
		live := annotated(map[string]string{OwnerAnnotation: ourOwner.String(), RevisionAnnotation: revision})
		live.Object["spec"] = have
		checkInline(t, live, want, revision)
		live.Object["metadata"].(map[string]any)["managedFields"] = []any{map[string]any{
			"manager": FieldManager, "operation": "Apply", "apiVersion": "operator.victoriametrics.com/v1beta1", "fieldsType": "FieldsV1", "fieldsV1": fieldsOf(fields),
		}}
		checkInline(t, live, want, revision)
	})
}

// fieldsOf is nil for what is no object, as a client would deliver it.
func fieldsOf(text string) any {
	if doc, ok := document(text); ok {
		return doc
	}
	return nil
}

func checkInline(t *testing.T, live *unstructured.Unstructured, want map[string]any, revision string) {
	t.Helper()
	before := live.DeepCopy()
	for _, revision := range []string{revision, "0000000000"} {
		got, err := InlineDifference(live, want, ourOwner, revision)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(got.Paths) || got.Kind != DifferenceSpec && got.Paths != nil {
			t.Errorf("live %s\nwant %s\ndifference %+v", asJSON(live.Object), asJSON(want), got)
		}
		if revision == RevisionOf(live) && (got.Kind == DifferenceNone) != Contains(live.Object["spec"], want) {
			t.Errorf("live %s\nwant %s\nat the same revision: %+v", asJSON(live.Object), asJSON(want), got)
		}
	}
	if !reflect.DeepEqual(live, before) {
		t.Errorf("%s was changed to %s", asJSON(before.Object), asJSON(live.Object))
	}
	written := patched(live, map[string]any{"spec": want})
	if got, err := InlineDifference(written, want, ourOwner, revision); err != nil || got.Kind != DifferenceNone {
		t.Errorf("%s\nwritten over %s\nleaves %+v, %v", asJSON(want), asJSON(live.Object), got, err)
	}
}

// FuzzDrain takes a zone out of any list of targets and gives it back, to what
// the drain left and to what somebody made of that.
func FuzzDrain(f *testing.F) {
	for _, list := range []string{
		`[{crd: {kind: VMCluster/vmselect, name: zone-a, namespace: monitoring, objects: [{name: zone-b, namespace: monitoring}]}, target_path_suffix: /select/0}]`,
		`[{crd: {kind: VMCluster/vmselect, name: '', namespace: '', objects: [{name: zone-b}, {name: zone-a, x: 1}]}, paths: [/x], odd: {y: 1}}]`,
		`[{static: {urls: ['http://vmselect-zone-a:8481', 'http://vmselect-zone-b.monitoring.svc:8481/select/0']}}, {static: {url: 'http://metrics.example.com/x'}, paths: [/y]}]`,
		`[{crd: {kind: VMCluster/vmselect, name: zone-a}, paths: [/x, /y]}, {crd: {kind: VMCluster/vmselect, name: zone-b}, paths: [/y, /x]}, null]`,
		`[{crd: {kind: VMCluster/vmselect, name: zone-a}, name: read, static: {url: 'http://vmclusterlb-zone-a/select/0'}}, {}]`,
		`[]`,
	} {
		f.Add(inJSON(f, list), `[{"crd":{"kind":"VMCluster/vmselect","name":"zone-b","namespace":"monitoring"},"paths":["/x"]},{"static":{"url":"http://else"}}]`)
		f.Add(inJSON(f, list), inJSON(f, list))
	}
	f.Fuzz(func(t *testing.T, list, edited string) {
		user, ok := userWith(list)
		if !ok {
			return
		}
		zones := plainZones(t, "zone-a", "zone-b", "extra")
		for _, last := range []LastTarget{LastTargetFailOver, LastTargetRefuse} {
			drained := checkDrain(t, user, zones, last)
			if drained == nil {
				continue
			}
			valid := validateUser(user) == nil
			checkSecondDrain(t, user, valid, drained, zones)
			if other, ok := userWith(edited); ok {
				drained.Object["spec"] = other.Object["spec"]
				checkRestore(t, drained)
				checkSecondDrain(t, nil, valid, drained, zones)
			}
		}
	})
}

// userWith returns a VMUser with a list of targets, as a client would deliver it.
func userWith(list string) (*unstructured.Unstructured, bool) {
	spec, ok := document(fmt.Sprintf(`{"targetRefs":%s}`, list))
	return &unstructured.Unstructured{Object: map[string]any{
		"kind":     "VMUser",
		"metadata": map[string]any{"name": "reader", "namespace": "monitoring", "resourceVersion": "7"},
		"spec":     spec,
	}}, ok
}

// checkDrain returns the drained VMUser, nil where nothing was drained.
func checkDrain(t *testing.T, user *unstructured.Unstructured, zones []Cluster, last LastTarget) *unstructured.Unstructured {
	t.Helper()
	before := user.DeepCopy()
	plan, err := PlanDrain(user, Drain{Owner: ourOwner, Zone: zones[0], Others: zones[1:], LastTarget: last})
	if !reflect.DeepEqual(user, before) {
		t.Fatalf("%s was changed to %s", asJSON(before.Object), asJSON(user.Object))
	}
	if err != nil || plan.Patch == nil {
		if routes, unread := ReadRoutes(user, zones[:1]); err == nil && plan.Refusal == "" && (len(routes) > 0 || unread != nil) {
			t.Fatalf("%s: %v leads to the zone, error %v, but nothing is planned", asJSON(user.Object), routes, unread)
		}
		return nil
	}
	drained := patched(user, plan.Patch)
	if routes, err := ReadRoutes(drained, zones[:1]); err != nil || len(routes) > 0 {
		t.Fatalf("%s\ndrained to %s\nstill leads to the zone at %v, error %v", asJSON(user.Object), asJSON(drained.Object), routes, err)
	}
	if validateUser(user) == nil && validateUser(drained) != nil {
		t.Fatalf("%s\ndrained to %s: %v", asJSON(user.Object), asJSON(drained.Object), validateUser(drained))
	}
	if back := checkRestore(t, drained); !reflect.DeepEqual(back.Object["spec"], user.Object["spec"]) {
		t.Fatalf("%s\ndrained to %s\ncame back as %s", asJSON(user.Object), asJSON(drained.Object), asJSON(back.Object))
	}
	if back := undoneByHand(t, drained); !override.Equal(back.Object["spec"], user.Object["spec"]) {
		t.Fatalf("%s\ndrained to %s\nundone by the annotation alone is %s", asJSON(user.Object), asJSON(drained.Object), asJSON(back.Object))
	}
	return drained
}

// checkSecondDrain drains one more zone and gives both back, the first one first: it
// comes back as the original, where nobody has edited that. Valid tells whether the user
// was before the first drain: what that took out, as a URL that is none, may come back.
func checkSecondDrain(t *testing.T, original *unstructured.Unstructured, valid bool, drained *unstructured.Unstructured, zones []Cluster) {
	t.Helper()
	drain := Drain{Owner: ourOwner, Zone: zones[1], Others: zones[2:], Known: zones, LastTarget: LastTargetFailOver}
	plan, err := PlanDrain(drained, drain)
	if err != nil || plan.Patch == nil {
		return
	}
	both := patched(drained, plan.Patch)
	if routes, err := ReadRoutes(both, zones[:2]); err != nil || len(routes) > 0 {
		t.Fatalf("%s\ndrained to %s\nstill leads to a zone at %v, error %v", asJSON(drained.Object), asJSON(both.Object), routes, err)
	}
	if valid && validateUser(drained) == nil && validateUser(both) != nil {
		t.Fatalf("%s\ndrained to %s: %v", asJSON(drained.Object), asJSON(both.Object), validateUser(both))
	}
	back, whole := checkRestoreAll(t, both, zones)
	if whole && original != nil && !reflect.DeepEqual(back.Object["spec"], original.Object["spec"]) {
		t.Fatalf("%s\ndrained to %s\ncame back as %s", asJSON(original.Object), asJSON(both.Object), asJSON(back.Object))
	}
}

// checkRestoreAll gives back one zone after another, as far as what remains may be
// taken out of the list, and reports whether all came back.
func checkRestoreAll(t *testing.T, drained *unstructured.Unstructured, zones []Cluster) (back *unstructured.Unstructured, whole bool) {
	t.Helper()
	records, err := DrainRecords(drained)
	if err != nil {
		t.Fatal(err)
	}
	away := ownRecord(records, ourOwner).Zones
	for ; len(away) > 1; away = away[1:] {
		drain := firstDrain(drained)
		drain.Known, drain.Others = zones, zones
		patch, err := PlanRestore(drained, drain)
		if err != nil {
			return drained, false
		}
		drained = patched(drained, patch)
		if records, err := DrainRecords(drained); err != nil || !slices.Equal(ownRecord(records, ourOwner).Zones, away[1:]) {
			t.Fatalf("%s: given back %s it has %v, error %v", asJSON(drained.Object), away[0], records, err)
		}
		for _, zone := range away[1:] {
			if routes, err := ReadRoutes(drained, []Cluster{drain.cluster(zone)}); err != nil || len(routes) > 0 {
				t.Fatalf("%s\nleads to %s at %v, error %v", asJSON(drained.Object), zone, routes, err)
			}
		}
	}
	return checkRestore(t, drained), true
}

// broughtBack counts the entries that somebody has put back beside what a drain made
// of them: restored, the two are one.
func broughtBack(records []DrainRecord, list []any) int {
	count := 0
	for _, record := range records {
		for slot, original := range record.Original {
			if record.changed(slot) && record.Left[slot] != nil && contains(list, original) {
				count++
			}
		}
	}
	return count
}

// checkRestore returns the VMUser as it is restored. One whose targets cannot be
// read comes back as it is.
func checkRestore(t *testing.T, drained *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	patch, err := PlanRestore(drained, firstDrain(drained))
	if _, unread := userEntries(drained); unread != nil {
		if err == nil {
			t.Fatalf("%s: restored in spite of %v", asJSON(drained.Object), unread)
		}
		return drained
	}
	if err != nil || patch == nil {
		t.Fatalf("%s: patch is %v, error %v", asJSON(drained.Object), patch, err)
	}
	before, err := DrainRecords(drained)
	if err != nil {
		t.Fatal(err)
	}
	back := patched(drained, patch)
	for _, record := range before {
		for slot, original := range record.Original {
			if record.Left[slot] == nil && !contains(targetRefsOf(back), original) {
				t.Fatalf("%s\nrestored to %s: entry %d did not come back", asJSON(drained.Object), asJSON(back.Object), slot)
			}
		}
	}
	if records, err := DrainRecords(back); err != nil || len(records) > 0 {
		t.Fatalf("%s\nrestored to %s: records left %v, error %v", asJSON(drained.Object), asJSON(back.Object), records, err)
	}
	if len(targetRefsOf(back)) < len(targetRefsOf(drained))-broughtBack(before, targetRefsOf(drained)) && !hasCopies(targetRefsOf(drained)) {
		t.Fatalf("%s\nrestored to %s: an entry was lost", asJSON(drained.Object), asJSON(back.Object))
	}
	return back
}

// hasCopies reports whether an entry is there twice: then a second copy of one
// that was taken may go.
func hasCopies(list []any) bool {
	return slices.ContainsFunc(list, func(a any) bool {
		count := 0
		for _, b := range list {
			if override.Equal(a, b) {
				count++
			}
		}
		return count > 1
	})
}

// FuzzDrainRecord reads any text as the record of a drain: it is refused with the
// name of the annotation, or it reads the same once it is written again.
func FuzzDrainRecord(f *testing.F) {
	const record = `{"drain":{"owner":"monitoring/metrics","zone":"zone-a","taken":[{"index":1},{"index":0,"left":{"static":{"url":"http://b"}}}]},` +
		`"metadata":{"annotations":{"distributed.victoriametrics.com/drain.metrics":null}},"spec":{"targetRefs":[{"static":{"url":"http://a"}},{"static":{"url":"http://vmselect-zone-a"}}]}}`
	for _, value := range []string{
		record,
		strings.Replace(record, `"index":1`, `"index":2`, 1),
		strings.Replace(record, `"index":1`, `"index":0`, 1),
		strings.Replace(record, `,{"index":0,"left":{"static":{"url":"http://b"}}}`, `,{"index":0}`, 1),
		strings.Replace(record, "monitoring/metrics", "monitoring", 1),
		strings.Replace(record, "monitoring/metrics", "elsewhere/metrics", 1),
		strings.Replace(record, `{"static":{"url":"http://a"}}`, "null", 1),
		`{"drain":{"owner":"monitoring/metrics","zone":"zone-a","taken":[]},"spec":{"targetRefs":[1,null]}}`,
		strings.Replace(record, `"zone":"zone-a"`, `"zones":["zone-a","zone-b"]`, 1),
		strings.Replace(record, `"zone":"zone-a"`, `"zones":["gone","zone-a"]`, 1),
		strings.Replace(record, `"zone":"zone-a"`, `"zones":["zone-a","zone-a"]`, 1),
		strings.Replace(record, `"zone":"zone-a"`, `"zones":["zone-b"],"zone":"zone-a"`, 1),
		`{}`, ``,
	} {
		f.Add(value, `[{"static":{"url":"http://b"}}]`)
		f.Add(value, `[{"static":{"url":"http://b"}},{"static":{"url":"http://vmselect-zone-a"}},{"static":{"url":"http://c"}}]`)
		f.Add(value, `[]`)
	}
	f.Fuzz(func(t *testing.T, value, list string) {
		user, ok := userWith(list)
		if !ok {
			return
		}
		key := DrainAnnotation(ourOwner)
		user.SetAnnotations(map[string]string{key: value})
		records, err := DrainRecords(user)
		if err != nil {
			if !strings.Contains(err.Error(), key) || HasDrained(user, ourOwner, "zone-a") {
				t.Errorf("the error does not name the annotation: %v", err)
			}
			return
		}
		if records[0].Owner == ourOwner {
			checkDrainAgain(t, user, plainZones(t, "zone-a", "zone-b", "extra"))
		} else if patch, err := PlanRestore(user, Drain{Owner: ourOwner, Zone: plainZones(t, "zone-a")[0]}); err != nil || patch != nil {
			t.Errorf("%s is not ours: patch is %v, error %v", value, patch, err)
		}
		written, err := records[0].annotation()
		if err != nil || len(records) != 1 {
			t.Fatalf("%d records, error %v", len(records), err)
		}
		if again, err := parseDrainRecord(written); err != nil || !override.Equal(again.Original, records[0].Original) || !override.Equal(again.drained(), records[0].drained()) || !slices.Equal(again.Zones, records[0].Zones) {
			t.Errorf("%s\nreads as %+v\nis written as %s\nwhich reads as %+v, %v", value, records[0], written, again, err)
		}
	})
}

// checkDrainAgain drains a VMUser that carries a record of ours already: it gets
// its reads back as if it had been drained once.
func checkDrainAgain(t *testing.T, user *unstructured.Unstructured, zones []Cluster) {
	t.Helper()
	want, before := checkRestoreAll(t, user, zones)
	plan, err := PlanDrain(user, Drain{Owner: ourOwner, Zone: zones[0], Others: zones[1:], LastTarget: LastTargetFailOver})
	if err != nil || plan.Patch == nil {
		return
	}
	again := patched(user, plan.Patch)
	if routes, err := ReadRoutes(again, zones[:1]); err != nil || len(routes) > 0 {
		t.Fatalf("%s\ndrained to %s\nstill leads to the zone at %v, error %v", asJSON(user.Object), asJSON(again.Object), routes, err)
	}
	have, after := checkRestoreAll(t, again, zones)
	if before && after && !override.Equal(want.Object["spec"], have.Object["spec"]) {
		t.Fatalf("%s\ndrained again to %s\ncame back as %s\nand without that as %s", asJSON(user.Object), asJSON(again.Object), asJSON(have.Object), asJSON(want.Object))
	}
}

// FuzzParsePermissions: what is read can be written down again, and a permission
// that is taken is one that a shrink may ask for.
func FuzzParsePermissions(f *testing.F) {
	for _, value := range []string{
		"", "zone-a:vmstorage.replicaCount=1", " zone-a:vmstorage.replicaCount=1,\n zone-b:vmstorage" + request + "10Gi, zone-a:vmstorage=absent,",
		"zone-a", "a:b=c=d", "a:=1", ":b=c", "a:b=", "a=b:c", "a:b:c=d", "a:b = c", "a\t:b=c", "a:claimTemplates[x y]=absent", "a:b=c d",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		permissions, err := ParsePermissions(value)
		if err != nil {
			if permissions != nil {
				t.Fatalf("%q: %v in spite of the error %v", value, permissions, err)
			}
			return
		}
		var entries []string
		for zone, shrinks := range permissions {
			if zone == "" || strings.ContainsFunc(zone, unicode.IsSpace) || shrinks.Len() == 0 {
				t.Errorf("%q: permits %v to the zone %q", value, shrinks, zone)
			}
			for shrink := range shrinks {
				path, to, _ := strings.Cut(shrink, "=")
				if path == "" || to == "" || path != strings.TrimSpace(path) || to != strings.TrimSpace(to) {
					t.Errorf("%q: permits %q to the zone %q, which no shrink asks for", value, shrink, zone)
				}
				entries = append(entries, zone+":"+shrink)
			}
		}
		again, err := ParsePermissions(strings.Join(entries, ","))
		if err != nil || !reflect.DeepEqual(again, permissions) {
			t.Errorf("%q: read %v, and what that is written as reads as %v, %v", value, permissions, again, err)
		}
	})
}
