// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestTextThatCanNotBeKeptIsRefusedByItsPlace, whatever the request says about
// unknown fields: the decoder would refuse it too, and not tell which entry it is in.
func TestTextThatCanNotBeKeptIsRefusedByItsPlace(t *testing.T) {
	const (
		fine  = `{"name":"a","spec":{"x":1,"y":{"x":1},"z":[{"x":1},{"x":2}]}}`
		twice = `{"name":"b","spec":{"vmselect":{"replicaCount":1,"replicaCount":2}}}`
		large = `{"ref":{"name":"b"},"overrideSpec":{"vmselect":{"replicaCount":1e400}}}`

		twiceAt = `duplicate field "spec.zones.vmclusters[1].spec.vmselect.replicaCount"`
		largeAt = `number out of range in field "spec.zones.vmclusters[1].overrideSpec.vmselect.replicaCount"`
	)
	for name, c := range map[string]struct{ mediaType, zones, want string }{
		"a definition":           {jsonType, `{"vmclusters":[` + fine + `,` + twice + `]}`, twiceAt},
		"an override":            {jsonType, `{"vmclusters":[` + fine + `,` + large + `]}`, largeAt},
		"in a list":              {jsonType, `[` + fine + `,` + twice + `]`, twiceAt},
		"wrapped":                {jsonType, `[{"vmclusters":` + fine + `},{"vmclusters":` + large + `}]`, largeAt},
		"in a merge patch":       {mergeType, `[` + fine + `,` + twice + `]`, twiceAt},
		"in a strategic patch":   {strategicType, `[` + fine + `,` + large + `]`, largeAt},
		"applied":                {applyType, `[` + fine + `,` + twice + `]`, twiceAt},
		"in what is there twice": {jsonType, `{"vmclusters":[],"vmclusters":[` + fine + `,` + twice + `]}`, twiceAt},
	} {
		t.Run(name, func(t *testing.T) {
			got, w := serve(newRequest(write(), c.mediaType, strings.NewReader(`{"spec":{"zones":`+c.zones+`}}`)))
			var status metav1.Status
			if err := json.Unmarshal(w.Body.Bytes(), &status); err != nil {
				t.Fatal(err)
			}
			if got.called || w.Code != http.StatusBadRequest || status.Message != "reading the request body: "+c.want {
				t.Errorf("answered %d: %s, want %s", w.Code, status.Message, c.want)
			}
		})
	}
	for _, zones := range []string{`{"vmclusters":[` + fine + `]}`, `{"vmclusters":[{"name":"a","spec":null}]}`, `{"vmclusters":[{"name":"a","spec":[1,1]},{"spec":7}]}`, `{"other":[` + twice + `]}`, `7`} {
		body := `{"spec":{"zones":` + zones + `}}`
		got, _ := serve(newRequest(write(), jsonType, strings.NewReader(body)))
		expectReceived(t, got, body, jsonType)
	}
}

// TestARefusalIsNoLongerThanItNeedsToBe: the key may be as long as the body.
func TestARefusalIsNoLongerThanItNeedsToBe(t *testing.T) {
	key := `"` + strings.Repeat("k", limit/3) + `"`
	_, w := serve(newRequest(write(), jsonType, strings.NewReader(`{"spec":{"zones":[{"name":"a","spec":{`+key+`:1,`+key+`:2}}]}}`)))
	if w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), strings.Trim(key, `"`)) {
		t.Errorf("answered %d: %s", w.Code, w.Body)
	}
}
