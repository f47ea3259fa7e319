// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/install"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/zoneshape"
)

// door is what a body passes on its way into the store, in the order in which
// the server has it, and without the server: the filter for the shapes of zones,
// the strict decoder, and the strategy as genericregistry calls it. Both layers
// of validation are behind the latter.
type door struct {
	scheme  *runtime.Scheme
	codecs  serializer.CodecFactory
	codec   runtime.Codec
	version schema.GroupVersionKind
	main    strategy
	// admit are the steps between the decoder and the strategy, in order. A chain of
	// admission belongs here. An error refuses the object, whose fields a step may
	// set.
	admit []func(ctx context.Context, object, old *vmdistributed.VMDistributedCluster) error
}

func newDoor() *door {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme)
	return &door{
		scheme: scheme, codecs: codecs, codec: codecs.LegacyCodec(v1alpha1.SchemeGroupVersion),
		version: v1alpha1.SchemeGroupVersion.WithKind(vmdistributed.Kind),
		main:    newStrategy(scheme, v1alpha1.GroupName),
	}
}

const doorNamespace = "monitoring"

func doorContext(verb string) context.Context {
	ctx := genericapirequest.WithNamespace(context.Background(), doorNamespace)
	return genericapirequest.WithRequestInfo(ctx, &genericapirequest.RequestInfo{
		IsResourceRequest: true, Verb: verb, Namespace: doorNamespace, Resource: vmdistributed.Resource,
		APIGroup: v1alpha1.SchemeGroupVersion.Group, APIVersion: v1alpha1.SchemeGroupVersion.Version,
	})
}

// decode reads a body as the handlers do under fieldValidation=Strict.
func (d *door) decode(mediaType string, body []byte) (*vmdistributed.VMDistributedCluster, error) {
	canonical, err := zoneshape.Normalise(mediaType, body)
	if err != nil {
		return nil, err
	}
	info, found := runtime.SerializerInfoForMediaType(d.codecs.SupportedMediaTypes(), canonical.MediaType)
	if !found {
		return nil, errors.New("no decoder for " + canonical.MediaType)
	}
	hub := schema.GroupVersion{Group: d.version.Group, Version: runtime.APIVersionInternal}
	object, _, err := d.codecs.DecoderToVersion(info.StrictSerializer, hub).Decode(canonical.Body, &d.version, &vmdistributed.VMDistributedCluster{})
	if err != nil {
		return nil, err
	}
	return object.(*vmdistributed.VMDistributedCluster), nil
}

// create takes a new object in. The error is one that the client gets.
func (d *door) create(object *vmdistributed.VMDistributedCluster) error {
	ctx := doorContext("create")
	rest.WipeObjectMetaSystemFields(object)
	if err := rest.EnsureObjectNamespaceMatchesRequestNamespace(doorNamespace, object); err != nil {
		return err
	}
	for _, step := range d.admit {
		if err := step(ctx, object, nil); err != nil {
			return err
		}
	}
	// What rest.FillObjectMetaSystemFields and the store fill in, the same each time.
	object.CreationTimestamp, object.UID = metav1.NewTime(time.Unix(1e9, 0)), "uid"
	if object.GenerateName != "" && object.Name == "" {
		object.Name = object.GenerateName + "x"
	}
	return rest.BeforeCreate(d.main, ctx, object)
}

func (d *door) update(by rest.RESTUpdateStrategy, object, old *vmdistributed.VMDistributedCluster) error {
	ctx := doorContext("update")
	for _, step := range d.admit {
		if err := step(ctx, object, old); err != nil {
			return err
		}
	}
	return rest.BeforeUpdate(by, ctx, object, old)
}

