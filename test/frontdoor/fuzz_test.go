// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package frontdoor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"unicode/utf8"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/zoneshape"
)

const (
	object = `{"apiVersion":"` + firstGroup + `","kind":"VMDistributedCluster","metadata":{"name":"x"},"spec":%s}`
	// sameObject is the object in the other group.
	sameObject = `{"apiVersion":"` + secondGroup + `","kind":"VMDistributedCluster","metadata":{"name":"x"},"spec":%s}`
)

// specs are at the edges of what is accepted, and beyond. The first three are
// accepted by all.
var specs = []string{
	`{"zones":{"vmclusters":[{"name":"a","spec":{"vmselect":{"replicaCount":1.0,"extraArgs":{"x":"<\u2028>"}}}},{"ref":{"name":"b"},"overrideSpec":{"vmstorage":null,"vmselect":{"hostAliases":[{"ip":"10.0.0.1"}]}}}]}}`,
	`{"zones":[{"vmclusters":{"name":"a","spec":{"retentionPeriod":"1"}}},{"ref":{"name":"b","namespace":"monitoring"}}],"paused":true}`,
	`{"zones":[{"vmclusters":[{"name":"a","spec":{}},{"name":"c","spec":{"vmstorage":{"replicaCount":2}}}]}],"vmusers":[{"name":"u"},{"name":"v"}],"vmagent":{"name":"agent"}}`,
	`{"zones":{"vmclusters":[{"name":"a","spec":{"x":"y","y":12345678901234567890}},{"ref":{"name":"b"},"overrideSpec":{"z":null,"l":[{"n":null},null]}}]}}`,
	`{"zones":{"vmclusters":[{"ref":{"name":"a"},"name":"n","spec":{}}]},"vmusers":null,"strategy":{"maxUnavailable":1,"flush":{"stableFor":"1s"}}}`,
	`{"zones":[{"name":"a","name":"b"}],"deletionPolicy":"Retain"}`,
	`{"zones":[{"name":"a","spec":{"$patch":"delete","$retainKeys":["a"]}}],"bogus":1}`,
	`{"zones":null,"strategy":{"drain":{"lastTarget":"x"},"minAvailableZones":-1,"readyTimeout":"1d"}}`,
	`{"zones":[],"vmagent":{"name":"A_b"}}`,
	`{"zones":[{"name":"zone-a","spec":{"vmselect":{"replicaCount":2},"retentionPeriod":"1"}},{"ref":{"name":"existing-zone-1"},"overrideSpec":{"vmstorage":{"replicaCount":0,"storage":null}}}],"vmagent":{"name":"global-agent"},"vmusers":[{"name":"read-zone-b"}]}`,
	`{"zones":[{"name":"a","spec":{"n":1e400}},{"ref":{"name":"b"},"overrideSpec":{"n":-1e400}}]}`,
	`{"zones":["a"]}`, `{"paused":"yes"}`, `{}`, `null`, `7`,
}

// stored are objects that requests meet.
func stored(tb testing.TB, s *server) [][]byte {
	tb.Helper()
	var all [][]byte
	for _, spec := range specs[:3] {
		s.store.content = nil
		got := s.send(tb, "POST", "", jsonType, fmt.Appendf(nil, object, spec))
		if !got.accepted() {
			tb.Fatalf("%s is refused: %s", spec, got.status.Message)
		}
		got.object.ResourceVersion = "7"
		got.object.Generation = 5
		got.object.Status.Reason = "because"
		content, err := json.Marshal(got.object)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, content)
	}
	return all
}

// request is one way of writing an object.
type request struct{ method, path, mediaType string }

var requests = []request{
	{"POST", "", jsonType}, {"POST", "", yamlType},
	{"PUT", "/x", jsonType}, {"PUT", "/x", yamlType}, {"PUT", "/x/status", jsonType},
	{"PATCH", "/x", patchType}, {"PATCH", "/x", mergeType}, {"PATCH", "/x", strategicType}, {"PATCH", "/x", applyType},
	{"PATCH", "/x/status", patchType}, {"PATCH", "/x/status", mergeType}, {"PATCH", "/x/status", applyType},
}

var validations = []string{"Strict", "Warn", "Ignore"}

