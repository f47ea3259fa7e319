// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	typed "github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned/typed/operator/v1alpha1"
)

const (
	zones    = 20
	patience = 5 * time.Minute
)

// BenchmarkZoneUpdate rolls one revision after the other out over 20 zones that a
// VMUser reads from through a VMAuth; run it with -benchtime 10x for 200 updates.
//
// A zone update is drain, proof that the VMAuth has loaded it, proof that no read
// is in flight, write, health, restoration, and proof that the VMAuth has loaded
// that. What is measured of it is the time from the moment at which a condition
// was reported (the VMUser applied, the VMCluster operational, the user's change)
// until the write that follows, both as a watch of the benchmark's own sees them,
// summed over the three writes. So it holds all our passes, reads of the API
// server and of metrics, dry runs and status writes; and what the API server takes
// to answer them. It does not hold what others take between our write and what
// they report of it.
//
// Waits by choice are no overhead. No pause is configured, and no VMAgent listed,
// whose queues would have to be empty for a second. The two seconds for which no
// read may have come in before a write are taken off. The pods answer at once, and
// have loaded whatever there is to load: the wait for a reload that nobody can tell
// from an older one does not come up.
func BenchmarkZoneUpdate(b *testing.B) {
	s := newSite(b)
	names := zoneNames(zones)
	s.furnish(b, names)
	own, err := versioned.NewForConfig(s.control.Config())
	must(b, err)
	objects := own.OperatorV1alpha1().VMDistributedClusters(namespace)
	apply(b, objects, names, 0)
	untilReady(b, objects)
	seen := newTimeline()
	seen.follow(b, s)
	before := s.requests(b)

	version := 0
	for b.Loop() {
		version++
		seen.note(changed)
		apply(b, objects, names, version)
		untilReady(b, objects)
		seen.note(ready)
	}
	report(b, seen.take(), s.requests(b)-before)
}

func apply(b *testing.B, objects typed.VMDistributedClusterInterface, names []string, version int) {
	b.Helper()
	var list []any
	for _, name := range names {
		one := fields{"replicaCount": 1}
		list = append(list, fields{"name": name, "spec": fields{"clusterVersion": fmt.Sprintf("v%d", version), "vmstorage": one, "vmselect": one, "vminsert": one}})
	}
	body, err := json.Marshal(fields{
		"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "VMDistributedCluster", "metadata": fields{"name": "bench"},
		"spec": fields{
			"strategy": fields{"updatePause": "0s"},
			"vmusers":  []any{fields{"name": "reader"}},
			"zones":    fields{"vmclusters": list},
		},
	})
	must(b, err)
	_, err = objects.Patch(b.Context(), "bench", types.ApplyYAMLPatchType, body, metav1.PatchOptions{FieldManager: "bench", Force: ptr.To(true)})
	must(b, err)
}

// untilReady returns when a watch tells that the object is Ready as it is now.
func untilReady(b *testing.B, objects typed.VMDistributedClusterInterface) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	w, err := objects.Watch(ctx, metav1.ListOptions{})
	must(b, err)
	defer w.Stop()
	var last *v1alpha1.VMDistributedCluster
	for event := range w.ResultChan() {
		object, is := event.Object.(*v1alpha1.VMDistributedCluster)
		if !is {
			break
		}
		last = object
		if object.Status.ObservedGeneration == object.Generation && meta.IsStatusConditionTrue(object.Status.Conditions, "Ready") {
			return
		}
	}
	text, _ := json.Marshal(last)
	b.Fatalf("the rollout has not come to its end: %s", text)
}

// requests counts what our server has asked of the host cluster: it is the only
// service account there, and those have a flow schema of their own.
func (s *site) requests(b *testing.B) float64 {
	b.Helper()
	page, err := s.kubernetes.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(b.Context())
	must(b, err)
	total := 0.
	for line := range bytes.Lines(page) {
		if !bytes.HasPrefix(line, []byte("apiserver_flowcontrol_dispatched_requests_total{")) || !bytes.Contains(line, []byte(`flow_schema="service-accounts"`)) {
			continue
		}
		var count float64
		_, err := fmt.Sscan(string(line[bytes.LastIndexByte(line, ' ')+1:]), &count)
		must(b, err)
		total += count
	}
	return total
}

func report(b *testing.B, moments []moment, requests float64) {
	b.Helper()
	each, parts, err := overheads(moments)
	must(b, err)
	for step, times := range parts {
		b.Logf("%-50s %s", step, spread(times))
	}
	b.Logf("%-50s %s", fmt.Sprintf("our own, of %d zone updates:", len(each)), spread(each))
	slices.Sort(each)
	for name, share := range map[string]float64{"p50-ms": .5, "p90-ms": .9, "p99-ms": .99, "max-ms": 1} {
		b.ReportMetric(float64(quantile(each, share).Microseconds())/1000, name)
	}
	b.ReportMetric(requests/float64(len(each)), "requests/update")
	b.ReportMetric(float64(len(each)), "updates")
}

func spread(times []time.Duration) string {
	times = slices.Sorted(slices.Values(times))
	text := ""
	for _, q := range []struct {
		name  string
		share float64
	}{{"median", .5}, {"p90", .9}, {"p99", .99}, {"max", 1}} {
		text += fmt.Sprintf("%s %s  ", q.name, quantile(times, q.share).Round(100*time.Microsecond))
	}
	return text
}

// quantile of sorted times, by the nearest rank.
func quantile(times []time.Duration, share float64) time.Duration {
	rank := int(float64(len(times))*share + .999999)
	return times[min(max(rank, 1), len(times))-1]
}
