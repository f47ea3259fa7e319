// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

// appliedYAML is an inline cluster as server-side apply leaves it; image.tag was
// added by a person, optional by the schema.
const appliedYAML = `
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMCluster
metadata:
  name: zone-a
  namespace: monitoring
  resourceVersion: "41"
  annotations:
    distributed.victoriametrics.com/owner: monitoring/metrics
    distributed.victoriametrics.com/owner-uid: old-uid
    distributed.victoriametrics.com/revision: REVISION
  managedFields:
  - manager: vmdistributed-apiserver
    operation: Apply
    apiVersion: operator.victoriametrics.com/v1beta1
    fieldsType: FieldsV1
    fieldsV1:
      f:metadata: {f:annotations: {"f:distributed.victoriametrics.com/owner": {}}}
      f:spec:
        f:retentionPeriod: {}
        f:vmstorage: {f:replicaCount: {}, f:tolerations: {}}
  - manager: kubectl-edit
    operation: Update
    apiVersion: operator.victoriametrics.com/v1beta1
    fieldsType: FieldsV1
    fieldsV1:
      f:spec: {f:vmstorage: {f:image: {".": {}, f:tag: {}}}}
  - manager: vm-operator
    operation: Update
    apiVersion: operator.victoriametrics.com/v1beta1
    fieldsType: FieldsV1
    fieldsV1: {f:status: {".": {}, f:updateStatus: {}}}
    subresource: status
spec:
  retentionPeriod: "14"
  vmstorage:
    replicaCount: 2
    image: {tag: v1}
    tolerations: [{key: a, operator: Exists}]
`

const appliedSpec = "{retentionPeriod: \"14\", vmstorage: {replicaCount: 2, tolerations: [{key: a, operator: Exists}]}}"

func TestInlineDifference(t *testing.T) {
	applied := Revision("inline", mapFromYAML(t, appliedSpec))
	for name, test := range map[string]struct {
		spec     string
		revision string // of what was applied; that of spec unless given
		edit     func(document string) string
		want     Difference
	}{
		"nothing to do, additions of others included": {spec: appliedSpec, want: Difference{Kind: DifferenceNone}},
		"a value of ours was changed by somebody": {
			spec: appliedSpec,
			edit: func(d string) string {
				d = strings.Replace(d, "replicaCount: 2", "replicaCount: 5", 1)
				d = strings.Replace(d, "f:vmstorage: {f:replicaCount: {}, f:tolerations: {}}", "f:vmstorage: {f:tolerations: {}}", 1)
				return strings.Replace(d, "{f:vmstorage: {f:image", "{f:vmstorage: {f:replicaCount: {}, f:image", 1)
			},
			want: Difference{Kind: DifferenceSpec, Paths: []string{"vmstorage.replicaCount"}, Managers: []string{"kubectl-edit"}},
		},
		"a section is missing and a value differs": {
			spec: "{retentionPeriod: \"14\", vmselect: {replicaCount: 1}, vmstorage: {replicaCount: 3}}",
			want: Difference{Kind: DifferenceSpec, Paths: []string{"vmselect", "vmstorage.replicaCount"}},
		},
		"a new revision changes a value": {
			spec: strings.Replace(appliedSpec, "replicaCount: 2", "replicaCount: 3", 1), revision: applied,
			want: Difference{Kind: DifferenceSpec, Paths: []string{"vmstorage.replicaCount"}},
		},
		"a new revision takes over what a person had set": {
			spec: "{retentionPeriod: \"14\", vmstorage: {replicaCount: 2, image: {tag: v2}, tolerations: [{key: a, operator: Exists}]}}", revision: applied,
			want: Difference{Kind: DifferenceSpec, Paths: []string{"vmstorage.image.tag"}, Managers: []string{"kubectl-edit"}},
		},
		"a new revision drops a value": {
			spec: "{vmstorage: {replicaCount: 2, tolerations: [{key: a, operator: Exists}]}}", revision: applied,
			want: Difference{Kind: DifferenceSpec, Paths: []string{"retentionPeriod"}},
		},
		"a new revision drops something inside a list item": {
			spec: "{retentionPeriod: \"14\", vmstorage: {replicaCount: 2, tolerations: [{key: a}]}}", revision: applied,
			want: Difference{Kind: DifferenceSpec, Paths: []string{"vmstorage.tolerations"}},
		},
		"a new revision that changes nothing in the spec": {
			spec: appliedSpec, revision: "0000000000", want: Difference{Kind: DifferenceMetadata},
		},
		"a lost revision where nobody can tell what is ours": {
			spec: appliedSpec, revision: "0000000000",
			edit: func(d string) string { return strings.Replace(d, "operation: Apply", "operation: Update", 1) },
			want: Difference{Kind: DifferenceSpec},
		},
	} {
		spec := mapFromYAML(t, test.spec)
		revision := Revision("inline", spec)
		document := appliedYAML
		if test.edit != nil {
			document = test.edit(document)
		}
		if test.revision == "" {
			test.revision = revision
		}
		live := fromYAML(t, strings.Replace(document, "REVISION", "\""+test.revision+"\"", 1))
		have, err := InlineDifference(live, spec, ourOwner, revision)
		if err != nil || !reflect.DeepEqual(have, test.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, have, err, test.want)
		}
	}
}

