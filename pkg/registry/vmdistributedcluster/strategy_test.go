// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/install"
)

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

func cluster(zones ...vmdistributed.Zone) *vmdistributed.VMDistributedCluster {
	return &vmdistributed.VMDistributedCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "x", Namespace: "here", Generation: 5, Finalizers: []string{vmdistributed.Finalizer}},
		Spec:       vmdistributed.VMDistributedClusterSpec{Zones: vmdistributed.Zones{VMClusters: zones}},
		Status:     vmdistributed.VMDistributedClusterStatus{UpdateStatus: "operational"},
	}
}

func TestCreateForgetsStatusAndSetsTheFinalizer(t *testing.T) {
	object := cluster(inline("a", `{}`))
	object.Finalizers = []string{"example.com/other"}
	newStrategy(runtime.NewScheme(), v1alpha1.GroupName).PrepareForCreate(context.Background(), object)
	if object.Generation != 1 || object.Status.UpdateStatus != "" {
		t.Errorf("generation %d, status %+v", object.Generation, object.Status)
	}
	if !slices.Equal(object.Finalizers, []string{"example.com/other", vmdistributed.Finalizer}) {
		t.Errorf("finalizers %v", object.Finalizers)
	}
}

// TestWhatNobodyHasLookedAtIsInProgress to kstatus, which takes an object without
// conditions for complete.
func TestWhatNobodyHasLookedAtIsInProgress(t *testing.T) {
	object := cluster(inline("a", `{}`))
	object.CreationTimestamp = metav1.Unix(1700000000, 0)
	newStrategy(runtime.NewScheme(), v1alpha1.GroupName).PrepareForCreate(context.Background(), object)
	for _, condition := range object.Status.Conditions {
		if !condition.LastTransitionTime.Equal(&object.CreationTimestamp) {
			t.Errorf("%s is so since %s, want %s", condition.Type, condition.LastTransitionTime, object.CreationTimestamp)
		}
	}
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&v1alpha1.VMDistributedCluster{
		ObjectMeta: object.ObjectMeta, Status: v1alpha1.VMDistributedClusterStatus{Conditions: object.Status.Conditions},
	})
	if err != nil {
		t.Fatal(err)
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: raw})
	if err != nil {
		t.Fatal(err)
	}
	if result.Status != status.InProgressStatus {
		t.Errorf("it is %s (%s): %v", result.Status, result.Message, raw["status"])
	}
}

func TestUpdateKeepsStatusAndCountsChangesOfSpec(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*vmdistributed.VMDistributedCluster)
		want   int64
	}{
		{"nothing", func(*vmdistributed.VMDistributedCluster) {}, 5},
		{"status", func(c *vmdistributed.VMDistributedCluster) { c.Status.UpdateStatus = "forged" }, 5},
		{"labels", func(c *vmdistributed.VMDistributedCluster) { c.Labels = map[string]string{"a": "b"} }, 5},
		{"generation", func(c *vmdistributed.VMDistributedCluster) { c.Generation = 77 }, 5},
		{"finalizers", func(c *vmdistributed.VMDistributedCluster) { c.Finalizers = nil }, 5},
		{"paused", func(c *vmdistributed.VMDistributedCluster) { c.Spec.Paused = true }, 6},
		{"an empty list", func(c *vmdistributed.VMDistributedCluster) { c.Spec.VMUsers = []vmdistributed.ObjectReference{} }, 5},
		{"other words for a spec", func(c *vmdistributed.VMDistributedCluster) {
			c.Spec.Zones.VMClusters[0].Spec.Raw = []byte(`{ "b":1000, "a":1 }`)
		}, 5},
		{"another spec", func(c *vmdistributed.VMDistributedCluster) {
			c.Spec.Zones.VMClusters[0].Spec.Raw = []byte(`{"a":2,"b":1e3}`)
		}, 6},
		{"order of zones", func(c *vmdistributed.VMDistributedCluster) { slices.Reverse(c.Spec.Zones.VMClusters) }, 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			old := cluster(inline("a", `{"a":1.0,"b":1e3}`), referred("b", `{"x":null}`))
			object := old.DeepCopy()
			test.change(object)
			newStrategy(runtime.NewScheme(), v1alpha1.GroupName).PrepareForUpdate(context.Background(), object, old)
			if object.Generation != test.want || object.Status.UpdateStatus != "operational" {
				t.Errorf("generation %d, want %d; status %+v", object.Generation, test.want, object.Status)
			}
			if !slices.Contains(object.Finalizers, vmdistributed.Finalizer) {
				t.Errorf("finalizers %v", object.Finalizers)
			}
		})
	}
}

