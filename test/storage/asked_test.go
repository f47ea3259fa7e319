// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/metrics"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/host"
)

// overheard are the answers of the cluster, in full.
type overheard struct {
	next    http.RoundTripper
	mu      sync.Mutex
	answers [][]byte
}

func (o *overheard) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := o.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers = append(o.answers, body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// TestReadinessReadsOneRecordAtMost, however many there are.
func TestReadinessReadsOneRecordAtMost(t *testing.T) {
	b := newHost(t)
	for i := range 5 {
		pod := &example.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "probed", Name: fmt.Sprintf("pod-%d", i)}}
		must(t, b.Create(t.Context(), prefix+"probed/"+pod.Name, pod, nil, 0))
	}
	ears, config := &overheard{}, rest.CopyConfig(shared.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		ears.next = next
		return ears
	})
	records, err := host.NewRecords(config, recordKind, recordResource)
	must(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil)
	must(t, err)
	must(t, records.Served().Check(request))
	if len(ears.answers) != 1 {
		t.Fatalf("asked %d times", len(ears.answers))
	}
	if found := bytes.Count(ears.answers[0], []byte(`"payload"`)); found > 1 {
		t.Errorf("the answer has %d records", found)
	}
}

// TestStoreTellsHowLongEachOperationTook once the metrics are registered.
func TestStoreTellsHowLongEachOperationTook(t *testing.T) {
	records, err := host.NewRecords(shared.config, recordKind, recordResource)
	must(t, err)
	registry := metrics.NewKubeRegistry()
	for _, metric := range records.Metrics() {
		registry.MustRegister(metric)
	}
	_, err = records.Has(t.Context(), types.NamespacedName{Namespace: "probed", Name: "nobody"})
	must(t, err)
	_, err = records.None(t.Context())
	must(t, err)
	told, err := registry.Gather()
	must(t, err)
	counts := map[string]uint64{}
	for _, family := range told {
		for _, metric := range family.GetMetric() {
			counts[family.GetName()+" "+metric.GetLabel()[0].GetValue()] = metric.GetHistogram().GetSampleCount()
		}
	}
	const name = "vmdistributed_store_request_duration_seconds "
	if want := (map[string]uint64{name + "get": 1, name + "list": 1}); !maps.Equal(counts, want) {
		t.Errorf("told %v, want %v", counts, want)
	}
}

// TestWriteToANamespaceThatIsNotThereEnds, and says what is missing.
func TestWriteToANamespaceThatIsNotThereEnds(t *testing.T) {
	b := newHost(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	store := b.Interface.(*inNamespaces).Interface
	tries := 0
	err := store.GuaranteedUpdate(ctx, prefix+"never-there/pod", &example.Pod{}, true, nil,
		func(found runtime.Object, _ storage.ResponseMeta) (runtime.Object, *uint64, error) {
			if tries++; tries > 3 {
				return nil, nil, fmt.Errorf("tried %d times", tries)
			}
			pod := found.(*example.Pod)
			pod.Namespace, pod.Name = "never-there", "pod"
			return pod, nil, nil
		}, nil)
	if !apierrors.IsNotFound(err) || !strings.Contains(err.Error(), "namespaces") {
		t.Errorf("ended with %v, want that the namespace is not found", err)
	}
}
