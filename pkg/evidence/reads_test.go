// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package evidence

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/fake"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/metricspage"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// lab has one VMAuth with one replica whose page a test sets.
type lab struct {
	*Gatherer
	t     *testing.T
	clock *clocktesting.FakePassiveClock
	page  string
}

func newLab(t *testing.T, service string) *lab {
	t.Helper()
	l := &lab{t: t, clock: clocktesting.NewFakePassiveClock(noon)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, l.page) }))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseInt(at.Port(), 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	kind, instance, _ := strings.Cut(service, "-")
	labels := map[string]string{"app.kubernetes.io/name": kind, "app.kubernetes.io/instance": instance, "managed-by": "vm-operator"}
	client := fake.NewClientset(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "here"}},
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "here", Name: service, Labels: labels}, Spec: appsv1.DeploymentSpec{Replicas: new(int32(1))}},
		&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "here", Name: service, Labels: labels}, Spec: appsv1.StatefulSetSpec{Replicas: new(int32(0))}},
		&discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: "here", Name: service, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(port))}},
			Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{at.Hostname()}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: service + "-0"}}},
		})
	// Every read is a new one.
	l.Gatherer = New(client, metricspage.New(metricspage.Options{Freshness: time.Nanosecond, Clock: l.clock}), l.clock)
	return l
}

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	return object
}

func auth(t *testing.T, spec string) *unstructured.Unstructured {
	t.Helper()
	return parse(t, `{apiVersion: operator.victoriametrics.com/v1beta1, kind: VMAuth, metadata: {namespace: here, name: read}, spec: `+spec+`}`)
}

// user was applied at noon.
func user(t *testing.T, conditions string) *unstructured.Unstructured {
	t.Helper()
	return parse(t, fmt.Sprintf(`{apiVersion: operator.victoriametrics.com/v1beta1, kind: VMUser, metadata: {namespace: here, name: reader, generation: 2}, spec: {}, status: {conditions: [%s]}}`, conditions))
}

func applied(status string, generation int) string {
	return fmt.Sprintf(`{type: read.here.vmauth.victoriametrics.com/Applied, status: '%s', observedGeneration: %d, lastUpdateTime: '2026-01-02T12:00:00Z', message: none}`, status, generation)
}

func reloads(at time.Time, attempts int) string {
	return fmt.Sprintf("vmauth_config_last_reload_successful 1\nvmauth_config_last_reload_success_timestamp_seconds %d\nvmauth_config_last_reload_total %d\nprocess_start_time_seconds 1\n", at.Unix(), attempts)
}

// TestAReloadProvesWhatWasWrittenBeforeIt: the change was made 30 seconds before
// noon, at which the operator has reported it.
func TestAReloadProvesWhatWasWrittenBeforeIt(t *testing.T) {
	const selecting = `{userSelector: {}}`
	for name, c := range map[string]struct {
		auth       string
		conditions string
		page       string
		after      time.Duration // since noon
		restores   bool
		want       string // what is missing
	}{
		"reloaded since":                        {selecting, applied("True", 2), reloads(noon.Add(4*time.Second), 2), 5 * time.Second, false, ""},
		"reloaded in the same second":           {selecting, applied("True", 2), reloads(noon, 2), 5 * time.Second, false, "nothing else"},
		"not reloaded":                          {selecting, applied("True", 2), reloads(noon.Add(-time.Hour), 1), 5 * time.Second, false, "pod vmauth-read-0"},
		"not reloaded, ever":                    {selecting, applied("True", 2), reloads(noon.Add(-time.Hour), 1), 20 * time.Minute, false, "pod vmauth-read-0"},
		"nothing to reload for a restoration":   {selecting, applied("True", 2), reloads(noon.Add(-time.Hour), 1), 2 * time.Minute, true, ""},
		"not reloaded for a restoration":        {selecting, applied("True", 2), reloads(noon.Add(-time.Hour), 1), 50 * time.Second, true, "pod vmauth-read-0"},
		"something else reloaded in between":    {selecting, applied("True", 2), reloads(noon.Add(-20*time.Second), 1), 4 * time.Second, false, "nothing else"},
		"nothing else for longer than it takes": {selecting, applied("True", 2), reloads(noon.Add(-20*time.Second), 1), 11 * time.Second, false, ""},
		"a slower config-reloader":              {`{userSelector: {}, configReloaderExtraArgs: {delay-interval: 1m}}`, applied("True", 2), reloads(noon.Add(-20*time.Second), 1), 30 * time.Second, false, "nothing else"},
		"can't load":                            {selecting, applied("True", 2), strings.Replace(reloads(noon.Add(4*time.Second), 2), "successful 1", "successful 0", 1), 5 * time.Second, false, "can't load"},
		"series missing":                        {selecting, applied("True", 2), "up 1\n", 5 * time.Second, false, "vmauth_config_last_reload"},
		"old generation":                        {selecting, applied("True", 1), reloads(noon.Add(4*time.Second), 2), 5 * time.Second, false, "generation 2"},
		"not accepted":                          {selecting, applied("False", 2), reloads(noon.Add(4*time.Second), 2), 5 * time.Second, false, "to accept"},
		"selected and not heard of":             {selecting, "", reloads(noon.Add(4*time.Second), 2), 5 * time.Second, false, "which it selects"},
		"selected by default":                   {`{selectAllByDefault: true}`, "", "", 5 * time.Second, false, "which it selects"},
		"not selected":                          {`{userSelector: {matchLabels: {a: b}}}`, "", "", 5 * time.Second, false, ""},
		"waits for the reload itself":           {`{userSelector: {}, waitForConfigReload: true}`, applied("True", 2), "", 5 * time.Second, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "vmauth-read")
			l.page = c.page
			l.clock.SetTime(noon.Add(c.after))
			got := l.Look().Loaded(context.Background(), Change{
				Users: []*unstructured.Unstructured{user(t, c.conditions)}, Auths: []*unstructured.Unstructured{auth(t, c.auth)},
				Since: noon.Add(-30 * time.Second), Restores: c.restores,
			})
			if got.Met != (c.want == "") || !strings.Contains(got.Text, c.want) {
				t.Errorf("got %+v, want %q to be missing", got, c.want)
			}
		})
	}
}

