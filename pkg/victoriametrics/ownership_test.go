// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func annotated(annotations map[string]string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{}}}
	u.SetNamespace("monitoring")
	u.SetName("zone-a")
	u.SetResourceVersion("41")
	u.SetAnnotations(annotations)
	return u
}

func TestOwnerOfReadsTheMark(t *testing.T) {
	if _, marked, err := OwnerOf(annotated(nil)); marked || err != nil {
		t.Errorf("without mark: %v, %v", marked, err)
	}
	u := annotated(map[string]string{OwnerAnnotation: "monitoring/metrics"})
	if owner, marked, err := OwnerOf(u); !marked || err != nil || owner != ourOwner || !IsOwnedBy(u, ourOwner) {
		t.Errorf("with mark: %v, %v, %v", owner, marked, err)
	}
}

func TestOwnerOfSaysWhatToDoAboutABrokenMark(t *testing.T) {
	for _, value := range []string{"", "metrics", "/metrics", "monitoring/", "a/b/c"} {
		u := annotated(map[string]string{OwnerAnnotation: value})
		_, marked, err := OwnerOf(u)
		if !marked || err == nil || !strings.Contains(err.Error(), "monitoring/zone-a") || !strings.Contains(err.Error(), "correct it, or remove it") {
			t.Errorf("%q: marked %v, error %v", value, marked, err)
		}
		if IsOwnedBy(u, ourOwner) {
			t.Errorf("%q counts as ours", value)
		}
	}
}

func TestOverrideRecordSurvivesItsAnnotation(t *testing.T) {
	record := OverrideRecord{
		Applied: map[string]any{"vmstorage": map[string]any{"replicaCount": int64(2), "affinity": nil}},
		Inverse: map[string]any{"vmstorage": map[string]any{"replicaCount": nil, "affinity": map[string]any{}}},
	}
	value, err := record.annotation()
	if err != nil {
		t.Fatal(err)
	}
	have, err := OverrideRecordOf(annotated(map[string]string{OverrideAnnotation: value}))
	if err != nil || !reflect.DeepEqual(*have, record) {
		t.Errorf("read back %+v, %v", have, err)
	}
	if have, err := OverrideRecordOf(annotated(nil)); have != nil || err != nil {
		t.Errorf("without annotation: %v, %v", have, err)
	}
}

func TestOverrideRecordOfSaysWhatToDoAboutABrokenRecord(t *testing.T) {
	for _, value := range []string{"", "{", "[]", "null", `{"applied":{}}`, `{"inverse":{}}`, `{"applied":1,"inverse":{}}`} {
		_, err := OverrideRecordOf(annotated(map[string]string{OverrideAnnotation: value}))
		if err == nil || !strings.Contains(err.Error(), "monitoring/zone-a") || !strings.Contains(err.Error(), "restore the annotation") {
			t.Errorf("%q: error %v", value, err)
		}
	}
}

func TestReleasePatchRemovesEveryMarkAndNothingElse(t *testing.T) {
	u := annotated(map[string]string{
		OwnerAnnotation: "monitoring/metrics", OwnerUIDAnnotation: "1", RevisionAnnotation: "2", OverrideAnnotation: "{}", "team": "sre",
	})
	patch := ReleasePatch(u)
	if rv := member(patch, "metadata", "resourceVersion"); rv != "41" || patch["spec"] != nil {
		t.Errorf("patch is %v", patch)
	}
	released := patched(u, patch)
	if want := map[string]string{"team": "sre"}; !reflect.DeepEqual(released.GetAnnotations(), want) {
		t.Errorf("annotations left: %v", released.GetAnnotations())
	}
	if again := ReleasePatch(released); again != nil {
		t.Errorf("releasing twice: %v", again)
	}
}

func TestForgetOverridePatchKeepsTheMark(t *testing.T) {
	u := annotated(map[string]string{OwnerAnnotation: "monitoring/metrics", OverrideAnnotation: "broken"})
	left := patched(u, ForgetOverridePatch(u))
	if !IsOwnedBy(left, ourOwner) || len(left.GetAnnotations()) != 1 || ForgetOverridePatch(left) != nil {
		t.Errorf("annotations left: %v", left.GetAnnotations())
	}
}
