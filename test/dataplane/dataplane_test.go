// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

func TestNothingFailsWhenNothingHappens(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	w := r.write()
	reader := r.read(w)
	r.untilReads(reader, 200)
	r.stopWriter(w)
	r.untilComplete(w)
	r.mustBeWhole(reader)
}

// TestAZoneRestartsBehindItsQueues holds a zone down, in the middle of a change
// of its spec, until both replicas of vmagent have met that.
func TestAZoneRestartsBehindItsQueues(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	w := r.write()
	reader := r.read(w)
	r.change("zone-b", "1h")
	r.untilStatus("VMCluster", "zone-b", "expanding")
	for i := range 2 {
		r.untilMetric("vmagent", i, `vmagent_remotewrite_retries_count_total{url="2:`, 3)
		r.untilMetric("vmagent", i, `vmagent_remotewrite_pending_data_bytes{path=`, 1)
	}
	if starts, ready, err := r.plane.Starts(r.namespace, ZonePod("zone-b")); starts != 1 || ready || err != nil {
		t.Errorf("zone-b, held: %d processes, ready %t, %v", starts, ready, err)
	}
	if ok, _ := r.converged("zone-b"); ok {
		t.Error("zone-b, held, has converged")
	}
	r.patch("VMCluster", "zone-b", fmt.Sprintf("{metadata: {annotations: {%s: 0s}}}", standin.LagAnnotation))
	r.untilStatus("VMCluster", "zone-b", "operational")
	if starts, ready, err := r.plane.Starts(r.namespace, ZonePod("zone-b")); starts != 2 || !ready || err != nil {
		t.Errorf("zone-b, let go: %d processes, ready %t, %v", starts, ready, err)
	}
	if ok, why := r.converged("zone-b"); !ok {
		t.Errorf("zone-b, let go, has not converged: %s", why)
	}
	r.untilReads(reader, 50)
	r.stopWriter(w)
	r.untilComplete(w)
	r.mustBeWhole(reader)
}

// TestNothingFailsWhenZonesRestartWithCare does by hand what the product is to
// do: drain, wait for the reloads, change, wait for the queues, restore.
func TestNothingFailsWhenZonesRestartWithCare(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.patch("VMAgent", "main", `{spec: {extraArgs: {remoteWrite.retryMaxInterval: 1s}}}`)
	r.untilStatus("VMAgent", "main", "operational")
	w := r.write()
	reader := r.read(w)
	for _, zones := range [][]string{{"zone-b", "zone-a"}, {"zone-a", "zone-b"}} {
		other, zone := zones[0], zones[1]
		r.route(other)
		r.change(zone, "300ms")
		r.untilStatus("VMCluster", zone, "operational")
		written := w.Written()
		r.until("what was written meanwhile is in "+zone, func() (bool, string) {
			gaps, err := r.plane.Audit(t.Context(), r.namespace, zone, w)
			return err == nil && (len(gaps) == 0 || gaps[0].First >= written), fmt.Sprint(gaps, err)
		})
		r.route(zone)
		r.untilReads(reader, 50)
	}
	r.stopWriter(w)
	r.untilComplete(w)
	r.mustBeWhole(reader)
}

// TestReadsFailWhenAllZonesRestartAtOnce is the control experiment: what the
// reader of the other tests does not see, it can see.
func TestReadsFailWhenAllZonesRestartAtOnce(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	w := r.write()
	reader := r.read(w)
	r.untilReads(reader, 20)
	for _, zone := range []string{"zone-a", "zone-b"} {
		r.change(zone, "300ms")
	}
	for _, zone := range []string{"zone-a", "zone-b"} {
		r.untilStatus("VMCluster", zone, "operational")
	}
	r.untilReads(reader, 20)
	r.stopWriter(w)
	r.untilComplete(w)
	if counts := reader.Counts(); counts.Failed == 0 {
		t.Errorf("%+v: no read failed", counts)
	}
	t.Logf("all zones at once: %+v", reader.Counts())
}

