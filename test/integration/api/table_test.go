// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
)

const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io"

// columns parts a line as kubectl prints it. A cell may hold single spaces.
func columns(line string) []string {
	return regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(line), -1)
}

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }

// TestGetPrintsTheColumnsOfTheIssue, in whatever way the kind is called.
func TestGetPrintsTheColumns(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	settled(t, namespace, "x")
	narrow := []string{"NAME", "ZONES", "READY", "STATUS", "ZONE", "AGE"}
	wide := append(slices.Clone(narrow), "REVISION", "PAUSED", "MESSAGE")

	for _, called := range [][]string{
		{"vmdc"}, {"vmdistributedclusters"}, {"vmdistributedcluster"}, {"vmdc/x"}, {"vmdc", "x"},
		{"vmdistributedclusters.v1alpha1.operator.victoriametrics.com"}, {"vmdistributedclusters.distributed.victoriametrics.com"},
	} {
		got := lines(kubectl(t, namespace, append([]string{"get"}, called...)...).stdout)
		if len(got) != 2 || !slices.Equal(columns(got[0]), narrow) {
			t.Fatalf("get %v prints\n%s", called, strings.Join(got, "\n"))
		}
		row := columns(got[1])
		if row[0] != "x" || !slices.Equal(row[1:5], []string{"0/2", "0/2", "paused", "-"}) {
			t.Errorf("get %v prints the row %q", called, row)
		}
	}
	got := lines(kubectl(t, namespace, "get", "vmdc", "-o", "wide").stdout)
	if !slices.Equal(columns(got[0]), wide) {
		t.Errorf("get -o wide prints\n%s", strings.Join(got, "\n"))
	}
	if row := columns(got[1]); len(row) != len(wide) || row[6] != typed(t, namespace, "x").Status.UpdateRevision || row[7] != "true" || row[8] == "-" {
		t.Errorf("get -o wide prints the row %q", row)
	}
	if got := kubectl(t, namespace, "get", "vmdc", "--no-headers").stdout; len(lines(got)) != 1 {
		t.Errorf("get --no-headers prints\n%s", got)
	}
	if got := kubectl(t, namespace, "get", "vmdc", "-o", "name").stdout; got != "vmdistributedcluster.operator.victoriametrics.com/x\n" {
		t.Errorf("get -o name prints %s", got)
	}
}

// TestZonesPrintsARowForEachZone: the subresource, under stock kubectl.
func TestZonesPrintsARowForEachZone(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	settled(t, namespace, "x")
	narrow := []string{"ZONE", "SOURCE", "PHASE", "SINCE", "REVISION", "GENERATION", "STATUS", "WAITING FOR"}
	wide := append(slices.Clone(narrow), "REASON", "OPERATOR REASON")
	get := func(args ...string) string {
		t.Helper()
		return kubectl(t, namespace, append([]string{"get", "vmdc", "x", "--subresource=zones"}, args...)...).stdout
	}

	got := lines(get())
	if len(got) != 3 || !slices.Equal(columns(got[0]), narrow) {
		t.Fatalf("it prints\n%s", strings.Join(got, "\n"))
	}
	for i, want := range [][]string{{"zone-a", "Inline"}, {"zone-b", "Referenced"}} {
		if row := columns(got[i+1]); !slices.Equal(row[:2], want) {
			t.Errorf("row %d is %q, want %v", i, row, want)
		}
	}
	if got := lines(get("-o", "wide")); !slices.Equal(columns(got[0]), wide) {
		t.Errorf("-o wide prints\n%s", strings.Join(got, "\n"))
	}
	if got := get("-o", "name"); !strings.HasSuffix(got, "/x\n") {
		t.Errorf("-o name prints %s", got)
	}
	var fromJSON, fromYAML v1alpha1.VMDistributedClusterZones
	must(t, json.Unmarshal([]byte(get("-o", "json")), &fromJSON))
	must(t, yaml.UnmarshalStrict([]byte(get("-o", "yaml")), &fromYAML))
	if encode(t, fromJSON) != encode(t, fromYAML) {
		t.Errorf("-o json and -o yaml differ:\n%s\n%s", encode(t, fromJSON), encode(t, fromYAML))
	}
	wantZones(t, namespace, &fromJSON)

	typedZones, err := shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace).GetZones(t.Context(), "x", metav1.GetOptions{})
	must(t, err)
	wantZones(t, namespace, typedZones)
}