// TestFinalizerGoesOnceTheObjectDoes: put back then, it would never leave.
// TestUpdatesKeepWhatIsStored is about fields of a later version: no request has them.
func TestUpdatesKeepWhatIsStored(t *testing.T) {
	main := newStrategy(runtime.NewScheme(), v1alpha1.GroupName)
	for name, prepare := range map[string]func(context.Context, runtime.Object, runtime.Object){
		"main": main.PrepareForUpdate, "status": statusStrategy{main}.PrepareForUpdate,
	} {
		old := cluster(inline("a", `{}`))
		old.Stored = "text"
		object := cluster(inline("a", `{}`))
		if prepare(context.Background(), object, old); object.Stored != "text" {
			t.Errorf("%s: carries %q", name, object.Stored)
		}
	}
}

func TestFinalizerGoesOnceTheObjectDoes(t *testing.T) {
	old := cluster(inline("a", `{}`))
	old.DeletionTimestamp = &metav1.Time{}
	object := old.DeepCopy()
	object.Finalizers = nil
	newStrategy(runtime.NewScheme(), v1alpha1.GroupName).PrepareForUpdate(context.Background(), object, old)
	if len(object.Finalizers) > 0 {
		t.Errorf("finalizers %v", object.Finalizers)
	}
}

func TestStatusUpdateTouchesNothingElse(t *testing.T) {
	old := cluster(inline("a", `{}`))
	old.ResourceVersion = "1"
	object := cluster(inline("b", `{}`))
	object.Labels, object.Finalizers, object.Generation = map[string]string{"a": "b"}, nil, 9
	object.ResourceVersion, object.ManagedFields = "2", []metav1.ManagedFieldsEntry{{Manager: "m"}}
	object.Status.UpdateStatus = "failed"
	statusStrategy{newStrategy(runtime.NewScheme(), v1alpha1.GroupName)}.PrepareForUpdate(context.Background(), object, old)
	if object.Status.UpdateStatus != "failed" || object.Spec.Zones.VMClusters[0].Name != "a" {
		t.Errorf("status %+v, spec %+v", object.Status, object.Spec)
	}
	if len(object.Labels) > 0 || len(object.Finalizers) != 1 || object.Generation != 5 {
		t.Errorf("metadata %+v", object.ObjectMeta)
	}
	// These the server needs to find conflicts and owners.
	if object.ResourceVersion != "2" || len(object.ManagedFields) != 1 {
		t.Errorf("resourceVersion %s, managedFields %v", object.ResourceVersion, object.ManagedFields)
	}
}

// asking is the context of a request of somebody.
func asking(name string) context.Context {
	return genericapirequest.WithUser(context.Background(), &user.DefaultInfo{Name: name})
}