// TestReadsLackWhatAnUnflushedZoneLacks sends reads to a zone as soon as it is
// back, while vmagent still waits for its next attempt.
func TestReadsLackWhatAnUnflushedZoneLacks(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	w := r.write()
	reader := r.read(w)
	r.change("zone-b", "1h")
	r.untilStatus("VMCluster", "zone-b", "expanding")
	begun := time.Now()
	r.until("vmagent has backed off for longer than the slack", func() (bool, string) {
		return w.expected(begun, time.Now(), time.Now()) > rate*int((DefaultSlack+time.Second).Seconds()), ""
	})
	r.patch("VMCluster", "zone-b", fmt.Sprintf("{metadata: {annotations: {%s: 0s}}}", standin.LagAnnotation))
	r.untilStatus("VMCluster", "zone-b", "operational")
	if counts := reader.Counts(); counts.Incomplete != 0 {
		t.Errorf("reads from the other zone: %+v", counts)
	}
	if gaps, err := r.plane.Audit(t.Context(), r.namespace, "zone-b", w); len(gaps) == 0 {
		t.Errorf("the audit finds nothing missing, %v", err)
	}
	r.patch("VMUser", "reader", fmt.Sprintf("{spec: {targetRefs: [%s]}}", r.zoneRef("zone-b")))
	r.until("reads are incomplete", func() (bool, string) {
		counts := reader.Counts()
		return counts.Incomplete > 0, fmt.Sprintf("%+v", counts)
	})
	r.stopWriter(w)
	r.untilComplete(w)
	if counts := reader.Counts(); counts.Failed != 0 {
		t.Errorf("%+v: %v", counts, reader.Problems())
	}
	t.Logf("restored before the queues: %+v", reader.Counts())
}

func TestAKilledAgentLosesNothingThatTheOtherHas(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	w := r.write()
	reader := r.read(w)
	r.change("zone-b", "1h")
	r.untilMetric("vmagent", 0, `vmagent_remotewrite_retries_count_total{url="2:`, 2)
	must(t, r.plane.Kill(r.namespace, AgentPod("main", 0)))
	r.until("the replica runs again", func() (bool, string) {
		starts, ready, err := r.plane.Starts(r.namespace, AgentPod("main", 0))
		return starts == 2 && ready, fmt.Sprint(starts, ready, err)
	})
	r.patch("VMCluster", "zone-b", fmt.Sprintf("{metadata: {annotations: {%s: 0s}}}", standin.LagAnnotation))
	r.untilStatus("VMCluster", "zone-b", "operational")
	r.stopWriter(w)
	r.untilComplete(w)
	r.mustBeWhole(reader)
	if w.Retries() == 0 {
		t.Error("the writer did not notice that a replica was killed")
	}
}

func TestAUserReachesEachReplicaInItsOwnTime(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	const reloads = "vmauth_config_last_reload_total"
	before := []string{r.routes(0), r.routes(1)}
	reloaded := []float64{r.metric("vmauth", 0, reloads), r.metric("vmauth", 1, reloads)}
	must(t, r.plane.HoldReloads(r.namespace, "main", 1))
	generation := r.patch("VMUser", "reader", fmt.Sprintf("{spec: {targetRefs: [%s]}}", r.zoneRef("zone-b")))
	user := r.untilStatus("VMUser", "reader", "operational")
	if applied := appliedGeneration(user, fmt.Sprintf("main.%s.vmauth.victoriametrics.com/Applied", r.namespace)); applied != generation {
		t.Errorf("applied at generation %d, wanted %d", applied, generation)
	}
	r.untilMetric("vmauth", 0, reloads, reloaded[0]+1)
	if after := r.routes(0); after == before[0] {
		t.Error("the first replica has not got the new routes")
	}
	if after := r.routes(1); after != before[1] || r.metric("vmauth", 1, reloads) != reloaded[1] {
		t.Error("the second replica was not held back")
	}
	must(t, r.plane.DelayReloads(r.namespace, "main", 1, 0))
	r.untilMetric("vmauth", 1, reloads, reloaded[1]+1)
	if r.routes(1) != r.routes(0) {
		t.Error("the replicas do not have the same routes")
	}
}

