// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

const restartedAt = "2026-05-01T12:00:00Z"

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var found map[string]any
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

const pods = `{"annotations":{"distributed.victoriametrics.com/restartedAt":"` + restartedAt + `"}}`

func TestARestartAnnotatesThePodsOfTheComponentsThatThereAre(t *testing.T) {
	for name, test := range map[string]struct{ spec, want string }{
		"all":                    {`{"vmstorage":{},"vmselect":{},"vminsert":{}}`, `{"vmstorage":{"podMetadata":` + pods + `},"vmselect":{"podMetadata":` + pods + `},"vminsert":{"podMetadata":` + pods + `}}`},
		"some":                   {`{"retentionPeriod":"1","vmstorage":{"replicaCount":2}}`, `{"retentionPeriod":"1","vmstorage":{"replicaCount":2,"podMetadata":` + pods + `}}`},
		"none":                   {`{"retentionPeriod":"1"}`, `{"retentionPeriod":"1"}`},
		"a balancer":             {`{"requestsLoadBalancer":{"enabled":true}}`, `{"requestsLoadBalancer":{"enabled":true,"spec":{"podMetadata":` + pods + `}}}`},
		"one that is off":        {`{"requestsLoadBalancer":{"enabled":false,"spec":{}}}`, `{"requestsLoadBalancer":{"enabled":false,"spec":{}}}`},
		"one restarted before":   {`{"vmselect":{"podMetadata":{"annotations":{"distributed.victoriametrics.com/restartedAt":"then"}}}}`, `{"vmselect":{"podMetadata":` + pods + `}}`},
		"one with annotations":   {`{"vmselect":{"podMetadata":{"labels":{"a":"b"}}}}`, `{"vmselect":{"podMetadata":{"labels":{"a":"b"},"annotations":{"distributed.victoriametrics.com/restartedAt":"` + restartedAt + `"}}}}`},
		"one that asks for none": {`{"vmselect":{"image":null}}`, `{"vmselect":{"image":null,"podMetadata":` + pods + `}}`},
	} {
		t.Run(name, func(t *testing.T) {
			spec := decoded(t, test.spec)
			if diff := cmp.Diff(decoded(t, test.want), WithRestart(spec, restartedAt)); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(decoded(t, test.spec), WithRestart(spec, "")); diff != "" {
				t.Errorf("without a restart (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARestartOfWhatIsReferredToChangesNothingElseOfIt(t *testing.T) {
	const own = `{"retentionPeriod":"1","vmselect":{"podMetadata":{"labels":{"a":"b"},"annotations":{"c":"d"}}},"vmstorage":{"replicaCount":2}}`
	for name, patch := range map[string]string{
		"no override":                      `{}`,
		"an override":                      `{"vmstorage":{"replicaCount":3}}`,
		"one that removes a component":     `{"vmselect":null}`,
		"one that adds a component":        `{"vminsert":{"replicaCount":1}}`,
		"one that removes its metadata":    `{"vmselect":{"podMetadata":null}}`,
		"one that removes its annotations": `{"vmselect":{"podMetadata":{"annotations":null}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			live := &unstructured.Unstructured{Object: map[string]any{"spec": decoded(t, own)}}
			got, err := OverrideWithRestart(live, decoded(t, patch), restartedAt)
			if err != nil {
				t.Fatal(err)
			}
			want := WithRestart(override.Apply(decoded(t, own), decoded(t, patch)), restartedAt)
			if diff := cmp.Diff(want, override.Apply(decoded(t, own), got)); diff != "" {
				t.Errorf("overridden (-want +got):\n%s", diff)
			}
		})
	}
}