func wantZones(t *testing.T, namespace string, got *v1alpha1.VMDistributedClusterZones) {
	t.Helper()
	object := typed(t, namespace, "x")
	if got.Name != "x" || got.Namespace != namespace || got.UID != object.UID || got.ResourceVersion == "" {
		t.Errorf("metadata is %+v", got.ObjectMeta)
	}
	if len(got.Zones) != 2 {
		t.Fatalf("zones are %s", encode(t, got.Zones))
	}
	for i, zone := range got.Zones {
		if zone.Cluster.Kind != "VMCluster" || zone.Cluster.Name != zone.Name || zone.Cluster.Exists || zone.Ready {
			t.Errorf("zone %d is %s", i, encode(t, zone))
		}
		if zone.Phase != object.Status.Zones[i].Phase || zone.WaitingFor == "" {
			t.Errorf("zone %d is %s, status says %s", i, encode(t, zone), encode(t, object.Status.Zones[i]))
		}
	}
}

// TestZonesAreComputedLive: a VMCluster that comes is seen at once, though the
// controller of a paused object has nothing to do.
func TestZonesAreComputedLive(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	exists := func() bool {
		t.Helper()
		var zones v1alpha1.VMDistributedClusterZones
		must(t, json.Unmarshal(shared.admin.get(t, in(namespace, "x", "zones")).want(t, http.StatusOK).body, &zones))
		return zones.Zones[1].Cluster.Exists && zones.Zones[1].Cluster.Generation == 1
	}
	if exists() {
		t.Error("zone-b exists before it was created")
	}
	path := "/apis/operator.victoriametrics.com/v1beta1/namespaces/" + namespace + "/vmclusters"
	shared.admin.send(t, http.MethodPost, path, jsonType,
		`{"apiVersion":"operator.victoriametrics.com/v1beta1","kind":"VMCluster","metadata":{"name":"zone-b"},"spec":{}}`).want(t, http.StatusCreated)
	if !exists() {
		t.Error("zone-b does not exist after it was created")
	}
	shared.admin.send(t, http.MethodDelete, path+"/zone-b", "", "").want(t, http.StatusOK)
	if exists() {
		t.Error("zone-b exists after it was deleted")
	}
}

// TestZonesAreReadOnly, and there is nothing to list or watch.
func TestZonesAreReadOnly(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		shared.admin.send(t, method, in(namespace, "x", "zones"), mergeType, `{}`).want(t, http.StatusMethodNotAllowed).problem(t)
	}
	shared.admin.get(t, in(namespace, "absent", "zones")).want(t, http.StatusNotFound).problem(t)
	shared.admin.get(t, in(namespace, "x", "nonsense")).want(t, http.StatusNotFound).problem(t)
}

// TestTablesForPrograms looks at what kubectl does not show.
func TestTablesForPrograms(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for _, name := range []string{"x", "y", "z"} {
		shared.admin.create(t, namespace, paused(name, one("zone-"+name))).want(t, http.StatusCreated)
	}
	table := func(path string) metav1.Table {
		t.Helper()
		got := shared.admin.sendWith(t, http.MethodGet, path, http.Header{"Accept": []string{tableType}}, nil).want(t, http.StatusOK)
		var table metav1.Table
		must(t, json.Unmarshal(got.body, &table))
		return table
	}
	page := table(in(namespace) + "?limit=2")
	if len(page.Rows) != 2 || page.Continue == "" || page.ResourceVersion == "" || page.RemainingItemCount == nil || *page.RemainingItemCount != 1 {
		t.Errorf("a page has %d rows and %+v", len(page.Rows), page.ListMeta)
	}
	for _, path := range []string{in(namespace, "x"), in(namespace, "x", "status"), in(namespace, "x", "zones")} {
		one := table(path)
		if len(one.Rows) != 1 || one.ResourceVersion == "" {
			t.Errorf("%s has %d rows and %+v", path, len(one.Rows), one.ListMeta)
			continue
		}
		if len(one.Rows[0].Cells) != len(one.ColumnDefinitions) {
			t.Errorf("%s has %d columns and %d cells", path, len(one.ColumnDefinitions), len(one.Rows[0].Cells))
		}
		for _, column := range one.ColumnDefinitions {
			if column.Description == "" || column.Type == "" {
				t.Errorf("%s: column %s has type %q and description %q", path, column.Name, column.Type, column.Description)
			}
		}
	}
}
