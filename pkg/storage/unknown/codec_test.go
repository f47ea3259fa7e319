// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package unknown

import (
	"encoding/json"
	"math/rand"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	ours "github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/fuzzer"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/install"
)

// lab is the codec under test, and the one that it wraps.
type lab struct {
	scheme       *runtime.Scheme
	codecs       serializer.CodecFactory
	plain, codec runtime.Codec
}

func newLab() *lab {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme)
	plain := codecs.LegacyCodec(v1alpha1.SchemeGroupVersion)
	return &lab{scheme, codecs, plain, NewCodec(plain)}
}

func (l *lab) decode(t *testing.T, stored string) *vmdistributed.VMDistributedCluster {
	t.Helper()
	object, err := runtime.Decode(l.codec, []byte(stored))
	must(t, err)
	return object.(*vmdistributed.VMDistributedCluster)
}

func (l *lab) encode(t *testing.T, codec runtime.Codec, object runtime.Object) string {
	t.Helper()
	data, err := runtime.Encode(codec, object)
	must(t, err)
	return string(data)
}

// later is what the next version stores: in each place, the field x has the name of it.
const later = `{"kind":"VMDistributedCluster","apiVersion":"operator.victoriametrics.com/v1alpha1","metadata":{"name":"demo","namespace":"here"},
"spec":{"x":"spec","vmagent":{"x":"agent","name":"agent"},"vmusers":[{"x":"user","name":"reader"}],"strategy":{"drain":{"x":"drain"},"new":{"x":"strategy"}},
"zones":{"x":"zones","vmclusters":[{"ref":{"name":"a","x":"ref"},"x":"a"},{"x":"b","name":"b","spec":{"z":1.0,"a":[{"x":"verbatim"}]}}]}},
"status":{"x":"status","conditions":[{"type":"Ready","status":"True","reason":"R","message":"","lastTransitionTime":null,"x":"condition"}],
"zones":[{"name":"a","phase":"Ready","since":null,"x":"status of a"},{"name":"b","phase":"Ready","since":null,"x":"status of b","work":{"x":"work","queues":[{"replica":"0","x":"queue"}]}}]}}
`

var allPlaces = []string{"spec", "agent", "user", "drain", "strategy", "zones", "ref", "a", "b", "verbatim",
	"status", "condition", "status of a", "status of b", "work", "queue"}

func TestUpdateKeepsTheFieldsOfALaterVersion(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*vmdistributed.VMDistributedCluster)
		gone   []string
	}{
		"another field":      {change: func(c *vmdistributed.VMDistributedCluster) { c.Spec.Paused = true }},
		"status":             {change: func(c *vmdistributed.VMDistributedCluster) { c.Status.UpdateStatus = "failed" }},
		"metadata":           {change: func(c *vmdistributed.VMDistributedCluster) { c.Annotations = map[string]string{"x<": "y"} }},
		"fields beside it":   {change: func(c *vmdistributed.VMDistributedCluster) { c.Spec.Strategy.Drain.Timeout = "7m" }},
		"the order of zones": {change: func(c *vmdistributed.VMDistributedCluster) { z := c.Spec.Zones.VMClusters; z[0], z[1] = z[1], z[0] }},
		"a zone more": {change: func(c *vmdistributed.VMDistributedCluster) {
			c.Spec.Zones.VMClusters = append([]vmdistributed.Zone{{Name: "new"}}, c.Spec.Zones.VMClusters...)
		}},
		"the definition of a zone": {change: func(c *vmdistributed.VMDistributedCluster) {
			c.Spec.Zones.VMClusters[1].Spec = &rawjson.Object{Raw: []byte(`{"y":2}`)}
		}, gone: []string{"verbatim"}},
		"a zone less":               {change: func(c *vmdistributed.VMDistributedCluster) { c.Spec.Zones.VMClusters = c.Spec.Zones.VMClusters[:1] }, gone: []string{"b", "verbatim"}},
		"no vmagent":                {change: func(c *vmdistributed.VMDistributedCluster) { c.Spec.VMAgent = nil }, gone: []string{"agent"}},
		"the status of a zone less": {change: func(c *vmdistributed.VMDistributedCluster) { c.Status.Zones = c.Status.Zones[:1] }, gone: []string{"status of b", "work", "queue"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab()
			object := l.decode(t, later).DeepCopy()
			c.change(object)
			want := l.encode(t, l.plain, object)
			got := l.encode(t, l.codec, object)
			for _, place := range allPlaces {
				wanted := 1
				for _, gone := range c.gone {
					if gone == place {
						wanted = 0
					}
				}
				if n := strings.Count(got, `"x":"`+place+`"`); n != wanted {
					t.Errorf("x of %s is there %d times, want %d: %s", place, n, wanted, got)
				}
			}
			if known := l.encode(t, l.plain, l.decode(t, got)); known != want {
				t.Errorf("what is known is %s, want %s", known, want)
			}
		})
	}
}

