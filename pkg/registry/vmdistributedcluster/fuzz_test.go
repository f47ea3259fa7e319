// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	"k8s.io/apimachinery/pkg/api/equality"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"
	"sigs.k8s.io/randfill/bytesource"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	vmdistributedfuzzer "github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/fuzzer"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// samples are the bodies that users start from.
func samples(f *testing.F) [][]byte {
	f.Helper()
	files, err := filepath.Glob("../../../artifacts/samples/vmdistributedcluster-*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("there are no samples: %v", err)
	}
	var found [][]byte
	for _, file := range files {
		sample, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		found = append(found, sample)
	}
	return found
}

const bodyOf = `{"apiVersion":"operator.victoriametrics.com/v1alpha1","kind":"VMDistributedCluster","metadata":`

// bodies are at the edges of what is accepted, and beyond.
var bodies = []string{
	bodyOf + `{"name":"x"},"spec":{"zones":{"vmclusters":[{"name":"a","spec":{ "x" : "<\u2028>" , "y":1.0}}]}}}`,
	bodyOf + `{"name":"x"},"spec":{"zones":[{"name":"a","spec":{"y":1,"x":"<\u2028>"}},{"ref":{"name":"b"},"overrideSpec":{"z":null}}]}}`,
	bodyOf + `{"name":"x","annotations":{"distributed.victoriametrics.com/permit-storage-shrink":"a:b=1"}},"spec":{"zones":[{"vmclusters":[{"name":"a","spec":{}},{"name":"a","spec":{}}]}]}}`,
	bodyOf + `{"generateName":"x-","labels":{"a b":""},"finalizers":["distributed.victoriametrics.com/zones","y"]},"spec":{"zones":{"vmclusters":[{}]},"vmusers":[{"name":"u"},{"name":"u","namespace":"other"}]}}`,
	bodyOf + `{"name":"x","uid":"other","generation":7,"deletionTimestamp":"2026-01-01T00:00:00Z","resourceVersion":"5"},"spec":{"paused":true,"vmagent":{"name":"A_b"},"zones":{"vmclusters":[{"ref":{"name":"a"},"name":"n","spec":{}}]}},"status":{"reason":"forged"}}`,
	bodyOf + `{"name":"x"},"spec":{"deletionPolicy":"Keep","strategy":{"maxUnavailable":0,"minAvailableZones":-1,"readyTimeout":"1d","drain":{"lastTarget":"x"},"flush":{"stableFor":"0s","maxPendingBytes":-1}},"zones":{"vmclusters":[{"ref":{"name":"a"},"overrideSpec":{}}]}}}`,
	bodyOf + `{"name":"x"},"spec":{"zones":{"vmclusters":[{"ref":{"name":"a"},"overrideSpec":{"a":1e400,"b":12345678901234567890,"c":-0.0}}]}}}`,
	`{"apiVersion":"operator.victoriametrics.com/v1alpha1","kind":"VMDistributedClusterList","items":[{}]}`,
	`{"spec":{"zones":null}}`,
	`null`,
}

