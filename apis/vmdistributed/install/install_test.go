// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"encoding/json"
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

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/fuzzer"
)

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	Install(scheme)
	return scheme
}

// TestRoundTrip turns random objects into JSON by way of v1alpha1, and back:
// nothing is lost.
func TestRoundTrip(t *testing.T) {
	roundtrip.RoundTripTestForAPIGroup(t, Install, fuzzer.Funcs)
}

// TestInnerTextSurvivesByteByByte: the round trip compares what texts mean to
// reflect.DeepEqual, which for bytes is the same; this makes sure that there are
// any.
func TestInnerTextSurvivesByteByByte(t *testing.T) {
	codecs := serializer.NewCodecFactory(newScheme())
	codec := codecs.LegacyCodec(v1alpha1.SchemeGroupVersion)
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
		t.Errorf("there were only %d texts", texts)
	}
}

// TestEveryTypeOfTheHubHasAVersion, and the other way round.
func TestEveryTypeOfTheHubHasAVersion(t *testing.T) {
	scheme := newScheme()
	hub := kinds(scheme, schema.GroupVersion{Group: v1alpha1.GroupName, Version: runtime.APIVersionInternal}, vmdistributed.VMDistributedCluster{})
	versioned := kinds(scheme, v1alpha1.SchemeGroupVersion, v1alpha1.VMDistributedCluster{})
	if !hub.Equal(versioned) || hub.Len() != 3 {
		t.Errorf("the hub has %v, the version %v", sets.List(hub), sets.List(versioned))
	}
}

// TestEveryVersionBringsTheRulesOfItsTags: a scheme that knows of none finds no
// mistake in any object, without a word.
func TestEveryVersionBringsTheRulesOfItsTags(t *testing.T) {
	scheme := newScheme()
	const kind = "VMDistributedCluster"
	versions := 0
	for _, version := range scheme.VersionsForGroupKind(schema.GroupKind{Group: v1alpha1.GroupName, Kind: kind}) {
		if version.Version == runtime.APIVersionInternal {
			continue
		}
		versions++
		object, err := scheme.New(version.WithKind(kind))
		if err != nil {
			t.Fatal(err)
		}
		if !scheme.HasValidationFunc(object) {
			t.Errorf("%s has no generated validation", version)
		}
	}
	if versions == 0 {
		t.Error("there is no version")
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
	hub := schema.GroupVersion{Group: v1alpha1.GroupName, Version: runtime.APIVersionInternal}
	decoder := serializer.NewCodecFactory(newScheme()).UniversalDecoder(hub)
	decode := func(spec string) *vmdistributed.VMDistributedClusterSpec {
		t.Helper()
		object, err := runtime.Decode(decoder, []byte(`{"apiVersion":"operator.victoriametrics.com/v1alpha1","kind":"VMDistributedCluster","spec":`+spec+`}`))
		if err != nil {
			t.Fatal(err)
		}
		return &object.(*vmdistributed.VMDistributedCluster).Spec
	}
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
