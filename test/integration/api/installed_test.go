// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	openapi_v3 "github.com/google/gnostic-models/openapiv3"
	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What is published of the installed VMCluster.
const (
	installedSpec  = "com.victoriametrics.distributed.installed.VMClusterSpec"
	installedPatch = "com.victoriametrics.distributed.installed.VMClusterSpecPatch"

	definitionPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/vmclusters.operator.victoriametrics.com"
	v2Protobuf     = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
	v3Protobuf     = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"
)

// explain runs kubectl explain without what an earlier run has kept: kubectl asks
// for a schema by its hash, of which kube-apiserver hears within a minute.
func explain(t *testing.T, args ...string) string {
	t.Helper()
	return kubectl(t, "default", append([]string{"explain", "--cache-dir=" + t.TempDir()}, args...)...).stdout
}

// untilInstalledIsPublished returns when our server has read the definition.
func untilInstalledIsPublished(t *testing.T) {
	t.Helper()
	eventually(t, "the schema of VMClusters is published", func() bool {
		return strings.Contains(string(shared.admin.get(t, "/openapi/v3/apis/"+groupVersion).body), installedSpec) &&
			strings.Contains(string(shared.admin.get(t, "/openapi/v3/apis/"+otherGroupVersion).body), installedSpec)
	})
}

// TestExplainTellsWhatTheInstalledOperatorOffers, in the operator's own words.
func TestExplainTellsWhatTheInstalledOperatorOffers(t *testing.T) {
	t.Parallel()
	untilInstalledIsPublished(t)
	for _, field := range []string{
		".vmselect.replicaCount", ".vmstorage", ".vmstorage.storage.volumeClaimTemplate", ".retentionPeriod", ".vminsert.networkPolicy.egress.ports",
	} {
		_, want, found := strings.Cut(explain(t, "vmclusters.spec"+field, "--api-version=operator.victoriametrics.com/v1beta1"), "DESCRIPTION:")
		if !found || len(strings.Fields(want)) < 3 {
			t.Fatalf("the definition does not describe spec%s: %s", field, want)
		}
		for _, place := range []string{"spec", "overrideSpec"} {
			for _, version := range []string{groupVersion, otherGroupVersion} {
				_, got, _ := strings.Cut(explain(t, "vmdistributedclusters.spec.zones.vmclusters."+place+field, "--api-version="+version), "DESCRIPTION:")
				if withoutMarks(got) != withoutMarks(want) {
					t.Errorf("in %s, %s%s is explained as\n%s\nwant\n%s", version, place, field, got, want)
				}
			}
		}
	}
}

// withoutMarks leaves out what an override does not share with a spec: there,
// nothing is required, and null, which kubectl calls "no value", is as good as each
// of a list of values.
func withoutMarks(explained string) string {
	return strings.NewReplacer(" -required-", "", ", <no value>", "").Replace(explained)
}

// TestExplainListsTheFieldsOfTheInstalledOperator: all that it has below its own kind
// is there below ours.
func TestExplainListsTheFieldsOfTheInstalledOperator(t *testing.T) {
	t.Parallel()
	untilInstalledIsPublished(t)
	_, fields, _ := strings.Cut(explain(t, "vmclusters.spec", "--recursive", "--api-version=operator.victoriametrics.com/v1beta1"), "FIELDS:\n")
	ours := explain(t, "vmdc", "--recursive")
	// spec, zones and vmclusters are around it here.
	var want bytes.Buffer
	for line := range strings.Lines(fields) {
		if strings.TrimSpace(line) != "" {
			want.WriteString("        " + line)
		}
	}
	if strings.Count(want.String(), "\n") < 500 {
		t.Fatalf("the definition has only\n%s", want.String())
	}
	if !strings.Contains(ours, want.String()) {
		t.Errorf("explained is\n%.3000s\nwithout\n%.3000s", ours, want.String())
	}
}

// TestInstalledSchemaIsInThePublishedDocuments of the whole cluster, in JSON and in
// protobuf: one that can't be read would take it from everybody.
func TestInstalledSchemaIsInThePublishedDocuments(t *testing.T) {
	t.Parallel()
	untilInstalledIsPublished(t)
	var v2 openapi_v2.Document
	patiently(t, "the aggregator has the schema of VMClusters", func() bool {
		answer := shared.admin.sendWith(t, http.MethodGet, "/openapi/v2", http.Header{"Accept": []string{v2Protobuf}}, nil)
		must(t, proto.Unmarshal(answer.want(t, http.StatusOK).body, &v2))
		names := map[string]bool{}
		for _, definition := range v2.GetDefinitions().GetAdditionalProperties() {
			names[definition.GetName()] = true
		}
		return names[installedSpec] && names[installedPatch]
	})
	wantReferences(t, document(t, "/openapi/v2"))
	for _, version := range []string{groupVersion, otherGroupVersion} {
		wantReferences(t, document(t, "/openapi/v3/apis/"+version))
		answer := shared.admin.sendWith(t, http.MethodGet, "/openapi/v3/apis/"+version, http.Header{"Accept": []string{v3Protobuf}}, nil)
		must(t, proto.Unmarshal(answer.want(t, http.StatusOK).body, &openapi_v3.Document{}))
	}
}

