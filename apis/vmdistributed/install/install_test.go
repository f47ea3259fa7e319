// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"testing"

	apifuzzer "k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	"k8s.io/apimachinery/pkg/api/apitesting/roundtrip"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/sets"

	distributedv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/apis/distributed/v1alpha1"
	operatorv1alpha1 "github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/fuzzer"
)

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	Install(scheme)
	return scheme
}

// TestRoundTrip turns random objects into JSON by way of each group's v1alpha1, and
// back: nothing is lost.
func TestRoundTrip(t *testing.T) {
	roundtrip.RoundTripTestForAPIGroup(t, Install, fuzzer.Funcs)
}

// TestInnerTextSurvivesByteByByte: the round trip compares what texts mean to
// reflect.DeepEqual, which for bytes is the same; this makes sure that there are
// any.
func TestInnerTextSurvivesByteByByte(t *testing.T) {
	codecs := serializer.NewCodecFactory(newScheme())
	for _, version := range GroupVersions() {
		codec := codecs.LegacyCodec(version)
		fill := apifuzzer.FuzzerFor(apifuzzer.MergeFuzzerFuncs(metafuzzer.Funcs, fuzzer.Funcs), rand.NewSource(1), codecs)
		texts := 0
		for range 200 {
			var cluster vmdistributed.VMDistributedCluster
			fill.Fill(&cluster)
			encoded, err := runtime.Encode(codec, &cluster)
			if err != nil {
				t.Fatal(err)
			}
			for _, zone := range cluster.Spec.Zones.VMClusters {
				if zone.Spec == nil {
					continue
				}
				texts++
				if !json.Valid(zone.Spec.Raw) {
					t.Fatalf("the fuzzer made %s", zone.Spec.Raw)
				}
				if !bytes.Contains(encoded, zone.Spec.Raw) {
					t.Errorf("%s is not in %s", zone.Spec.Raw, encoded)
				}
			}
		}
		if texts < 20 {
			t.Errorf("%s: there were only %d texts", version, texts)
		}
	}
}

// TestWhatIsWrittenInOneGroupIsTheSameInTheOther: the texts differ in apiVersion
// alone, defaults included, and neither group knows a field that the other does not.
func TestWhatIsWrittenInOneGroupIsTheSameInTheOther(t *testing.T) {
	codecs := serializer.NewCodecFactory(newScheme())
	fill := apifuzzer.FuzzerFor(apifuzzer.MergeFuzzerFuncs(metafuzzer.Funcs, fuzzer.Funcs), rand.NewSource(2), codecs)
	stored := codecs.LegacyCodec(GroupVersions()[0])
	for range 100 {
		var cluster vmdistributed.VMDistributedCluster
		fill.Fill(&cluster)
		want, err := runtime.Encode(stored, &cluster)
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range GroupVersions() {
			there, err := runtime.Encode(codecs.LegacyCodec(version), &cluster)
			if err != nil {
				t.Fatal(err)
			}
			back, err := runtime.Decode(codecs.UniversalDecoder(schema.GroupVersion{Group: version.Group, Version: runtime.APIVersionInternal}), there)
			if err != nil {
				t.Fatal(err)
			}
			got, err := runtime.Encode(stored, back)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("by way of %s,\n%s\nbecame\n%s", version, want, got)
			}
			if renamed := bytes.Replace(there, []byte(version.String()), []byte(GroupVersions()[0].String()), 1); !bytes.Equal(renamed, want) {
				t.Fatalf("in %s it is\n%s\nwant\n%s", version, there, want)
			}
		}
	}
}