// FuzzAdmitBody sends any body through the door, as JSON or YAML, and then over
// the object that another one has made.
func FuzzAdmitBody(f *testing.F) {
	for _, sample := range samples(f) {
		f.Add(true, sample, []byte(bodies[0]))
		asJSON, err := yaml.YAMLToJSON(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(false, asJSON, []byte(bodies[0]))
	}
	for i, body := range bodies {
		f.Add(false, []byte(body), []byte(bodies[(i+1)%len(bodies)]))
		f.Add(false, []byte(bodies[0]), []byte(body))
	}
	door := newDoor()
	f.Fuzz(func(t *testing.T, asYAML bool, body, other []byte) {
		mediaType := runtime.ContentTypeJSON
		if asYAML {
			mediaType = runtime.ContentTypeYAML
		}
		object, err := door.decode(mediaType, body)
		if err != nil {
			return
		}
		door.pass(t, object)
		if old, err := door.decode(mediaType, other); err == nil {
			door.passOver(t, object, old)
		}
	})
}

// pass sends an object in.
func (d *door) pass(t *testing.T, object *vmdistributed.VMDistributedCluster) {
	t.Helper()
	object = object.DeepCopy()
	if err := d.create(object); err != nil {
		checkRefusal(t, err)
		return
	}
	d.checkAccepted(t, object)
}

// passOver sends an object in as an update of what another one makes.
func (d *door) passOver(t *testing.T, object, other *vmdistributed.VMDistributedCluster) {
	t.Helper()
	status := other.DeepCopy().Status
	if d.create(other) != nil {
		return
	}
	status.Reason += "not what anybody asks for"
	old, _ := d.stored(t, other)
	old.ResourceVersion, old.Generation, old.Status = "1", 5, status
	object.Name = old.Name // as the path of the request has it
	if object.ResourceVersion == "" {
		object.ResourceVersion = old.ResourceVersion
	}
	d.checkUpdate(t, object.DeepCopy(), old)
	d.checkStatus(t, object, old)
	old.DeletionTimestamp = &metav1.Time{Time: old.CreationTimestamp.Time}
	if err := d.update(d.main, object.DeepCopy(), old); err != nil {
		checkRefusal(t, err)
	}
}

// FuzzAdmitObject draws two objects from the bytes, of which the second is often the
// first with a change, and sends them through the door. Most of them are nearly
// valid, which bodies of random bytes never are.
func FuzzAdmitObject(f *testing.F) {
	for i := range 40 {
		f.Add([]byte(strings.Repeat(strconv.Itoa(i)+"zones", i)))
	}
	door := newDoor()
	f.Fuzz(func(t *testing.T, data []byte) {
		object, other := draw(door.codecs, bytesource.New(data))
		decoded, encoded := door.stored(t, object)
		if body, err := door.decode(runtime.ContentTypeJSON, encoded); err != nil {
			t.Fatalf("%s\nis refused by the decoder: %v", encoded, err)
		} else if want := compacted(t, object); !equality.Semantic.DeepEqual(body, want) || !equality.Semantic.DeepEqual(decoded, want) {
			t.Fatalf("%s\nwas read as %+v\nwant %+v", encoded, body, want)
		}
		door.pass(t, decoded)
		door.passOver(t, decoded, other)
	})
}

// TestDrawnObjectsAreOftenAccepted: without, FuzzAdmitObject would say nothing.
func TestDrawnObjectsAreOftenAccepted(t *testing.T) {
	const draws = 300
	door := newDoor()
	var created, updated, moved int
	for seed := range int64(draws) {
		object, old := draw(door.codecs, rand.NewSource(seed))
		if door.create(object.DeepCopy()) == nil {
			created++
		}
		if door.create(old) != nil {
			continue
		}
		object.Name, object.ResourceVersion, old.ResourceVersion = old.Name, "1", "1"
		if door.update(door.main, object, old) == nil {
			updated++
			moved += int(object.Generation - old.Generation)
		}
	}
	if created < draws/3 || created > draws*9/10 || updated < draws/5 || moved < draws/10 || moved > updated*9/10 {
		t.Errorf("of %d, %d are created, %d update another one, %d of these with a change of spec", draws, created, updated, moved)
	}
}

func draw(codecs serializer.CodecFactory, source rand.Source) (object, other *vmdistributed.VMDistributedCluster) {
	fill := fuzzer.FuzzerFor(fuzzer.MergeFuzzerFuncs(metafuzzer.Funcs, vmdistributedfuzzer.Funcs), source, codecs).Funcs(nearlyValid()...)
	object, other = &vmdistributed.VMDistributedCluster{}, &vmdistributed.VMDistributedCluster{}
	fill.Fill(object)
	var change uint8
	fill.Fill(&change)
	if change%4 == 0 {
		fill.Fill(other)
		return object, other
	}
	other = object.DeepCopy()
	zones := other.Spec.Zones.VMClusters
	switch at := int(change) / 8; change % 8 {
	case 1:
		fill.Fill(&other.Spec.Strategy)
	case 2:
		fill.Fill(&other.Spec.VMUsers)
	case 3:
		fill.Fill(&other.ObjectMeta)
	case 5:
		slices.Reverse(zones)
	case 6:
		if len(zones) > 0 {
			fill.Fill(&zones[at%len(zones)])
		}
	}
	return object, other
}

// nearlyValid fills what has to obey rules so that it mostly does.
func nearlyValid() []any {
	return []any{
		func(m *metav1.ObjectMeta, c randfill.Continue) {
			c.FillNoCustom(m)
			*m = metav1.ObjectMeta{
				Name: mostly(c, "x", "", m.Name), GenerateName: mostly(c, "", "x-", m.GenerateName), Namespace: mostly(c, "", doorNamespace, m.Namespace),
				Finalizers: mostly(c, nil, []string{vmdistributed.Finalizer}, []string{"example.com/other"}, m.Finalizers),
				Labels:     mostly(c, nil, map[string]string{"a": "b"}, m.Labels),
				Annotations: mostly(c, nil, m.Annotations, map[string]string{
					victoriametrics.PermitShrinkAnnotation: mostly(c, "a:b=1", "a"),
				}),
			}
		},
		func(z *vmdistributed.Zones, c randfill.Continue) {
			z.VMClusters = make([]vmdistributed.Zone, mostly(c, 1+c.Intn(5), 0, 100, 101))
			for i := range z.VMClusters {
				zone := &z.VMClusters[i]
				c.Fill(zone)
				own := "zone-" + strconv.Itoa(i)
				zone.Name = mostly(c, own, zone.Name)
				if zone.Ref != nil {
					zone.Name, zone.Ref.Name = mostly(c, "", zone.Name), mostly(c, own, zone.Ref.Name)
				}
			}
		},
		func(z *vmdistributed.Zone, c randfill.Continue) {
			*z = vmdistributed.Zone{Name: name(c), Spec: &rawjson.Object{}}
			c.Fill(z.Spec)
			if c.Bool() {
				z.OverrideSpec, z.Spec, z.Ref = mostly(c, z.Spec, nil), mostly(c, nil, z.Spec), &vmdistributed.ObjectReference{}
				c.Fill(z.Ref)
			}
		},
		func(r *vmdistributed.ObjectReference, c randfill.Continue) {
			*r = vmdistributed.ObjectReference{Name: name(c), Namespace: mostly(c, "", doorNamespace, "other")}
		},
	}
}

// name is one of a few, so that objects often name the same.
func name(c randfill.Continue) string {
	return mostly(c, "zone-"+strconv.Itoa(c.Intn(20)), "", "a.b", "Zone", strings.Repeat("z", 64), c.String(0))
}

// mostly is the usual value, and one of the others about every thirtieth time.
func mostly[T any](c randfill.Continue, usual T, others ...T) T {
	if c.Intn(30) > 0 {
		return usual
	}
	return others[c.Intn(len(others))]
}