func TestAUserIsAppliedAfterTheReloadWhereAVMAuthWaitsForIt(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.patch("VMAuth", "main", "{spec: {waitForConfigReload: true}}")
	r.untilStatus("VMAuth", "main", "operational")
	must(t, r.plane.HoldReloads(r.namespace, "main", 1))
	before := r.metric("vmauth", 0, "vmauth_config_last_reload_total")
	generation := r.patch("VMUser", "reader", fmt.Sprintf("{spec: {targetRefs: [%s]}}", r.zoneRef("zone-b")))
	r.untilMetric("vmauth", 0, "vmauth_config_last_reload_total", before+1)
	user, err := r.resource("VMUser").Get(t.Context(), "reader", metav1.GetOptions{})
	must(t, err)
	condition := fmt.Sprintf("main.%s.vmauth.victoriametrics.com/Applied", r.namespace)
	if applied := appliedGeneration(user, condition); applied == generation {
		t.Error("the user is applied while a replica has not loaded it")
	}
	must(t, r.plane.DelayReloads(r.namespace, "main", 1, 0))
	r.until("the user is applied", func() (bool, string) {
		user, err = r.resource("VMUser").Get(t.Context(), "reader", metav1.GetOptions{})
		must(t, err)
		return appliedGeneration(user, condition) == generation, fmt.Sprint(user.Object["status"])
	})
}

func TestAUserWithoutAZoneIsLeftOut(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.create("VMUser", "dangling", fmt.Sprintf(`{bearerToken: other, targetRefs: [%s, %s]}`, r.zoneRef("zone-a"), r.zoneRef("zone-c")))
	r.untilStatus("VMUser", "dangling", "failed")
	for _, target := range r.plane.AuthURLs(r.namespace, "main") {
		if status := r.ask(target, "other"); status != http.StatusUnauthorized {
			t.Errorf("%s answers %d to a user with a dangling reference", target, status)
		}
		if status := r.ask(target, token); status != http.StatusOK {
			t.Errorf("%s answers %d to the other user", target, status)
		}
	}
	r.create("VMCluster", "zone-c", `{vmselect: {}, vminsert: {}, vmstorage: {}}`)
	r.untilStatus("VMUser", "dangling", "operational")
	r.until("the user is let in", func() (bool, string) {
		status := r.ask(r.plane.AuthURLs(r.namespace, "main")[0], "other")
		return status == http.StatusOK, fmt.Sprint(status)
	})
}

func TestAZoneThatDoesNotStartIsNotReportedAsUpdated(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.patch("VMCluster", "zone-b", `{spec: {vmselect: {extraArgs: {no.such.flag: "1"}}}}`)
	r.until("the process was tried again", func() (bool, string) {
		starts, _, err := r.plane.Starts(r.namespace, ZonePod("zone-b"))
		return starts > 3, fmt.Sprint(starts, err)
	})
	r.untilStatus("VMCluster", "zone-b", "expanding")
	r.patch("VMCluster", "zone-b", `{spec: {vmselect: {extraArgs: null}}}`)
	r.untilStatus("VMCluster", "zone-b", "operational")
}

