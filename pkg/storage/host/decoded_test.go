// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
)

func object(label string) *storagev1.Record {
	return &storagev1.Record{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"is": label}}}
}

func TestOnlyTheSameJSONIsNotDecodedAgain(t *testing.T) {
	d, here := &decoded{}, place{"ns", "one"}
	d.keep(here, []byte("first"), object("first"))
	for name, c := range map[string]struct {
		at    place
		data  string
		into  runtime.Object
		known bool
	}{
		"the same":               {here, "first", object("before"), true},
		"other JSON":             {here, "second", object("before"), false},
		"another place":          {place{"ns", "two"}, "first", object("before"), false},
		"another type of object": {here, "first", &storagev1.RecordList{}, false},
	} {
		if known := d.fill(c.at, []byte(c.data), c.into); known != c.known {
			t.Errorf("%s: known is %v", name, known)
		}
		if record, ok := c.into.(*storagev1.Record); ok && (record.Labels["is"] == "first") != c.known {
			t.Errorf("%s: filled with %v", name, record.Labels)
		}
	}
}

func TestWhoGetsADecodedObjectMayChangeIt(t *testing.T) {
	d, here, kept := &decoded{}, place{"ns", "one"}, object("as stored")
	d.keep(here, []byte("{}"), kept)
	kept.Labels["is"] = "changed after it was kept"
	for range 2 {
		got := &storagev1.Record{}
		if !d.fill(here, []byte("{}"), got) || got.Labels["is"] != "as stored" {
			t.Fatalf("filled with %v", got.Labels)
		}
		got.Labels["is"] = "changed by who got it"
	}
}

// TestDecodedObjectsTakeNoMoreThanTheirShare while one that is asked for again and again
// stays.
func TestDecodedObjectsTakeNoMoreThanTheirShare(t *testing.T) {
	d, data := &decoded{}, bytes.Repeat([]byte("x"), decodedBytes/10)
	at := func(n int) place { return place{"ns", fmt.Sprint(n)} }
	d.keep(at(0), data, object("asked for"))
	for n := range 100 {
		d.keep(at(n+1), data, object("not asked for"))
		d.keep(at(n+1), data, object("the same again"))
		if !d.fill(at(0), data, object("")) {
			t.Fatalf("after %d others, what is asked for is forgotten", n+1)
		}
		if kept := len(d.recent) + len(d.older); kept > 20 {
			t.Fatalf("%d are kept, each a tenth of the share", kept)
		}
	}
	if d.fill(at(1), data, object("")) {
		t.Error("what was not asked for is still kept")
	}
}

func TestManyMayAskAtOnce(t *testing.T) {
	var group sync.WaitGroup
	d := &decoded{}
	for n := range 8 {
		group.Go(func() {
			for i := range 200 {
				at, data := place{"ns", fmt.Sprint(i % 5)}, fmt.Appendf(nil, "%d", n%2)
				got := &storagev1.Record{}
				if d.fill(at, data, got) && got.Labels["is"] != string(data) {
					t.Errorf("filled with %v for %s", got.Labels, data)
				}
				d.keep(at, data, object(string(data)))
			}
		})
	}
	group.Wait()
}
