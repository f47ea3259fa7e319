// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package likeness

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

const (
	clusters     = "vmclusters"
	agents       = "vmagents"
	auths        = "vmauths"
	users        = "vmusers"
	statefulSets = "statefulsets"
	deployments  = "deployments"
)

// scene is a namespace in which objects are changed, and a record of what came
// of it.
type scene struct {
	t         *testing.T
	client    dynamic.Interface
	namespace string
	record    map[string]any
}

func newScene(t *testing.T, config *rest.Config) *scene {
	t.Helper()
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, client: client, namespace: "scene", record: map[string]any{}}
	namespace := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": s.namespace},
	}}
	namespaces := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"})
	if _, err := namespaces.Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scene) resource(resource string) dynamic.ResourceInterface {
	gvr := schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: resource}
	if resource == statefulSets || resource == deployments {
		gvr = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: resource}
	}
	return s.client.Resource(gvr).Namespace(s.namespace)
}

// create creates an object and returns a watch on it.
func (s *scene) create(resource, kind, name, spec string) *take {
	s.t.Helper()
	w, err := s.resource(resource).Watch(s.t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(w.Stop)
	var obj unstructured.Unstructured
	text := fmt.Sprintf("{apiVersion: operator.victoriametrics.com/v1beta1, kind: %s, metadata: {name: %s}, spec: %s}", kind, name, spec)
	if err := yaml.Unmarshal([]byte(text), &obj.Object); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.resource(resource).Create(s.t.Context(), &obj, metav1.CreateOptions{}); err != nil {
		s.t.Fatal(err)
	}
	return &take{t: s.t, name: resource + " " + name, watch: w}
}

// change patches the spec of an object.
func (s *scene) change(resource, name, spec string) {
	s.t.Helper()
	raw, err := yaml.YAMLToJSON([]byte("{spec: " + spec + "}"))
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.resource(resource).Patch(s.t.Context(), name, types.MergePatchType, raw, metav1.PatchOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) remove(resource, name string) {
	s.t.Helper()
	if err := s.resource(resource).Delete(s.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// keep records what an object is now.
func (s *scene) keep(when, resource, name string) {
	s.t.Helper()
	obj, err := s.resource(resource).Get(s.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.record[fmt.Sprintf("%s %s %s", resource, name, when)] = essence(obj)
}

// take is everything that one object said.
type take struct {
	t     *testing.T
	name  string
	watch watch.Interface
	said  []string
}

// until waits for the object to say something, or to be "deleted".
func (k *take) until(wanted string) {
	k.t.Helper()
	for len(k.said) == 0 || k.said[len(k.said)-1] != wanted {
		select {
		case event, ok := <-k.watch.ResultChan():
			obj, isObject := event.Object.(*unstructured.Unstructured)
			if !ok || !isObject || event.Type == watch.Error {
				k.t.Fatalf("the watch on %s ended with %v", k.name, event.Object)
			}
			k.hear(event.Type, obj)
		case <-time.After(patience):
			k.t.Fatalf("%s does not say %s; it said %q", k.name, wanted, k.said)
		}
	}
}

func (k *take) hear(event watch.EventType, obj *unstructured.Unstructured) {
	saying := says(obj)
	if event == watch.Deleted {
		saying = "deleted"
	}
	if len(k.said) == 0 || k.said[len(k.said)-1] != saying {
		k.said = append(k.said, saying)
	}
}

// says returns the verdicts on a VMUser, as "True@2", and of other objects
// updateStatus and observedGeneration, as "expanding@2". The updateStatus of a
// VMUser is no part of it: the operator claims the newest generation at times
// while its conditions are on one before.
func says(obj *unstructured.Unstructured) string {
	if obj.GetKind() != "VMUser" {
		updateStatus, _, _ := unstructured.NestedString(obj.Object, "status", "updateStatus")
		generation, _, _ := unstructured.NestedInt64(obj.Object, "status", "observedGeneration")
		return fmt.Sprintf("%s@%d", updateStatus, generation)
	}
	conditions, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	var verdicts []string
	for _, raw := range conditions {
		if condition, ok := raw.(map[string]any); ok {
			verdicts = append(verdicts, fmt.Sprintf("%v@%v", condition["status"], condition["observedGeneration"]))
		}
	}
	slices.Sort(verdicts)
	return strings.Join(verdicts, " ")
}