func TestWhereNothingChangesTheTextIsTheSame(t *testing.T) {
	l := newLab()
	object := l.decode(t, later)
	// Defaults are in no text of an older version, and in that of each write.
	stored := l.encode(t, l.codec, object)
	for _, order := range [][2]string{{}, {`{"name":"reader","x":"user"}`, `{"x":"user","name":"reader"}`}, {`"timeout":"3m","gracePeriod":"30s"`, `"gracePeriod":"30s","timeout":"3m"`}} {
		if !strings.Contains(stored, order[0]) {
			t.Fatalf("%s is not in %s", order[0], stored)
		}
		stored = strings.Replace(stored, order[0], order[1], 1)
		if again := l.encode(t, l.codec, l.decode(t, stored)); again != stored {
			t.Fatalf("stored again as %s, was %s", again, stored)
		}
	}
}

func TestWhoKnowsAllCarriesNothing(t *testing.T) {
	l := newLab()
	for _, stored := range []string{
		`{"kind":"VMDistributedCluster","apiVersion":"operator.victoriametrics.com/v1alpha1","metadata":{"name":"demo"},"spec":{"vmagent":null,"zones":{"vmclusters":[{"name":"a","spec":{"b":1,"a":2}}]}},"status":{}}`,
		l.encode(t, l.plain, &vmdistributed.VMDistributedCluster{}),
	} {
		if object := l.decode(t, stored); object.Stored != "" {
			t.Errorf("carries %s", object.Stored)
		}
	}
}

func TestUnknownFieldsAreNotServed(t *testing.T) {
	l := newLab()
	if served := l.encode(t, l.plain, l.decode(t, later)); strings.Contains(served, `"x":"spec"`) {
		t.Errorf("served: %s", served)
	}
}

// TestAnyObjectKeepsWhatIsAddedAnywhere puts a field into every object of any
// VMDistributedCluster that our types name.
func TestAnyObjectKeepsWhatIsAddedAnywhere(t *testing.T) {
	l := newLab()
	fill := fuzzer.FuzzerFor(fuzzer.MergeFuzzerFuncs(metafuzzer.Funcs, ours.Funcs), rand.NewSource(1), l.codecs)
	for range 300 {
		cluster := &vmdistributed.VMDistributedCluster{}
		fill.Fill(cluster)
		cluster.APIVersion, cluster.Kind = "", ""
		var tree map[string]any
		must(t, json.Unmarshal([]byte(l.encode(t, l.plain, cluster)), &tree))
		added := 0
		for _, part := range []string{"spec", "status"} {
			added += add(tree[part])
		}
		stored, err := json.Marshal(tree)
		must(t, err)
		object := l.decode(t, string(stored))
		object.Labels = map[string]string{"another": "label"}
		written := l.encode(t, l.codec, object)
		if n := strings.Count(written, `"addedLater":`); n != added {
			t.Fatalf("%d of %d fields are left of %s: %s", n, added, stored, written)
		}
		if has, wanted := l.encode(t, l.plain, l.decode(t, written)), l.encode(t, l.plain, object); has != wanted {
			t.Fatalf("what is known is %s, want %s", has, wanted)
		}
	}
}

// add adds a field to all objects in a value, but for text that is carried as it is, and
// for items of lists that nothing tells apart. It returns how many.
func add(value any) (added int) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			if _, verbatim := inner.(map[string]any); verbatim && (name == "overrideSpec" || name == "spec") {
				continue
			}
			added += add(inner)
		}
		value["addedLater"] = map[string]any{"deep": []any{1.5}}
		added++
	case []any:
		raw, _ := json.Marshal(value)
		items, err := itemsOf(raw)
		for i := range value {
			if err == nil && items[i].id != "" {
				added += add(value[i])
			}
		}
	}
	return added
}

func BenchmarkDecode(b *testing.B) {
	l := newLab()
	cluster := &vmdistributed.VMDistributedCluster{}
	for i := range 100 {
		text := `{"name":"` + strings.Repeat("x", 800) + `","n":` + strings.Repeat("1", 1+i%5) + `}`
		cluster.Spec.Zones.VMClusters = append(cluster.Spec.Zones.VMClusters, vmdistributed.Zone{Name: "zone", Spec: &rawjson.Object{Raw: []byte(text)}})
	}
	data, err := runtime.Encode(l.plain, cluster)
	if err == nil {
		cluster, _ := runtime.Decode(l.plain, data) // with defaults
		data, err = runtime.Encode(l.plain, cluster)
	}
	if err != nil {
		b.Fatal(err)
	}
	for name, codec := range map[string]runtime.Codec{"plain": l.plain, "keeping": l.codec} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := runtime.Decode(codec, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
