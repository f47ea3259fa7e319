// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

const (
	token = "reader-token"
	// rate is how many samples are written in a second.
	rate = 200
)

// room is a namespace of one test with two zones, a VMAgent and a VMAuth of two
// replicas each, and a VMUser that reads from zone-a.
type room struct {
	*site
	t         *testing.T
	namespace string
}

func newRoom(t *testing.T) *room {
	t.Helper()
	namespace, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "room-"}}, metav1.CreateOptions{})
	must(t, err)
	r := &room{site: shared, t: t, namespace: namespace.Name}
	t.Cleanup(r.leave)
	for _, zone := range []string{"zone-a", "zone-b"} {
		r.create("VMCluster", zone, `{vmselect: {replicaCount: 2}, vminsert: {}, vmstorage: {}}`)
	}
	r.create("VMAgent", "main", fmt.Sprintf(`{
		replicaCount: 2, selectAllByDefault: true,
		remoteWrite: [
			{url: "http://vminsert-zone-a.%[1]s.svc:8480/insert/multitenant/prometheus/api/v1/write"},
			{url: "http://vminsert-zone-b.%[1]s.svc:8480/insert/multitenant/prometheus/api/v1/write"}]}`, r.namespace))
	r.create("VMAuth", "main", `{replicaCount: 2, userSelector: {}}`)
	r.create("VMUser", "reader", fmt.Sprintf(`{bearerToken: %s, targetRefs: [%s]}`, token, r.zoneRef("zone-a")))
	for _, zone := range []string{"zone-a", "zone-b"} {
		r.untilStatus("VMCluster", zone, "operational")
	}
	r.untilStatus("VMAgent", "main", "operational")
	r.untilStatus("VMAuth", "main", "operational")
	r.untilStatus("VMUser", "reader", "operational")
	for _, target := range r.plane.AuthURLs(r.namespace, "main") {
		r.until("the user is known to "+target, func() (bool, string) {
			status := r.ask(target, token)
			return status == http.StatusOK, fmt.Sprint(status)
		})
	}
	r.until("no replica of vmauth is at loading anything", func() (bool, string) {
		settled, err := r.plane.Settled(r.namespace, "main")
		return err == nil && settled, fmt.Sprint(settled, err)
	})
	return r
}

// leave deletes the objects, so that their processes are in nobody's way.
func (r *room) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, resource := range []string{"vmusers", "vmauths", "vmagents", "vmclusters"} {
		objects := r.objects.Resource(gvr(resource)).Namespace(r.namespace)
		if err := objects.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			r.t.Error(err)
		}
	}
}

func (r *room) zoneRef(zone string) string {
	return fmt.Sprintf("{crd: {kind: VMCluster/vmselect, name: %s, namespace: %s}}", zone, r.namespace)
}

func gvr(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: resource}
}

func (r *room) resource(kind string) dynamic.ResourceInterface {
	return r.objects.Resource(gvr(strings.ToLower(kind) + "s")).Namespace(r.namespace)
}

func (r *room) create(kind, name, spec string) {
	r.t.Helper()
	obj := &unstructured.Unstructured{}
	must(r.t, yaml.Unmarshal([]byte(strings.ReplaceAll(fmt.Sprintf(
		"{apiVersion: operator.victoriametrics.com/v1beta1, kind: %s, metadata: {name: %s}, spec: %s}", kind, name, spec), "\t", " ")), &obj.Object))
	_, err := r.resource(kind).Create(r.t.Context(), obj, metav1.CreateOptions{})
	must(r.t, err)
}

// patch changes an object and returns its generation.
func (r *room) patch(kind, name, change string) int64 {
	r.t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(change))
	must(r.t, err)
	obj, err := r.resource(kind).Patch(r.t.Context(), name, types.MergePatchType, raw, metav1.PatchOptions{})
	must(r.t, err)
	return obj.GetGeneration()
}

// untilStatus waits for the updateStatus of an object's current generation.
func (r *room) untilStatus(kind, name, wanted string) *unstructured.Unstructured {
	r.t.Helper()
	var obj *unstructured.Unstructured
	r.until(fmt.Sprintf("%s %s is %s", kind, name, wanted), func() (bool, string) {
		var err error
		obj, err = r.resource(kind).Get(r.t.Context(), name, metav1.GetOptions{})
		must(r.t, err)
		status, _, _ := unstructured.NestedString(obj.Object, "status", "updateStatus")
		observed, _, _ := unstructured.NestedInt64(obj.Object, "status", "observedGeneration")
		return status == wanted && observed == obj.GetGeneration(), fmt.Sprint(obj.Object["status"])
	})
	return obj
}

// until waits for something, and says what it saw last if that does not come.
func (r *room) until(what string, is func() (bool, string)) {
	r.t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(r.t.Context(), tick, patience, true, func(context.Context) (done bool, err error) {
		done, last = is()
		return done, nil
	})
	if err != nil {
		r.t.Fatalf("waiting until %s: %v; last: %s", what, err, last)
	}
}

// write starts a writer to both replicas of vmagent.
func (r *room) write() *Writer {
	r.t.Helper()
	w, err := NewWriter(r.t.Context(), r.plane.AgentURLs(r.namespace, "main"), fmt.Sprintf("seq{room=%q}", r.namespace), rate)
	must(r.t, err)
	for _, zone := range []string{"zone-a", "zone-b"} {
		ctx, cancel := context.WithTimeout(r.t.Context(), patience)
		must(r.t, r.plane.UntilShown(ctx, r.namespace, zone, w))
		cancel()
	}
	return w
}

// read starts a reader of what a writer writes, once there is something that
// every query must find.
func (r *room) read(w *Writer) *Reader {
	r.t.Helper()
	r.until("samples are old enough to be missed", func() (bool, string) {
		until := time.Now().Add(-DefaultSlack)
		expected := w.expected(until.Add(-DefaultWindow), until, until)
		return expected > 0, fmt.Sprint(expected)
	})
	reader, err := NewReader(r.t.Context(), w, ReaderOptions{
		Targets: r.plane.AuthURLs(r.namespace, "main"), Token: token, Rate: 50,
	})
	must(r.t, err)
	r.t.Cleanup(reader.Stop)
	return reader
}

// untilReads waits for so many queries that were OK since the call.
func (r *room) untilReads(reader *Reader, n int64) {
	r.t.Helper()
	begun := reader.Counts().OK
	r.until(fmt.Sprintf("%d queries are OK", n), func() (bool, string) {
		counts := reader.Counts()
		return counts.OK >= begun+n, fmt.Sprintf("%+v %v", counts, reader.Problems())
	})
}

// untilComplete waits until no zone lacks a sample.
func (r *room) untilComplete(w *Writer) {
	r.t.Helper()
	for _, zone := range []string{"zone-a", "zone-b"} {
		r.until("no sample is missing in "+zone, func() (bool, string) {
			gaps, err := r.plane.Audit(r.t.Context(), r.namespace, zone, w)
			return err == nil && len(gaps) == 0, fmt.Sprint(gaps, err)
		})
	}
}

// stopWriter ends a writer once everything is acknowledged.
func (r *room) stopWriter(w *Writer) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	must(r.t, w.Stop(ctx))
}

// pageOf reads a page.
func pageOf(t *testing.T, client *http.Client, address string) (string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	must(t, err)
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