// patiently is eventually, for what the aggregator looks at once a minute.
func patiently(t *testing.T, what string, ask func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * patience)
	for !ask() {
		if time.Now().After(deadline) {
			t.Fatalf("waiting until %s: not after %s", what, 2*patience)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(time.Second):
		}
	}
}

// The tests below change what all others use, and run alone: neither is parallel.

// TestPublishedSchemaFollowsTheDefinition: an upgrade of the operator brings fields.
func TestPublishedSchemaFollowsTheDefinition(t *testing.T) {
	untilInstalledIsPublished(t)
	const field = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/vmselect/properties/fromTheFuture"
	published := func() (count int) {
		for _, version := range []string{groupVersion, otherGroupVersion} {
			count += strings.Count(string(shared.admin.get(t, "/openapi/v3/apis/"+version).body), `"fromTheFuture":`)
		}
		return count
	}
	change := func(patch string) {
		shared.admin.send(t, http.MethodPatch, definitionPath, jsonPatchType, patch).want(t, http.StatusOK)
	}
	// By the hash of what it was, as kubectl asks until kube-apiserver knows the next one.
	paths, err := shared.admin.kubernetes.Discovery().OpenAPIV3().Paths()
	must(t, err)
	asKnown := []string{paths["apis/"+groupVersion].ServerRelativeURL(), paths["apis/"+otherGroupVersion].ServerRelativeURL()}
	change(`[{"op":"add","path":"` + field + `","value":{"type":"string","description":"not yet"}}]`)
	eventually(t, "the new field is published below spec and overrideSpec, in both groups", func() bool { return published() == 4 })
	for _, url := range asKnown {
		if got := shared.admin.get(t, url).want(t, http.StatusOK); strings.Count(string(got.body), `"fromTheFuture":`) != 2 {
			t.Errorf("%s is answered with what was", url)
		}
	}
	for _, version := range []string{groupVersion, otherGroupVersion} {
		if got := explain(t, "vmdistributedclusters.spec.zones.vmclusters.spec.vmselect.fromTheFuture", "--api-version="+version); !strings.Contains(got, "not yet") {
			t.Errorf("in %s, explained is %s", version, got)
		}
	}
	change(`[{"op":"remove","path":"` + field + `"}]`)
	eventually(t, "the field is gone again", func() bool { return published() == 0 })
}

// TestKubectlNeedsUsForOurKindOnly: kubectl asks for schemas before it writes, and
// gets them from whoever serves the kind. While nobody serves ours, all others are
// written as ever, whether kube-apiserver has noticed or not, by a kubectl that has
// seen the cluster before and by one that has not.
func TestKubectlNeedsUsForOurKindOnly(t *testing.T) {
	untilInstalledIsPublished(t)
	namespace := newNamespace(t)
	manifest := file(t, "other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other\ndata:\n  a: b\n")
	ours := file(t, "ours.yaml", paused("x", canonical))
	kubectl(t, namespace, "apply", "-f", ours)
	must(t, shared.server.Stop())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		defer cancel()
		must(t, shared.server.Restart(ctx))
		must(t, waitPublished(ctx))
	})
	check := func(when string) {
		for _, cache := range []string{"", t.TempDir()} {
			for _, args := range [][]string{
				{"apply", "--validate=strict", "-f", manifest},
				{"apply", "--server-side", "--force-conflicts", "-f", manifest},
				{"explain", "configmap.data"},
				{"delete", "-f", manifest},
				{"create", "-f", manifest},
				{"delete", "-f", manifest},
			} {
				if cache != "" {
					args = append(args, "--cache-dir="+cache)
				}
				if got := kubectl(t, namespace, args...); got.stderr != "" {
					t.Errorf("%s, kubectl %q warns: %s", when, args, got.stderr)
				}
			}
		}
		shared.admin.sendWith(t, http.MethodGet, "/openapi/v2", http.Header{"Accept": []string{v2Protobuf}}, nil).want(t, http.StatusOK)
		got := tryKubectl(t, namespace, "apply", "-f", ours)
		if got.code == 0 || strings.Contains(got.stderr, "openapi") || !strings.Contains(got.stderr, "unable to handle the request") {
			t.Errorf("%s, applying ours ends with status %d and says %s", when, got.code, got.stderr)
		}
	}
	check("at once")
	patiently(t, "kube-apiserver has noticed", func() bool { return !available(t) })
	check("noticed")
}

// available tells whether kube-apiserver takes our group for available.
func available(t *testing.T) bool {
	t.Helper()
	object := shared.admin.get(t, "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.operator.victoriametrics.com").want(t, http.StatusOK).object(t)
	conditions, _ := object.Object["status"].(map[string]any)["conditions"].([]any)
	for _, condition := range conditions {
		if condition := condition.(map[string]any); condition["type"] == "Available" {
			return condition["status"] == string(metav1.ConditionTrue)
		}
	}
	return false
}