// TestWhatSomebodyElseChangedIsLoadedAfterAReloadOrAWhile: when they did, nobody
// knows, so that no reload of before the operator's word is one of after the change.
func TestWhatSomebodyElseChangedIsLoadedAfterAReloadOrAWhile(t *testing.T) {
	timeless := strings.Replace(applied("True", 2), "lastUpdateTime: '2026-01-02T12:00:00Z', ", "", 1)
	for name, c := range map[string]struct {
		conditions string
		reloaded   time.Duration // since noon
		after      time.Duration
		met        bool
	}{
		"reloaded since":             {applied("True", 2), 4 * time.Second, 5 * time.Second, true},
		"reloaded a moment before":   {applied("True", 2), -time.Second, 20 * time.Second, false},
		"reloaded long before":       {applied("True", 2), -time.Hour, 50 * time.Second, false},
		"changed long ago":           {applied("True", 2), -time.Hour, 2 * time.Minute, true},
		"changed, and not taken up":  {applied("True", 1), -time.Hour, 2 * time.Minute, false},
		"changed, nobody knows when": {timeless, -time.Hour, 2 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "vmauth-read")
			l.page = reloads(noon.Add(c.reloaded), 1)
			l.clock.SetTime(noon.Add(c.after))
			got := l.Look().Loaded(context.Background(), Change{
				Users: []*unstructured.Unstructured{user(t, c.conditions)}, Auths: []*unstructured.Unstructured{auth(t, `{userSelector: {}}`)},
			})
			if got.Met != c.met {
				t.Errorf("got %+v, want it met: %t", got, c.met)
			}
		})
	}
}

// TestAReloadThatFoundNothingNewIsAProof: a drain that was undone and done again
// before vmauth had looked.
func TestAReloadThatFoundNothingNewIsAProof(t *testing.T) {
	l := newLab(t, "vmauth-read")
	change := Change{
		Users: []*unstructured.Unstructured{user(t, applied("True", 2))}, Auths: []*unstructured.Unstructured{auth(t, `{userSelector: {}}`)},
		Since: noon.Add(-time.Second),
	}
	for i, step := range []struct {
		attempts int
		want     bool
	}{{7, false}, {7, false}, {8, true}} {
		l.page = reloads(noon.Add(-time.Minute), step.attempts)
		l.clock.SetTime(noon.Add(time.Duration(i+1) * time.Second))
		if got := l.Look().Loaded(context.Background(), change); got.Met != step.want {
			t.Errorf("attempts %d: %+v", step.attempts, got)
		}
	}
}

// TestAZoneIsIdleOnceNoReadHasComeInForAWhile, by two pages: one 0 may be between
// two reads.
func TestAZoneIsIdleOnceNoReadHasComeInForAWhile(t *testing.T) {
	l := newLab(t, "vmselect-a")
	cluster := victoriametrics.Cluster{Namespace: "here", Name: "a", Spec: map[string]any{"vmselect": map[string]any{}}}
	for i, step := range []struct {
		second   int
		inFlight int
		requests int
		want     string
	}{
		{0, 1, 10, "answers reads"}, {1, 0, 10, "no read to come in"}, {2, 0, 11, "no read to come in"},
		{3, 0, 11, "no read to come in"}, {4, 0, 11, ""}, {5, 0, 12, "no read to come in"}, {60, 0, 12, "no read to come in"}, {62, 0, 12, ""},
	} {
		l.page = fmt.Sprintf("vm_concurrent_select_current %d\nvm_http_requests_total{path=\"/select/{}/prometheus/api/v1/query\"} %d\n", step.inFlight, step.requests)
		l.clock.SetTime(noon.Add(time.Duration(step.second) * time.Second))
		got := l.Look().Idle(context.Background(), cluster)
		if got.Met != (step.want == "") || !strings.Contains(got.Text, step.want) {
			t.Errorf("step %d: got %+v, want %q", i, got, step.want)
		}
	}
}