func TestInlineDifferenceLeavesStrangersAlone(t *testing.T) {
	spec := mapFromYAML(t, appliedSpec)
	notOurs := &NotOursError{}
	if _, err := InlineDifference(annotated(nil), spec, ourOwner, "r"); !errors.As(err, &notOurs) || notOurs.Marked != nil || !strings.Contains(err.Error(), "carries no mark of ours") {
		t.Errorf("unmarked: %v", err)
	}
	other := annotated(map[string]string{OwnerAnnotation: "monitoring/other"})
	if _, err := InlineDifference(other, spec, ourOwner, "r"); !errors.As(err, &notOurs) || notOurs.Marked == nil || !strings.Contains(err.Error(), "managed by VMDistributedCluster monitoring/other") {
		t.Errorf("somebody else's: %v", err)
	}
	broken := annotated(map[string]string{OwnerAnnotation: "metrics"})
	if _, err := InlineDifference(broken, spec, ourOwner, "r"); err == nil || errors.As(err, new(*NotOursError)) {
		t.Errorf("broken mark: %v", err)
	}
}

func TestInlineApplyHasTheMarkAndACopyOfTheSpec(t *testing.T) {
	spec := mapFromYAML(t, appliedSpec)
	body := InlineApply("monitoring", "zone-a", ourOwner, types.UID("uid"), "abc", spec, "41")
	if body.GroupVersionKind() != VMClusterKind || body.GetNamespace() != "monitoring" || body.GetName() != "zone-a" || body.GetResourceVersion() != "41" {
		t.Errorf("body is %v", body.Object)
	}
	want := map[string]string{OwnerAnnotation: "monitoring/metrics", OwnerUIDAnnotation: "uid", RevisionAnnotation: "abc"}
	if !reflect.DeepEqual(body.GetAnnotations(), want) || !reflect.DeepEqual(body.Object["spec"], any(spec)) {
		t.Errorf("body is %v", body.Object)
	}
	body.Object["spec"].(map[string]any)["retentionPeriod"] = "1"
	if spec["retentionPeriod"] != "14" {
		t.Error("the body shares memory with the desired spec")
	}
	created := InlineApply("monitoring", "zone-a", ourOwner, "", "abc", nil, "")
	if _, there := created.Object["metadata"].(map[string]any)["resourceVersion"]; there || created.GetAnnotations()[OwnerUIDAnnotation] != "" || created.Object["spec"] == nil {
		t.Errorf("body for creation is %v", created.Object)
	}
}

