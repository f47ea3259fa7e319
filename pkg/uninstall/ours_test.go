// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"os"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// read makes an object of YAML.
func read(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

// TestWhatIsSomebodyElsesIsKnown though it has a name of ours. That what the manifests
// bring is ours, test/integration/install shows.
func TestWhatIsSomebodyElsesIsKnown(t *testing.T) {
	for name, c := range map[string]struct{ kind, object, why string }{
		"an APIService of another server": {"APIService", `{spec: {service: {namespace: ours, name: other, port: 443}}}`, "Service ours/other"},
		"an APIService of ours elsewhere": {"APIService", `{spec: {service: {namespace: a, name: vmdistributed-apiserver, port: 443}}}`, "Service a/vmdistributed-apiserver"},
		"an APIService of ours":           {"APIService", `{spec: {service: {namespace: ours, name: vmdistributed-apiserver, port: 443}}}`, ""},
		"a Deployment of other pods":      {"Deployment", `{spec: {selector: {matchLabels: {app: a}}}}`, "spec.selector.matchLabels has no app.kubernetes.io/name"},
		"a Service of other pods":         {"Service", `{spec: {selector: {app: a}}}`, "spec.selector has no"},
		"a Service of a server elsewhere": {"Service", `{spec: {type: ExternalName, externalName: machine}}`, ""},
		"a volume of somebody's":          {"PersistentVolumeClaim", `{metadata: {name: a}}`, "metadata.labels has no"},
		"a FlowSchema for others":         {"FlowSchema", `{spec: {rules: [{subjects: [{kind: Group, group: {name: a}}]}]}}`, "about others"},
		"a PriorityClass of another kind": {"PriorityClass", `{description: mine}`, "its description"},
		"a Secret that we did not make":   {"Secret", `{metadata: {name: vmdistributed-apiserver-certificate}}`, "is not labelled"},
		"a binding that somebody joined": {
			"ClusterRoleBinding",
			`{subjects: [{kind: ServiceAccount, namespace: ours, name: vmdistributed-apiserver}, {kind: User, name: a}]}`, "to others",
		},
		"a role that somebody extended": {"ClusterRole/vmdistributed-edit", `{rules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]}`, "is about"},
	} {
		t.Run(name, func(t *testing.T) {
			kind, named, _ := strings.Cut(c.kind, "/")
			at := slices.IndexFunc(inventory("ours"), func(i item) bool {
				return i.Kind == kind && strings.HasSuffix(i.Name, named) && !strings.HasSuffix(i.Name, "-serving") && !strings.HasSuffix(i.Name, "-ca")
			})
			why := inventory("ours")[at].ours(read(t, c.object))
			if (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
				t.Errorf("it is not ours since %q, want %q", why, c.why)
			}
		})
	}
}

func TestRolesForPeopleAreOursWhateverTheyAllowAboutOurKind(t *testing.T) {
	for _, path := range []string{"../../artifacts/base/roles.yaml", "../../artifacts/components/beside-the-operator/roles.yaml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		roles := 0
		for _, manifest := range strings.Split(string(text), "\n---\n") {
			role := read(t, manifest)
			if strings.HasSuffix(role.GetName(), "-metrics-reader") {
				continue // it is about a URL
			}
			roles++
			if why := aboutZones(role); why != "" {
				t.Errorf("%s: %s is not ours: %s", path, role.GetName(), why)
			}
		}
		if roles < 2 {
			t.Errorf("%s: %d roles were looked at, which are too few to be all", path, roles)
		}
	}
}

func TestAPIServicesOfTheClusterItselfArePassedOver(t *testing.T) {
	if !servedByTheClusterItself(read(t, `{spec: {group: a}}`)) || servedByTheClusterItself(read(t, `{spec: {service: {name: a}}}`)) {
		t.Error("an APIService with a Service is taken for one without, or the other way round")
	}
}

func TestSecretsOfCertManagerAreKnownByWhatItSays(t *testing.T) {
	made := read(t, `{metadata: {name: vmdistributed-apiserver-ca, annotations: {cert-manager.io/certificate-name: vmdistributed-apiserver-ca}}}`)
	if why := issuedByCertManager(made); why != "" {
		t.Error(why)
	}
	made.SetAnnotations(nil)
	if issuedByCertManager(made) == "" {
		t.Error("a Secret that cert-manager has not made is taken for one")
	}
}

func TestWorkIsKnownByStatus(t *testing.T) {
	for name, c := range map[string]struct {
		status, doing string
		between       bool
	}{
		"all zones are done":      {`{observedGeneration: 2, zones: [{name: a, phase: Ready}], conditions: [{type: Progressing, status: "True", reason: RolloutCompleted}]}`, "", true},
		"one is out":              {`{observedGeneration: 2, zones: [{name: a, phase: Ready}, {name: b, phase: Flushing}]}`, "zone b is Flushing", false},
		"one is out, and paused":  {`{observedGeneration: 2, zones: [{name: b, phase: Updating}], conditions: [{type: Progressing, status: "False", reason: Paused}]}`, "zone b is Updating", false},
		"one is watched":          {`{observedGeneration: 2, zones: [{name: a, phase: Baking}, {name: b, phase: Pending}]}`, "zone a is Baking", true},
		"one is, another is made": {`{observedGeneration: 2, zones: [{name: a, phase: Baking}, {name: b, phase: Creating}]}`, "zone a is Baking, zone b is Creating", false},
		"one was watched":         {`{observedGeneration: 1, zones: [{name: a, phase: Baking}]}`, "zone a is Baking", false},
		"a new spec":              {`{observedGeneration: 1, zones: [{name: a, phase: Ready}]}`, "generation 2 has not been looked at yet", false},
		"another zone comes next": {`{observedGeneration: 2, zones: [{name: a, phase: Pending}], conditions: [{type: Progressing, status: "True", reason: Writing, message: a comes}]}`, "Writing: a comes", true},
		"it is blocked":           {`{observedGeneration: 2, zones: [{name: a, phase: Pending}], conditions: [{type: Progressing, status: "False", reason: Blocked}]}`, "", true},
	} {
		object := read(t, `{metadata: {generation: 2}, status: `+c.status+`}`)
		// Numbers of YAML are floats; those of the API are not.
		observed, _, _ := unstructured.NestedFloat64(object.Object, "status", "observedGeneration")
		object.SetGeneration(2)
		if err := unstructured.SetNestedField(object.Object, int64(observed), "status", "observedGeneration"); err != nil {
			t.Fatal(err)
		}
		if got := workOn(object); got.Doing != c.doing || got.Between != c.between {
			t.Errorf("%s: %+v, want %q, between zones: %v", name, got, c.doing, c.between)
		}
	}
}

func TestWhatComesByItselfKeepsNoNamespace(t *testing.T) {
	label := map[string]string{nameLabel: serverName}
	for name, c := range map[string]struct {
		resource string
		object   metav1.ObjectMeta
		made     bool
	}{
		"an event":               {"events", metav1.ObjectMeta{Name: "a"}, true},
		"the account":            {"serviceaccounts", metav1.ObjectMeta{Name: "default"}, true},
		"another account":        {"serviceaccounts", metav1.ObjectMeta{Name: "a"}, false},
		"the authority":          {"configmaps", metav1.ObjectMeta{Name: "kube-root-ca.crt"}, true},
		"the halt":               {"configmaps", metav1.ObjectMeta{Name: "vmdistributed-halt"}, false},
		"our ReplicaSet":         {"replicasets.apps", metav1.ObjectMeta{Name: serverName + "-1", Labels: label}, true},
		"another ReplicaSet":     {"replicasets.apps", metav1.ObjectMeta{Name: "a", Labels: label}, false},
		"addresses of ours":      {"endpointslices.discovery.k8s.io", metav1.ObjectMeta{Labels: map[string]string{"kubernetes.io/service-name": serverName}}, true},
		"addresses of others":    {"endpointslices.discovery.k8s.io", metav1.ObjectMeta{}, false},
		"a Secret of an etcd":    {"secrets", metav1.ObjectMeta{Name: serverName + "-etcd"}, false},
		"a Deployment of theirs": {"deployments.apps", metav1.ObjectMeta{Name: "a", Labels: label}, false},
	} {
		if got := madeByItself(schema.ParseGroupResource(c.resource), &c.object); got != c.made {
			t.Errorf("%s: %t, want %t", name, got, c.made)
		}
	}
}

// TestEveryZoneThatAVMUserIsDrainedOfIsNamed though one record tells of them all.
func TestEveryZoneThatAVMUserIsDrainedOfIsNamed(t *testing.T) {
	user := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "read", Annotations: map[string]string{
		"distributed.victoriametrics.com/drain.metrics": `{"drain": {"owner": "a/metrics", "zones": ["zone-b", "zone-a"], "taken": []}, "spec": {"targetRefs": [{}]}}`,
	}}}
	want := []Drain{{User: "a/read", Owner: "a/metrics", Zone: "zone-b"}, {User: "a/read", Owner: "a/metrics", Zone: "zone-a"}}
	if have := drainsOf(user); !slices.Equal(have, want) {
		t.Errorf("drains are %+v, want %+v", have, want)
	}
}