// TestEveryTypeOfTheHubHasAVersion in each group, and the other way round.
func TestEveryTypeOfTheHubHasAVersion(t *testing.T) {
	scheme := newScheme()
	for _, test := range []struct {
		version schema.GroupVersion
		beside  any
	}{
		{operatorv1alpha1.SchemeGroupVersion, operatorv1alpha1.VMDistributedCluster{}},
		{distributedv1alpha1.SchemeGroupVersion, distributedv1alpha1.VMDistributedCluster{}},
	} {
		hub := kinds(scheme, schema.GroupVersion{Group: test.version.Group, Version: runtime.APIVersionInternal}, vmdistributed.VMDistributedCluster{})
		versioned := kinds(scheme, test.version, test.beside)
		if !hub.Equal(versioned) || hub.Len() != 11 {
			t.Errorf("%s: the hub has %v, the version %v", test.version, sets.List(hub), sets.List(versioned))
		}
	}
}

// TestEveryVersionBringsTheRulesOfItsTags: a scheme that knows of none finds no
// mistake in any object, without a word.
func TestEveryVersionBringsTheRulesOfItsTags(t *testing.T) {
	scheme := newScheme()
	for _, served := range GroupVersions() {
		versions := 0
		for _, version := range scheme.VersionsForGroupKind(schema.GroupKind{Group: served.Group, Kind: vmdistributed.Kind}) {
			if version.Version == runtime.APIVersionInternal {
				continue
			}
			versions++
			object, err := scheme.New(version.WithKind(vmdistributed.Kind))
			if err != nil {
				t.Fatal(err)
			}
			if !scheme.HasValidationFunc(object) {
				t.Errorf("%s has no generated validation", version)
			}
		}
		if versions != 1 {
			t.Errorf("the group %s has %d versions", served.Group, versions)
		}
	}
}

// kinds lists those that are defined beside a type.
func kinds(scheme *runtime.Scheme, version schema.GroupVersion, beside any) sets.Set[string] {
	found := sets.New[string]()
	for kind, typ := range scheme.KnownTypes(version) {
		if typ.PkgPath() == reflect.TypeOf(beside).PkgPath() {
			found.Insert(kind)
		}
	}
	return found
}

// TestDefaults fills in what was left out and nothing else.
func TestDefaults(t *testing.T) {
	for _, version := range GroupVersions() {
		t.Run(version.Group, func(t *testing.T) {
			hub := schema.GroupVersion{Group: version.Group, Version: runtime.APIVersionInternal}
			decoder := serializer.NewCodecFactory(newScheme()).UniversalDecoder(hub)
			testDefaults(t, func(spec string) *vmdistributed.VMDistributedClusterSpec {
				t.Helper()
				object, err := runtime.Decode(decoder, fmt.Appendf(nil, `{"apiVersion":%q,"kind":"VMDistributedCluster","spec":%s}`, version.String(), spec))
				if err != nil {
					t.Fatal(err)
				}
				return &object.(*vmdistributed.VMDistributedCluster).Spec
			})
		})
	}
}

func testDefaults(t *testing.T, decode func(spec string) *vmdistributed.VMDistributedClusterSpec) {
	t.Helper()
	got := decode(`{}`)
	if got.DeletionPolicy != "Delete" || got.ManagementPolicy != "Manage" || *got.Strategy.MinAvailableZones != 1 || got.Strategy.ReadyTimeout != "5m" || got.Strategy.UpdatePause != "1m" ||
		got.Strategy.Drain.LastTarget != "FailOver" {
		t.Errorf("an empty spec became %+v", got)
	}
	got = decode(`{"deletionPolicy":"Retain","managementPolicy":"Observe","strategy":{"minAvailableZones":0,"readyTimeout":"1s","updatePause":"0s","drain":{"lastTarget":"Refuse"}}}`)
	if got.DeletionPolicy != "Retain" || got.ManagementPolicy != "Observe" || *got.Strategy.MinAvailableZones != 0 || got.Strategy.ReadyTimeout != "1s" || got.Strategy.UpdatePause != "0s" ||
		got.Strategy.Drain.LastTarget != "Refuse" {
		t.Errorf("a full spec became %+v", got)
	}
}
