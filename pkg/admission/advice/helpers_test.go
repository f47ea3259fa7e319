// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

type object = vmdistributed.VMDistributedCluster

var owner = types.NamespacedName{Namespace: "monitoring", Name: "metrics"}

// written returns an object as the strategy of the kind leaves it, with two
// referenced zones, a VMAgent and a VMUser.
func written(changes ...func(*object)) *object {
	o := &object{ObjectMeta: metav1.ObjectMeta{Namespace: owner.Namespace, Name: owner.Name, UID: "1"}}
	o.Spec.DeletionPolicy = vmdistributed.DeletionPolicyDelete
	o.Spec.Strategy.MinAvailableZones = ptr.To(v1alpha1.DefaultMinAvailableZones)
	o.Spec.Strategy.Drain.LastTarget = vmdistributed.LastTargetFailOver
	o.Spec.VMAgent = &vmdistributed.ObjectReference{Name: "agent"}
	o.Spec.VMUsers = []vmdistributed.ObjectReference{{Name: "reader"}}
	o.Spec.Zones.VMClusters = []vmdistributed.Zone{referred("zone-a", ""), referred("zone-b", "")}
	for _, change := range changes {
		change(o)
	}
	return o
}

func zones(zones ...vmdistributed.Zone) func(*object) {
	return func(o *object) { o.Spec.Zones.VMClusters = zones }
}

// restarted has all zones have been rolled out once more at a time.
func restarted(at string) func(*object) {
	return func(o *object) {
		when, _ := time.Parse(time.RFC3339, at)
		o.Status.Restart(vmdistributed.Word{Verb: vmdistributed.WordRestart, At: metav1.NewTime(when)})
	}
}

func users(names ...string) func(*object) {
	return func(o *object) {
		o.Spec.VMUsers = nil
		for _, name := range names {
			o.Spec.VMUsers = append(o.Spec.VMUsers, vmdistributed.ObjectReference{Name: name})
		}
	}
}

func agent(name string) func(*object) {
	return func(o *object) {
		o.Spec.VMAgent = nil
		if name != "" {
			o.Spec.VMAgent = &vmdistributed.ObjectReference{Name: name}
		}
	}
}

func leastAvailable(n int32) func(*object) {
	return func(o *object) { o.Spec.Strategy.MinAvailableZones = &n }
}

func refusingLastTarget(o *object) { o.Spec.Strategy.Drain.LastTarget = vmdistributed.LastTargetRefuse }

func permitted(shrinks string) func(*object) {
	return func(o *object) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, victoriametrics.PermitShrinkAnnotation, shrinks)
	}
}

func inline(name, spec string) vmdistributed.Zone {
	return vmdistributed.Zone{Name: name, Spec: &rawjson.Object{Raw: []byte(spec)}}
}

func referred(name, override string) vmdistributed.Zone {
	zone := vmdistributed.Zone{Ref: &vmdistributed.ObjectReference{Name: name}}
	if override != "" {
		zone.OverrideSpec = &rawjson.Object{Raw: []byte(override)}
	}
	return zone
}

// wellKept is a set-up of which there is nothing to say.
const wellKept = `
kind: VMCluster
metadata: {name: zone-a, namespace: monitoring, generation: 1, resourceVersion: "1"}
spec:
  retentionPeriod: "1"
  vmstorage: {replicaCount: 2, storage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 10Gi}}}}}}
  vmselect: {replicaCount: 2}
  vminsert: {replicaCount: 2}
---
kind: VMCluster
metadata: {name: zone-b, namespace: monitoring, generation: 1, resourceVersion: "1"}
spec:
  retentionPeriod: "1"
  vmstorage: {replicaCount: 2, storage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 10Gi}}}}}}
  vmselect: {replicaCount: 2}
  vminsert: {replicaCount: 2}
---
kind: VMAgent
metadata: {name: agent, namespace: monitoring}
spec:
  statefulMode: true
  statefulStorage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 4Gi}}}}}
  remoteWrite:
  - url: http://vminsert-zone-a.monitoring.svc:8480/insert/0/prometheus/api/v1/write
  - url: http://vminsert-zone-b.monitoring.svc:8480/insert/0/prometheus/api/v1/write
---
kind: VMAuth
metadata: {name: auth, namespace: monitoring}
spec: {userSelector: {}}
---
kind: VMUser
metadata: {name: reader, namespace: monitoring, resourceVersion: "1"}
spec:
  bearerToken: secret-token
  targetRefs:
  - crd: {kind: VMCluster/vmselect, name: zone-a, namespace: monitoring, objects: [{name: zone-b, namespace: monitoring}]}
    target_path_suffix: /select/0
`