// stored is what the store gives back of an object.
func (d *door) stored(t *testing.T, object *vmdistributed.VMDistributedCluster) (*vmdistributed.VMDistributedCluster, []byte) {
	t.Helper()
	encoded, err := runtime.Encode(d.codec, object)
	if err != nil {
		t.Fatalf("%+v\ncannot be encoded: %v", object, err)
	}
	info, _ := runtime.SerializerInfoForMediaType(d.codecs.SupportedMediaTypes(), runtime.ContentTypeJSON)
	hub := schema.GroupVersion{Group: d.version.Group, Version: runtime.APIVersionInternal}
	again, _, err := d.codecs.DecoderToVersion(info.StrictSerializer, hub).Decode(encoded, nil, &vmdistributed.VMDistributedCluster{})
	if err != nil {
		t.Fatalf("%s\ncannot be decoded: %v", encoded, err)
	}
	return again.(*vmdistributed.VMDistributedCluster), encoded
}

// checkRefusal holds for every error that a strategy gives: the client is at
// fault, and is told the field.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		t.Fatalf("the error has no status: %v", err)
	}
	told := status.Status()
	if told.Code < http.StatusBadRequest || told.Code >= http.StatusInternalServerError {
		t.Fatalf("status %d: %v", told.Code, err)
	}
	if told.Code != http.StatusUnprocessableEntity {
		return
	}
	if told.Details == nil || len(told.Details.Causes) == 0 {
		t.Fatalf("no causes: %v", err)
	}
	for _, cause := range told.Details.Causes {
		top, _, _ := strings.Cut(cause.Field, ".")
		if top != "spec" && top != "metadata" && !strings.HasPrefix(cause.Field, "status.controller.") {
			t.Fatalf("the field is %q: %v", cause.Field, err)
		}
	}
}

// checkAccepted holds for every object that was created.
func (d *door) checkAccepted(t *testing.T, object *vmdistributed.VMDistributedCluster) {
	t.Helper()
	fresh := vmdistributed.VMDistributedClusterStatus{Conditions: unobserved(object), ZonesChanged: &vmdistributed.ChangeRecord{Generation: 1}}
	if object.Generation != 1 || !equality.Semantic.DeepEqual(object.Status, fresh) || count(object.Finalizers, vmdistributed.Finalizer) != 1 {
		t.Errorf("created at generation %d with finalizers %v and status %+v", object.Generation, object.Finalizers, object.Status)
	}
	stored, encoded := d.stored(t, object)
	if want := compacted(t, object); !equality.Semantic.DeepEqual(stored, want) {
		t.Errorf("%s\ncame back as %+v\nwant %+v", encoded, stored, want)
	}
	if _, again := d.stored(t, stored); !bytes.Equal(again, encoded) {
		t.Errorf("%s\nwas stored the second time as %s", encoded, again)
	}
	if err := d.create(stored.DeepCopy()); err != nil {
		t.Errorf("%s\nwas accepted once, and not the second time: %v", encoded, err)
	}
	if _, err := (clusterTable{}).ConvertToTable(context.Background(), stored, nil); err != nil {
		t.Errorf("%s\ncannot be printed: %v", encoded, err)
	}
	stored.ResourceVersion = "1"
	d.checkUnchanged(t, stored, stored)
	object = object.DeepCopy()
	object.ResourceVersion = "1"
	d.checkUnchanged(t, object, stored)
}

// checkUnchanged writes over old what says the same.
func (d *door) checkUnchanged(t *testing.T, object, old *vmdistributed.VMDistributedCluster) {
	t.Helper()
	object, before := object.DeepCopy(), old.DeepCopy()
	if err := d.update(d.main, object, old); err != nil {
		t.Errorf("%+v\nis not accepted in its own place: %v", old, err)
		return
	}
	if !equality.Semantic.DeepEqual(object, old) || !reflect.DeepEqual(old, before) {
		t.Errorf("%+v\nwritten in its own place became %+v", before, object)
	}
}