func TestWhatInlineApplyWritesIsNoDifferenceAfterwards(t *testing.T) {
	spec := mapFromYAML(t, appliedSpec)
	revision := Revision("inline", spec)
	live := InlineApply("monitoring", "zone-a", ourOwner, "uid", revision, spec, "")
	if have, err := InlineDifference(live, spec, ourOwner, revision); err != nil || have.Kind != DifferenceNone {
		t.Errorf("difference %+v, %v", have, err)
	}
}

func TestInlineTargetIsWhatApplyingADefinitionMakes(t *testing.T) {
	live := fromYAML(t, `
kind: VMCluster
metadata:
  name: a
  managedFields:
  - manager: vmdistributed-apiserver
    operation: Apply
    fieldsType: FieldsV1
    fieldsV1: {"f:spec": {"f:retentionPeriod": {}, "f:vmstorage": {"f:replicaCount": {}, "f:logLevel": {}, "f:extraArgs": {"f:x": {}}}}}
  - manager: somebody
    operation: Update
    fieldsType: FieldsV1
    fieldsV1: {"f:spec": {"f:vmstorage": {"f:logLevel": {}}, "f:vmselect": {"f:replicaCount": {}}}}
spec:
  retentionPeriod: "1"
  vmstorage: {replicaCount: 3, logLevel: INFO, extraArgs: {x: "1"}}
  vmselect: {replicaCount: 2}
`)
	got := InlineTarget(live, mapFromYAML(t, `
retentionPeriod: "2"
vmstorage: {extraArgs: {y: "2"}}
`))
	want := mapFromYAML(t, `
retentionPeriod: "2"
vmstorage: {logLevel: INFO, extraArgs: {y: "2"}}
vmselect: {replicaCount: 2}
`)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("becomes %v, want %v", got, want)
	}
	live.SetManagedFields(nil)
	if kept := member(InlineTarget(live, mapFromYAML(t, "vmstorage: {}")), "vmstorage", "replicaCount"); kept == nil {
		t.Error("something goes, and nobody says whose it is")
	}
	if live.Object["spec"].(map[string]any)["retentionPeriod"] != "1" {
		t.Error("what runs was changed")
	}
}

func TestInlineTargetIsTheLiveSpecWithTheDefinitionOnIt(t *testing.T) {
	applied := fromYAML(t, strings.ReplaceAll(appliedYAML, "REVISION", "r"))
	for name, c := range map[string]struct{ spec, want string }{
		"as it is":       {appliedSpec, `{retentionPeriod: "14", vmstorage: {image: {tag: v1}, replicaCount: 2, tolerations: [{key: a, operator: Exists}]}}`},
		"a change":       {`{retentionPeriod: "14", vmstorage: {replicaCount: 3, tolerations: [{key: a, operator: Exists}]}}`, `{retentionPeriod: "14", vmstorage: {image: {tag: v1}, replicaCount: 3, tolerations: [{key: a, operator: Exists}]}}`},
		"what we drop":   {`{vmstorage: {replicaCount: 2}}`, `{vmstorage: {image: {tag: v1}, replicaCount: 2}}`},
		"something new":  {`{retentionPeriod: "14", vmselect: {extraArgs: {a: b}}, vmstorage: {replicaCount: 2, tolerations: []}}`, `{retentionPeriod: "14", vmselect: {extraArgs: {a: b}}, vmstorage: {image: {tag: v1}, replicaCount: 2, tolerations: []}}`},
		"null takes out": {`{retentionPeriod: null, vmstorage: {image: null, replicaCount: 2, tolerations: [{key: a, operator: Exists}]}}`, `{vmstorage: {replicaCount: 2, tolerations: [{key: a, operator: Exists}]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			before := applied.DeepCopy()
			if got, want := InlineTarget(applied, mapFromYAML(t, c.spec)), mapFromYAML(t, c.want); !reflect.DeepEqual(got, want) {
				t.Errorf("target %v, want %v", got, want)
			}
			if !reflect.DeepEqual(applied, before) {
				t.Error("the live object was changed")
			}
		})
	}
}