// FuzzRequests writes any body in any way, over an object or over none, past
// admission.
func FuzzRequests(f *testing.F) {
	s := newServer(f, true)
	objects := append([][]byte{nil}, stored(f, s)...)
	for way, how := range requests {
		for i, body := range bodies(f) {
			if isPatch := body[0] == '['; isPatch == (how.mediaType == patchType) {
				f.Add(uint8(way), uint8(i%len(objects)), uint8(i%len(validations)), body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, way, over, validation uint8, body []byte) {
		how := requests[int(way)%len(requests)]
		s.validation = validations[int(validation)%len(validations)]
		s.store.content = objects[int(over)%len(objects)]
		got := s.send(t, how.method, how.path, how.mediaType, body)
		if got.accepted() {
			s.checkAccepted(t, how, got)
		}
	})
}

// bodies are objects and patches in the forms that there are.
func bodies(f *testing.F) [][]byte {
	f.Helper()
	var all [][]byte
	files, err := filepath.Glob("../../artifacts/samples/vmdistributedcluster-*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("there are no samples: %v", err)
	}
	for _, file := range files {
		sample, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, bytes.ReplaceAll(sample, []byte("name: inline"), []byte("name: x")))
	}
	for _, spec := range specs {
		body := fmt.Appendf(nil, object, spec)
		all = append(all, body, fmt.Appendf(nil, `[{"op":"replace","path":"/spec","value":%s}]`, spec))
		if asYAML, err := yaml.JSONToYAML(body); err == nil {
			all = append(all, asYAML)
		}
	}
	for _, patch := range []string{
		`[{"op":"add","path":"/spec/zones/vmclusters/-","value":{"vmclusters":{"name":"z","spec":{}}}},{"op":"move","from":"/spec/zones/vmclusters/0","path":"/spec/zones/vmclusters/1"}]`,
		`[{"op":"copy","from":"/spec/zones/vmclusters","path":"/spec/zones"}]`,
		`[{"op":"test","path":"/spec/zones/0"},{"op":"remove","path":"/status"}]`,
		`{"metadata":{"finalizers":null,"labels":{"a":null},"annotations":{"distributed.victoriametrics.com/permit-storage-shrink":"a"}},"status":{"reason":null}}`,
		`{"metadata":{"ownerReferences":[{"$patch":"delete"}],"managedFields":[{}]},"spec":{"zones":[{"name":"a","spec":{"x":null}}]}}`,
	} {
		all = append(all, []byte(patch))
	}
	return all
}

// checkAccepted holds for every write that was accepted: what came out of it is
// accepted again, both in its place and as a new object, and is the same then.
func (s *server) checkAccepted(t *testing.T, how request, got *answer) {
	t.Helper()
	if len(s.store.content) > 0 {
		s.checkWritten(t, how, got)
	}
	s.store.content = got.body
	if got.object.ResourceVersion == "" { // it was created
		created := got.object
		created.ResourceVersion = "7"
		s.store.content = mustMarshal(t, created)
	}
	again := s.send(t, "PUT", "/"+got.object.Name, jsonType, s.store.content)
	if !again.accepted() || again.object.Generation != got.object.Generation || !reflect.DeepEqual(again.spec, got.spec) {
		t.Errorf("%s\nin its own place: code %d, %s", got.body, again.code, again.body)
	}
	s.store.content = nil
	anew := got.object
	anew.ResourceVersion, anew.UID = "", ""
	if fresh := s.send(t, "POST", "", jsonType, mustMarshal(t, anew)); !fresh.accepted() || !reflect.DeepEqual(fresh.spec, got.spec) {
		t.Errorf("%s\nas a new object: code %d, %s", got.body, fresh.code, fresh.body)
	}
}

// checkWritten holds for an object that was there before.
func (s *server) checkWritten(t *testing.T, how request, got *answer) {
	t.Helper()
	before := &answer{}
	if err := json.Unmarshal(s.store.content, &before.object); err != nil {
		t.Fatal(err)
	}
	if how.method == "POST" {
		t.Errorf("%s\nwas created, and was there", got.body)
	}
	var document map[string]any
	if err := json.Unmarshal(s.store.content, &document); err != nil {
		t.Fatal(err)
	}
	before.spec = document["spec"]
	moved := map[bool]int64{true: 1}[!reflect.DeepEqual(got.spec, before.spec)]
	if got.object.Generation != before.object.Generation+moved {
		t.Errorf("%s\nbecame %s\nat generation %d", s.store.content, got.body, got.object.Generation)
	}
	if how.path == "/x/status" {
		if moved != 0 || !reflect.DeepEqual(got.object.Labels, before.object.Labels) {
			t.Errorf("%s\nbecame %s\nby a write of status", s.store.content, got.body)
		}
		return
	}
	// The server notes who has changed the zones.
	kept := got.object.Status
	kept.ZonesChanged = before.object.Status.ZonesChanged
	if !reflect.DeepEqual(kept, before.object.Status) {
		t.Errorf("%s\nbecame %s\nwith another status", s.store.content, got.body)
	}
}

func mustMarshal(t *testing.T, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// FuzzWaysAgree writes any spec without duplicate keys in every way that there is
// to say it: each is accepted where the others are, and makes the same of it. There
// is no admission, which would hold most of them back.
func FuzzWaysAgree(f *testing.F) {
	s := newServer(f, false)
	for _, spec := range specs {
		f.Add([]byte(spec))
	}
	over := stored(f, s)[0]
	f.Fuzz(func(t *testing.T, spec []byte) {
		var document any
		if duplicates, err := kjson.UnmarshalStrict(spec, &document); err != nil || len(duplicates) > 0 || !utf8.Valid(spec) {
			return
		}
		body := fmt.Appendf(nil, object, spec)
		s.store.content = nil
		want := s.send(t, "POST", "", jsonType, body)
		same := fmt.Appendf(nil, sameObject, spec)
		expectAgreement(t, "created in the other group", body, want, s.sendTo(t, secondGroup, "POST", "", jsonType, same))
		if isYAMLToo(spec) {
			expectAgreement(t, "created as YAML", body, want, s.send(t, "POST", "", yamlType, body))
			expectAgreement(t, "applied", body, want, s.send(t, "PATCH", "/x", applyType, body))
			expectAgreement(t, "applied in the other group", body, want, s.sendTo(t, secondGroup, "PATCH", "/x", applyType, same))
		}
		s.store.content = over
		expectAgreement(t, "replaced", body, want, s.send(t, "PUT", "/x", jsonType, body))
		expectAgreement(t, "replaced in the other group", body, want, s.sendTo(t, secondGroup, "PUT", "/x", jsonType, same))
		patch := fmt.Appendf(nil, `[{"op":"replace","path":"/spec","value":%s}]`, spec)
		expectAgreement(t, "patched as a whole", body, want, s.send(t, "PATCH", "/x", patchType, patch))
		s.checkMerged(t, spec)
	})
}

// isYAMLToo reports whether JSON means the same to a parser of YAML, which takes
// some characters for white space and refuses others.
func isYAMLToo(text []byte) bool {
	converted, err := yaml.YAMLToJSON(text)
	var asJSON, asYAML any
	return err == nil && json.Unmarshal(text, &asJSON) == nil && json.Unmarshal(converted, &asYAML) == nil && reflect.DeepEqual(asJSON, asYAML)
}

// checkMerged holds a merge patch of a spec against the object that it asks for.
func (s *server) checkMerged(t *testing.T, spec []byte) {
	t.Helper()
	patch := fmt.Appendf(nil, `{"spec":%s}`, spec)
	canonical, err := zoneshape.Normalise(jsonType, patch)
	if err != nil {
		return
	}
	var base, change map[string]any
	if utiljson.Unmarshal(s.store.content, &base) != nil || utiljson.Unmarshal(canonical.Body, &change) != nil {
		return
	}
	whole := mustMarshal(t, override.Apply(base, change))
	want := s.send(t, "PUT", "/x", jsonType, whole)
	expectAgreement(t, "merged", patch, want, s.send(t, "PATCH", "/x", mergeType, patch))
}

func expectAgreement(t *testing.T, how string, body []byte, want, got *answer) {
	t.Helper()
	if got.accepted() != want.accepted() {
		t.Errorf("%s\n%s: code %d, %s\nwant what was said at first: code %d, %s", body, how, got.code, got.body, want.code, want.body)
	} else if !reflect.DeepEqual(got.spec, want.spec) {
		t.Errorf("%s\n%s: became %s\nwant %s", body, how, got.body, want.body)
	}
}