func TestPodsAndServicesAnswerBehindTheProxy(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	client := r.proxied()
	for service, want := range map[string]struct {
		metric string
		pods   int
		port   int32
	}{
		"vmagent-main":     {"vmagent_remotewrite_pending_data_bytes{path=", 2, 8429},
		"vmauth-main":      {"vmauth_config_last_reload_successful 1", 2, 8427},
		"vmselect-zone-a":  {"vm_concurrent_select_current", 2, 8481},
		"vminsert-zone-a":  {"vm_rows_inserted_total", 1, 8480},
		"vmstorage-zone-a": {"vm_rows{", 1, 8482},
	} {
		slice := r.slice(service)
		if len(slice.Endpoints) != want.pods || *slice.Ports[0].Port != want.port || *slice.Ports[0].Name != "http" {
			t.Errorf("%s: %d endpoints at port %s %d", service, len(slice.Endpoints), *slice.Ports[0].Name, *slice.Ports[0].Port)
		}
		hosts := []string{service + "." + r.namespace + ".svc"}
		for _, endpoint := range slice.Endpoints {
			if !*endpoint.Conditions.Ready || endpoint.TargetRef.Kind != "Pod" {
				t.Errorf("%s: %+v", service, endpoint)
			}
			hosts = append(hosts, endpoint.Addresses...)
		}
		for _, host := range hosts {
			page, err := pageOf(t, client, fmt.Sprintf("http://%s:%d/metrics", host, want.port))
			if err != nil || !strings.Contains(page, want.metric) {
				t.Errorf("%s at %s: no %s in %d bytes, %v", service, host, want.metric, len(page), err)
			}
		}
	}
	if _, err := pageOf(t, client, "http://192.0.2.254:8429/metrics"); err == nil {
		t.Error("an address that is nobody's answers")
	}
}

func TestWhatIsDeletedStopsRunning(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	target := r.plane.AgentURLs(r.namespace, "main")[0]
	must(t, r.resource("VMAgent").Delete(t.Context(), "main", metav1.DeleteOptions{}))
	r.until("nobody answers", func() (bool, string) {
		_, err := pageOf(t, http.DefaultClient, target+"/health")
		return err != nil, ""
	})
	r.until("the Service is gone", func() (bool, string) {
		_, err := r.kubernetes.CoreV1().Services(r.namespace).Get(t.Context(), "vmagent-main", metav1.GetOptions{})
		return apierrors.IsNotFound(err), fmt.Sprint(err)
	})
}

// converged judges a zone as the product does.
func (r *room) converged(zone string) (bool, string) {
	r.t.Helper()
	obj, err := r.resource("VMCluster").Get(r.t.Context(), zone, metav1.GetOptions{})
	must(r.t, err)
	cluster, err := victoriametrics.ParseCluster(obj)
	must(r.t, err)
	own := metav1.ListOptions{LabelSelector: victoriametrics.WorkloadSelectorFor(zone)}
	statefulSets, err := r.kubernetes.AppsV1().StatefulSets(r.namespace).List(r.t.Context(), own)
	must(r.t, err)
	deployments, err := r.kubernetes.AppsV1().Deployments(r.namespace).List(r.t.Context(), own)
	must(r.t, err)
	return victoriametrics.Converged(cluster, statefulSets.Items, deployments.Items)
}

// route leads the reader to a zone and returns when all of vmauth does so.
func (r *room) route(zone string) {
	r.t.Helper()
	const reloads = "vmauth_config_last_reload_total"
	front := r.front(zone)
	var before [2]float64
	for i := range before {
		before[i] = r.metric("vmauth", i, reloads)
		if strings.Contains(r.routes(i), front) {
			before[i]-- // It leads there already.
		}
	}
	r.patch("VMUser", "reader", fmt.Sprintf("{spec: {targetRefs: [%s]}}", r.zoneRef(zone)))
	for i := range before {
		r.untilMetric("vmauth", i, reloads, before[i]+1)
	}
}

// front returns the address of a zone's vmselect.
func (r *room) front(zone string) string {
	r.t.Helper()
	host := fmt.Sprintf("vmselect-%s.%s.svc:8481", zone, r.namespace)
	address, ok := r.plane.proxy.target(host)
	if !ok {
		r.t.Fatalf("%s leads nowhere", host)
	}
	return address
}