func TestWhoChangesTheZonesIsKnownToTheServerAlone(t *testing.T) {
	main := newStrategy(runtime.NewScheme(), v1alpha1.GroupName)
	forged := &vmdistributed.ChangeRecord{Generation: 1, By: "forged"}
	object := cluster(inline("a", `{}`))
	object.Status.ZonesChanged = forged
	main.PrepareForCreate(asking("ann"), object)
	if got := object.Status.ZonesChanged; got == nil || got.By != "ann" || got.Generation != 1 {
		t.Fatalf("created by ann, and it says %+v", got)
	}
	write := func(by string, change func(*vmdistributed.VMDistributedCluster)) {
		old := object.DeepCopy()
		object.Status.ZonesChanged = forged
		change(object)
		main.PrepareForUpdate(asking(by), object, old)
	}
	write("bob", func(o *vmdistributed.VMDistributedCluster) { o.Spec.Paused = true })
	if got := object.Status.ZonesChanged; got.By != "ann" || got.Generation != 1 {
		t.Errorf("bob has changed no zone, and it says %+v", got)
	}
	write("eve", func(o *vmdistributed.VMDistributedCluster) { o.Spec.Zones.VMClusters[0].Name = "b" })
	if got := object.Status.ZonesChanged; got.By != "eve" || got.Generation != object.Generation {
		t.Errorf("eve has changed a zone, and it says %+v at generation %d", got, object.Generation)
	}
	written := object.DeepCopy()
	written.Status.ZonesChanged = forged
	statusStrategy{main}.PrepareForUpdate(asking("bob"), written, object)
	if got := written.Status.ZonesChanged; got.By != "eve" {
		t.Errorf("a write of status has made it %+v", got)
	}
}

func TestResetFieldsPartSpecFromStatus(t *testing.T) {
	main := newStrategy(runtime.NewScheme(), v1alpha1.GroupName)
	for name, test := range map[string]struct {
		fields map[fieldpath.APIVersion]*fieldpath.Set
		has    []string
		hasNot []string
	}{
		"main":   {main.GetResetFields(), []string{"status"}, []string{"spec", "metadata"}},
		"status": {statusStrategy{main}.GetResetFields(), []string{"spec", "metadata"}, []string{"status"}},
	} {
		if len(test.fields) != 2 {
			t.Fatalf("%s: reset fields are for %v", name, test.fields)
		}
		for _, version := range []fieldpath.APIVersion{"operator.victoriametrics.com/v1alpha1", "distributed.victoriametrics.com/v1alpha1"} {
			set := test.fields[version]
			for _, field := range test.has {
				if set == nil || !set.Has(fieldpath.MakePathOrDie(field)) {
					t.Errorf("%s: %s of %s is not reset", name, field, version)
				}
			}
			for _, field := range test.hasNot {
				if set != nil && set.Has(fieldpath.MakePathOrDie(field)) {
					t.Errorf("%s: %s of %s is reset", name, field, version)
				}
			}
		}
	}
}

// TestErrorsNameTheGroupOfTheRequest: the scheme has the hub in every group.
func TestErrorsNameTheGroupOfTheRequest(t *testing.T) {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	for _, version := range install.GroupVersions() {
		ctx := validated{version: version}.request("")
		bad := cluster(inline("A", `{}`))
		want := "VMDistributedCluster." + version.Group + ` "x" is invalid`
		main := newStrategy(scheme, version.Group)
		if err := rest.BeforeUpdate(main, genericapirequest.WithNamespace(ctx, "here"), bad, cluster(inline("a", `{}`))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("an update says %v, want %s", err, want)
		}
		bad.UID, bad.CreationTimestamp = "uid", metav1.NewTime(time.Unix(1e9, 0))
		if err := rest.BeforeCreate(main, genericapirequest.WithNamespace(ctx, "here"), bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a create says %v, want %s", err, want)
		}
	}
	if _, _, err := newStrategy(scheme, "example.com").ObjectKinds(cluster()); !runtime.IsNotRegisteredError(err) {
		t.Errorf("in a group that does not serve the kind: %v", err)
	}
}

func TestKindIsNamespacedAndNeverCreatedByUpdate(t *testing.T) {
	s := newStrategy(runtime.NewScheme(), v1alpha1.GroupName)
	if !s.NamespaceScoped() || s.AllowCreateOnUpdate(context.Background()) || !s.AllowUnconditionalUpdate(context.Background()) {
		t.Error("the strategy says otherwise")
	}
}