// checkUpdate writes an object over another one.
func (d *door) checkUpdate(t *testing.T, object, old *vmdistributed.VMDistributedCluster) {
	t.Helper()
	asked, before := object.DeepCopy(), old.DeepCopy()
	err := d.update(d.main, object, old)
	if !reflect.DeepEqual(old, before) {
		t.Errorf("%+v\nwas changed to %+v", before, old)
	}
	if err != nil {
		checkRefusal(t, err)
		return
	}
	moved := !equality.Semantic.DeepEqual(object.Spec, old.Spec)
	if want := old.Generation + map[bool]int64{true: 1}[moved]; object.Generation != want {
		t.Errorf("%+v\nover %+v\nis at generation %d, want %d", asked.Spec, old.Spec, object.Generation, want)
	}
	expected := old.DeepCopy().Status
	if !equality.Semantic.DeepEqual(object.Spec.Zones, old.Spec.Zones) {
		expected.ZonesChanged = &vmdistributed.ChangeRecord{Generation: object.Generation}
	}
	if !equality.Semantic.DeepEqual(object.Status, expected) || count(object.Finalizers, vmdistributed.Finalizer) != 1 {
		t.Errorf("status became %+v, finalizers %v", object.Status, object.Finalizers)
	}
	if want, have := meaning(t, asked), meaning(t, object); !reflect.DeepEqual(want, have) {
		t.Errorf("%+v\nover %+v\nbecame %+v, which means something else", asked.Spec, old.Spec, object.Spec)
	}
	stored, _ := d.stored(t, object)
	again := asked.DeepCopy()
	d.checkUnchanged(t, restOf(again, stored), stored)
}

// restOf gives an object the metadata of another one.
func restOf(object, other *vmdistributed.VMDistributedCluster) *vmdistributed.VMDistributedCluster {
	object.ObjectMeta = *other.ObjectMeta.DeepCopy()
	return object
}

// checkStatus writes the status of an object over another one. Of the words of users, it
// takes some away, and says none.
func (d *door) checkStatus(t *testing.T, object, old *vmdistributed.VMDistributedCluster) {
	t.Helper()
	object = object.DeepCopy()
	status := object.DeepCopy().Status
	status.Words = slices.DeleteFunc(slices.Clone(old.Status.Words), func(w vmdistributed.Word) bool {
		_, kept := status.Said(w.Verb, w.Zone, w.Revision)
		return !kept
	})
	status.ZonesChanged = old.Status.ZonesChanged // the server's to say
	object.ResourceVersion = old.ResourceVersion
	object.ManagedFields = old.ManagedFields
	if err := d.update(statusStrategy{d.main}, object, old); err != nil {
		checkRefusal(t, err)
		return
	}
	if !equality.Semantic.DeepEqual(object.Spec, old.Spec) || !equality.Semantic.DeepEqual(object.ObjectMeta, old.ObjectMeta) || !equality.Semantic.DeepEqual(object.Status, status) {
		t.Errorf("a write of status %+v\nover %+v\nmade %+v", status, old, object)
	}
}

// compacted is an object in the words in which it is written.
func compacted(t *testing.T, object *vmdistributed.VMDistributedCluster) *vmdistributed.VMDistributedCluster {
	t.Helper()
	object = object.DeepCopy()
	for _, text := range texts(object) {
		written, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		text.Raw = written
	}
	return object
}

// meaning is what the texts of an object say to a program that takes every number
// for a float.
func meaning(t *testing.T, object *vmdistributed.VMDistributedCluster) []any {
	t.Helper()
	said := []any{}
	for _, text := range texts(object) {
		written, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var document any
		if err := json.Unmarshal(written, &document); err != nil {
			document = string(written) // a number that no float can be
		}
		said = append(said, document)
	}
	return said
}

// texts are the inner texts of an object, in order.
func texts(object *vmdistributed.VMDistributedCluster) []*rawjson.Object {
	var found []*rawjson.Object
	for i := range object.Spec.Zones.VMClusters {
		zone := &object.Spec.Zones.VMClusters[i]
		for _, text := range []*rawjson.Object{zone.Spec, zone.OverrideSpec} {
			if text != nil {
				found = append(found, text)
			}
		}
	}
	return found
}

func count(list []string, item string) int {
	return len(list) - len(slices.DeleteFunc(slices.Clone(list), func(other string) bool { return other == item }))
}