// change makes a zone restart, with so long a lag.
func (r *room) change(zone, lag string) {
	r.t.Helper()
	r.patch("VMCluster", zone, fmt.Sprintf(
		`{metadata: {annotations: {%s: %q}}, spec: {vmselect: {extraArgs: {search.maxConcurrentRequests: "9"}}}}`, standin.LagAnnotation, lag))
}

func (r *room) mustBeWhole(reader *Reader) {
	r.t.Helper()
	counts := reader.Counts()
	if counts.Failed != 0 || counts.Incomplete != 0 {
		r.t.Errorf("%+v: %v", counts, reader.Problems())
	}
	r.t.Logf("%+v, the slowest took %v", counts, reader.Slowest())
}

// untilMetric waits until a metric of a replica of VMAgent or VMAuth main, of
// which this is the beginning, is at least so great.
func (r *room) untilMetric(program string, replica int, metric string, least float64) {
	r.t.Helper()
	r.until(fmt.Sprintf("%s of %s %d is at least %v", metric, program, replica, least), func() (bool, string) {
		value := r.metric(program, replica, metric)
		return value >= least, fmt.Sprint(value)
	})
}

// metric returns the greatest value among those that begin like this, -1 if the
// replica does not answer.
func (r *room) metric(program string, replica int, metric string) float64 {
	r.t.Helper()
	slice := r.slice(program + "-main")
	address := fmt.Sprintf("http://%s:%d/metrics", slice.Endpoints[replica].Addresses[0], *slice.Ports[0].Port)
	page, err := pageOf(r.t, r.proxied(), address)
	if err != nil {
		return -1
	}
	return greatest(page, metric)
}

// greatest returns the greatest value of lines that begin like this.
func greatest(page, beginning string) float64 {
	most := 0.0
	for line := range strings.Lines(page) {
		var value float64
		if rest, ok := strings.CutPrefix(line, beginning); ok {
			if _, err := fmt.Sscan(rest[strings.LastIndexByte(rest, ' ')+1:], &value); err == nil {
				most = max(most, value)
			}
		}
	}
	return most
}

// slice returns the EndpointSlice of a Service, once it has pods that are ready.
func (r *room) slice(service string) *discoveryv1.EndpointSlice {
	r.t.Helper()
	var slice *discoveryv1.EndpointSlice
	r.until("the pods of "+service+" are ready", func() (bool, string) {
		list, err := r.kubernetes.DiscoveryV1().EndpointSlices(r.namespace).List(r.t.Context(),
			metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + service})
		if err != nil || len(list.Items) != 1 {
			return false, fmt.Sprint(err, list)
		}
		slice = &list.Items[0]
		for _, endpoint := range slice.Endpoints {
			if !*endpoint.Conditions.Serving {
				return false, fmt.Sprint(slice.Endpoints)
			}
		}
		return len(slice.Endpoints) > 0, ""
	})
	return slice
}

// routes returns the configuration that a replica of vmauth has on disk.
func (r *room) routes(replica int) string {
	r.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("%s/%s/VMAuth-main/%s/auth.yaml", r.plane.options.Dir, r.namespace, AuthPod("main", replica)))
	must(r.t, err)
	return string(raw)
}

func (r *room) proxied() *http.Client {
	proxy, err := url.Parse(r.plane.Proxy().URL())
	must(r.t, err)
	return &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}, Timeout: 5 * time.Second}
}

// ask makes a query and returns the status of the answer.
func (r *room) ask(target, token string) int {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, target+"/select/0/prometheus/api/v1/query?query=1", nil)
	must(r.t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	must(r.t, err)
	must(r.t, response.Body.Close())
	return response.StatusCode
}

func appliedGeneration(user *unstructured.Unstructured, conditionType string) int64 {
	conditions, _, _ := unstructured.NestedSlice(user.Object, "status", "conditions")
	for _, entry := range conditions {
		condition, _ := entry.(map[string]any)
		if condition["type"] == conditionType && condition["status"] == "True" {
			generation, _ := condition["observedGeneration"].(int64)
			return generation
		}
	}
	return 0
}