func TestWarnings(t *testing.T) {
	both := referred("b", "")
	both.Name = "ignored"
	for _, test := range []struct {
		name string
		zone vmdistributed.Zone
		want []string
	}{
		{"inline", inline("a", `{}`), nil},
		{"reference", referred("a", ""), nil},
		{"override", referred("a", `{"x":{}}`), nil},
		{"name beside ref", both, []string{`spec.zones.vmclusters[1].name: ignored beside ref, which names the VMCluster "b"`}},
		{"empty override", referred("a", " {\n} "), []string{"spec.zones.vmclusters[1].overrideSpec: is empty and changes nothing"}},
		{"zero override", vmdistributed.Zone{Ref: &vmdistributed.ObjectReference{Name: "a"}, OverrideSpec: &rawjson.Object{}},
			[]string{"spec.zones.vmclusters[1].overrideSpec: is empty and changes nothing"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			object := cluster(inline("z", `{}`), test.zone)
			s := newStrategy(runtime.NewScheme(), v1alpha1.GroupName)
			before := cluster(inline("z", `{}`), inline(test.zone.ClusterName(), `{"before":1}`))
			for _, got := range [][]string{s.WarningsOnCreate(context.Background(), object), s.WarningsOnUpdate(context.Background(), object, before)} {
				if !slices.Equal(got, test.want) {
					t.Errorf("warned of %q, want %q", got, test.want)
				}
			}
			if got := s.WarningsOnUpdate(context.Background(), object, object); len(got) > 0 {
				t.Errorf("a write that changes nothing warned of %q", got)
			}
			if got := (statusStrategy{s}).WarningsOnUpdate(context.Background(), object, object); len(got) > 0 {
				t.Errorf("a write of status warned of %q", got)
			}
		})
	}
}

// TestWarningsOfManyZonesAreOneOfAKind: there may be a hundred zones, and others warn
// too.
func TestWarningsOfManyZonesAreOneOfAKind(t *testing.T) {
	named := func(n int, override string) []vmdistributed.Zone {
		var zones []vmdistributed.Zone
		for i := range n {
			zone := referred(fmt.Sprintf("zone-%02d", i), override)
			zone.Name = "ignored"
			zones = append(zones, zone)
		}
		return zones
	}
	plain := inline("z", `{}`)
	for _, test := range []struct {
		name        string
		object, old []vmdistributed.Zone
		want        []string
	}{
		{"two names, two overrides", named(2, `{}`), []vmdistributed.Zone{plain}, []string{
			`spec.zones.vmclusters: names are ignored beside ref, which names the VMClusters "zone-00" and "zone-01"`,
			`spec.zones.vmclusters: overrides of VMClusters "zone-00" and "zone-01" are empty and change nothing`,
			`spec.zones.vmclusters: zone "z" is taken out; its VMCluster is released and goes on as it is. To take it up again, refer to it with ref`,
		}},
		{"many names", append(named(13, ""), plain), []vmdistributed.Zone{plain}, []string{
			`spec.zones.vmclusters: names are ignored beside ref, which names the VMClusters "zone-00", "zone-01" and 11 more`,
		}},
		{"many overrides", append(named(13, `{}`), plain), append(named(13, `{"a":{}}`), plain), []string{
			`spec.zones.vmclusters: names are ignored beside ref, which names the VMClusters "zone-00", "zone-01" and 11 more`,
			`spec.zones.vmclusters: overrides of VMClusters "zone-00", "zone-01" and 11 more are empty and change nothing`,
		}},
		{"many taken out", []vmdistributed.Zone{plain}, append(named(13, ""), plain), []string{
			`spec.zones.vmclusters: zones "zone-00", "zone-01" and 11 more are taken out; their VMClusters are released and go on as they are. To take them up again, refer to them with ref`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := newStrategy(runtime.NewScheme(), v1alpha1.GroupName).WarningsOnUpdate(context.Background(), cluster(test.object...), cluster(test.old...))
			if !slices.Equal(got, test.want) {
				t.Errorf("warned of\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}
