// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package chronicle

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// routes plays a configuration of a VMAuth that leads to zones.
func (s *script) routes(t *testing.T, zones ...string) {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	for _, zone := range zones {
		if _, err := fmt.Fprintf(writer, "url_prefix: http://vmselect-%s.n.svc:8481/select/0\n", zone); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	s.play(secretResource.Resource, &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": "vmauth-config-read"},
		"data":     map[string]any{"config.yaml.gz": base64.StdEncoding.EncodeToString(packed.Bytes())},
	}})
}

// user plays a VMUser with the record of a drained zone, "" for none.
func (s *script) user(drained string) {
	user := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "u"}}}
	if drained != "" {
		user.SetAnnotations(map[string]string{drainMark + "demo": fmt.Sprintf(`{"drain":{"owner":"n/demo","zone":%q}}`, drained)})
	}
	s.play(userResource.Resource, user)
}

func TestReadsComeBackOnceTheVMUsersSaySo(t *testing.T) {
	s := healthy()
	s.routes(t, "a", "b")
	s.user("a")
	s.routes(t, "b")
	s.cluster("a", 2, 1, "operational")
	s.cluster("a", 2, 2, "operational")
	s.user("")
	s.routes(t, "a", "b")
	s.expect(t, []string{"a@2"})
}

func TestWriteToAZoneThatIsReadFromIsSeen(t *testing.T) {
	s := healthy()
	s.routes(t, "a", "b")
	s.user("a")
	s.cluster("a", 2, 1, "operational")
	s.expect(t, []string{"a@2"}, "a@2 was written while Secret vmauth-config-read led to it")
}

func TestReadsOfAWrittenZoneAreSeen(t *testing.T) {
	s := healthy()
	s.user("a")
	s.routes(t, "b")
	s.cluster("a", 2, 1, "operational")
	s.cluster("a", 2, 2, "operational")
	s.routes(t, "a", "b")
	s.user("")
	s.expect(t, []string{"a@2"}, "leads to a, which was drained and written")
}

func TestZonesWithOneBeginningAreToldApart(t *testing.T) {
	for config, want := range map[string]bool{
		"http://vmselect-a.n.svc:8481/select/0":          true,
		"http://vmselectinternal-a.n.svc:8481/select/0":  true,
		"http://vmclusterlb-a.n.svc:8427/select/0":       true,
		"http://vmselect-a-b.n.svc:8481/select/0":        false,
		"http://vmselect-ba.n.svc:8481/select/0":         false,
		"http://vminsert-a.n.svc:8480/insert/0":          false,
		"http://vmselect-a:8481/select/0":                true,
		"http://other-vmselect-a.n.svc:8481/select/0/#a": false,
	} {
		if got := leadsTo(config, "a"); got != want {
			t.Errorf("%s leads to a: %t", config, got)
		}
	}
}