// around reads what exists from YAML documents; the last one of a name counts.
func around(t *testing.T, documents ...string) surroundings {
	t.Helper()
	var found surroundings
	for _, object := range decoded(t, documents...) {
		into := map[string]*[]*unstructured.Unstructured{
			"VMCluster": &found.clusters, "VMAgent": &found.agents, "VMUser": &found.users, "VMAuth": &found.auths,
		}[object.GetKind()]
		if into == nil {
			t.Fatalf("a test has a %q", object.GetKind())
		}
		if earlier := find(*into, object.GetNamespace(), object.GetName()); earlier != nil {
			earlier.Object = object.Object
			continue
		}
		*into = append(*into, object)
	}
	found.clusters, found.agents, found.users, found.auths = sorted(found.clusters), sorted(found.agents), sorted(found.users), sorted(found.auths)
	return found
}

func decoded(t *testing.T, documents ...string) []*unstructured.Unstructured {
	t.Helper()
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewBufferString(strings.Join(documents, "\n---\n")), 4096)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(object.Object) > 0 {
			object.SetAPIVersion(victoriametrics.GroupVersion.String())
			objects = append(objects, object)
		}
	}
}

// without leaves out an object.
func without(around surroundings, name string) surroundings {
	for _, list := range []*[]*unstructured.Unstructured{&around.clusters, &around.agents, &around.users, &around.auths} {
		var kept []*unstructured.Unstructured
		for _, object := range *list {
			if object.GetName() != name {
				kept = append(kept, object)
			}
		}
		*list = kept
	}
	return around
}

// taken is a VMCluster that an object has taken up, with its override on it.
func taken(t *testing.T, document, patch string) string {
	t.Helper()
	live := decoded(t, document)[0]
	zone := referred("", patch)
	wanted, err := zone.OverrideSpec.Decode()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := victoriametrics.PlanOverride(live, wanted, owner, "1")
	if err != nil {
		t.Fatal(err)
	}
	return asJSON(t, override.Apply(live.Object, plan.Patch))
}

// applied is a VMCluster that an object has made.
func applied(t *testing.T, name string) string {
	t.Helper()
	return appliedAndRestarted(t, name, "")
}

// appliedAndRestarted is that after a restart; "" for none.
func appliedAndRestarted(t *testing.T, name, at string) string {
	t.Helper()
	wanted, err := (&rawjson.Object{Raw: []byte(storage)}).Decode()
	if err != nil {
		t.Fatal(err)
	}
	wanted = victoriametrics.WithRestart(wanted, at)
	body := victoriametrics.InlineApply(owner.Namespace, name, owner, "1", victoriametrics.Revision("inline", wanted), wanted, "1")
	body.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: victoriametrics.FieldManager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(asJSON(t, map[string]any{"f:spec": owned(wanted)})),
	}})
	return asJSON(t, body.Object)
}

// owned is what managedFields say of the members of a document.
func owned(document map[string]any) map[string]any {
	fields := map[string]any{}
	for key, value := range document {
		inner, _ := value.(map[string]any)
		fields["f:"+key] = owned(inner)
	}
	return fields
}

func asJSON(t *testing.T, document map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// drained is the VMUser of wellKept, drained of a zone.
func drained(t *testing.T, name string) string {
	t.Helper()
	around := around(t, wellKept)
	user := around.users[0]
	var zone victoriametrics.Cluster
	var others []victoriametrics.Cluster
	for _, live := range around.clusters {
		cluster, err := victoriametrics.ParseCluster(live)
		switch {
		case err != nil:
			t.Fatal(err)
		case cluster.Name == name:
			zone = cluster
		default:
			others = append(others, cluster)
		}
	}
	plan, err := victoriametrics.PlanDrain(user, victoriametrics.Drain{Owner: owner, Zone: zone, Others: others, LastTarget: victoriametrics.LastTargetFailOver})
	if err != nil || plan.Patch == nil {
		t.Fatalf("the drain is refused: %v %s", err, plan.Refusal)
	}
	return asJSON(t, override.Apply(user.Object, plan.Patch))
}
