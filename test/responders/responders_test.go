// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package responders

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	testingclock "k8s.io/utils/clock/testing"
)

// series returns the metrics of a page, each as its name and the names of its
// labels.
func series(t *testing.T, page string) []string {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for name, family := range families {
		for _, metric := range family.Metric {
			labels := []string{name}
			for _, label := range metric.Label {
				labels = append(labels, label.GetName())
			}
			slices.Sort(labels[1:])
			found = append(found, strings.Join(labels, " "))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// golden is a page that the real program has shown.
func golden(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "pkg", "victoriametrics", "testdata", "metrics", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestPagesShowWhatTheRealProgramsShow(t *testing.T) {
	q := queue{path: "/vmagent_pq/persistent-queue/1_0", url: "1:secret-url", limit: 1 << 30}
	for like, show := range map[string]func(*sheet){
		"agent-healthy": func(s *sheet) { q.show(s, time.Minute, 0) },
		"auth-reloaded": func(s *sheet) { showReload(s, time.Now(), 1) },
		"select-idle":   func(s *sheet) { showReads(s, 0) },
	} {
		var page bytes.Buffer
		s := &sheet{out: &page}
		s.process(time.Now())
		show(s)
		real := series(t, golden(t, like))
		for _, shown := range series(t, page.String()) {
			if !slices.Contains(real, shown) {
				t.Errorf("%q is not on the golden page %s", shown, like)
			}
		}
	}
}

func TestQueuesAreThoseOfTheRealVMAgent(t *testing.T) {
	// The URLs with which hack/capture-metrics started the VMAgent of the page.
	page := golden(t, "agent-showurl")
	var urls []string
	for line := range strings.Lines(page) {
		if rest, found := strings.CutPrefix(line, "vmagent_remotewrite_queues{url=\""); found {
			shown, _, _ := strings.Cut(rest, "\"")
			_, address, _ := strings.Cut(shown, ":")
			urls = append(urls, address)
		}
	}
	if len(urls) == 0 {
		t.Fatal("the golden page shows no URL")
	}
	args := arguments(corev1.Container{Args: []string{
		"-remoteWrite.url=" + strings.Join(urls, ","), "-remoteWrite.showURL=true", "-remoteWrite.maxDiskUsagePerURL=100",
	}})
	for _, q := range queuesOf(args) {
		if !strings.Contains(page, q.path+`"`) || !strings.Contains(page, `"`+q.url+`"`) {
			t.Errorf("queue %s of %s is not on the golden page", q.path, q.url)
		}
		if q.limit != 100 {
			t.Errorf("limit of %s is %d", q.url, q.limit)
		}
	}
}

func TestReloadIsOfWhatIsNew(t *testing.T) {
	began := time.Unix(1000, 0)
	secret := types.NamespacedName{Namespace: "n", Name: "vmauth-config-read"}
	clock := testingclock.NewFakePassiveClock(began)
	all := &configs{clock: clock, history: map[types.NamespacedName][]config{}}
	first, second := content{"config.yaml.gz": 1}, content{"config.yaml.gz": 2}
	all.note(secret, first)
	started := began.Add(10 * time.Second)
	expect := func(what string, after time.Duration, behaviour conduct, want time.Duration, times int) {
		t.Helper()
		clock.SetTime(began.Add(after))
		at, n := all.loaded(secret, started, behaviour)
		if got := at.Sub(began); got != want || n != times {
			t.Errorf("%s: loaded after %s and %d reloads, want %s and %d", what, got, n, want, times)
		}
	}
	expect("what was there at the start", 15*time.Second, conduct{}, 10*time.Second, 0)
	clock.SetTime(began.Add(20 * time.Second))
	all.note(secret, second)
	expect("before the reload", 20*time.Second, conduct{}, 10*time.Second, 0)
	expect("after the reload", 25*time.Second, conduct{}, 20*time.Second+reloadLag, 1)
	all.note(secret, second)
	expect("the same again", 30*time.Second, conduct{}, 20*time.Second+reloadLag, 1)
	all.note(secret, first)
	stuck := conduct{Behaviour{Stuck: true}, began.Add(25 * time.Second)}
	expect("stuck", 40*time.Second, stuck, 20*time.Second+reloadLag, 1)
	expect("not stuck", 40*time.Second, conduct{}, 30*time.Second+reloadLag, 2)
}

func TestTheReloaderConfirmsWhatItHasMadeAVMAuthLoad(t *testing.T) {
	began := time.Unix(1000, 0)
	secret := types.NamespacedName{Namespace: "n", Name: "vmauth-config-read"}
	of := corev1.Container{Name: reloader, Args: []string{"--config-secret-name=n/vmauth-config-read", "--config-secret-key=config.yaml.gz"}}
	clock := testingclock.NewFakePassiveClock(began)
	all := &configs{clock: clock, history: map[types.NamespacedName][]config{}}
	all.note(secret, content{"config.yaml.gz": 1})
	started := began.Add(10 * time.Second)
	clock.SetTime(began.Add(20 * time.Second))
	all.note(secret, content{"config.yaml.gz": 4294967295})
	stuck := conduct{Behaviour{Stuck: true}, began.Add(15 * time.Second)}
	for name, c := range map[string]struct {
		after     time.Duration
		behaviour conduct
		want      string
	}{
		"nothing at its start":             {11 * time.Second, conduct{}, ""},
		"what there was then":              {15 * time.Second, conduct{}, "1.000000"},
		"the same before the next reload":  {22 * time.Second, conduct{}, "1.000000"},
		"what is new":                      {25 * time.Second, conduct{}, "4294967295.000000"},
		"the same where vmauth loads none": {40 * time.Second, stuck, "1.000000"},
	} {
		t.Run(name, func(t *testing.T) {
			clock.SetTime(began.Add(c.after))
			var page bytes.Buffer
			all.showConfirmed(&sheet{out: &page}, of, started, c.behaviour)
			want := ""
			if c.want != "" {
				want = `configreloader_reload_content_hash{key="main"} ` + c.want + "\n"
			}
			if page.String() != want {
				t.Errorf("got %q, want %q", page.String(), want)
			}
		})
	}
}

func TestResponders(t *testing.T) {
	labels := func(program string) map[string]string { return map[string]string{"app.kubernetes.io/name": program} }
	listening := func(name string, port int32) corev1.Container {
		return corev1.Container{Name: name, Ports: []corev1.ContainerPort{{ContainerPort: port}}}
	}
	pod := func(program, address string, containers ...corev1.Container) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: program + "-0", Labels: labels(program)},
			Spec:       corev1.PodSpec{Containers: containers},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: address},
		}
	}
	client := fake.NewClientset()
	byAddress(client, []*corev1.Pod{
		pod("vmselect", "198.18.0.1", listening("vmselect", 8481)),
		pod("vmauth", "198.18.0.2", listening("vmauth", 8427), listening(reloader, 8435)),
		pod("vmclusterlb-vmauth-balancer", "198.18.0.3", listening("vmauth", 8427)),
	})
	r, err := Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := r.Start(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	proxy, err := url.Parse(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	through := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}}
	for name, c := range map[string]struct {
		client *http.Client
		url    string
		status int // 0 for no answer
	}{
		"themselves":                     {http.DefaultClient, r.URL() + ReadyPath, http.StatusOK},
		"themselves of something else":   {http.DefaultClient, r.URL() + "/metrics", http.StatusNotFound},
		"a vmselect":                     {through, "http://198.18.0.1:8481/metrics", http.StatusOK},
		"a vmselect of something else":   {through, "http://198.18.0.1:8481/ready", http.StatusNotFound},
		"a vmauth":                       {through, "http://198.18.0.2:8427/metrics", http.StatusOK},
		"its config-reloader":            {through, "http://198.18.0.2:8435/metrics", http.StatusOK},
		"a port that nothing listens on": {through, "http://198.18.0.2:8480/metrics", 0},
		"what is not played":             {through, "http://198.18.0.3:8427/metrics", 0},
		"an address of no pod":           {through, "http://198.18.0.4:8427/metrics", 0},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			status := 0
			if answer, err := c.client.Do(request); err == nil {
				status = answer.StatusCode
				_ = answer.Body.Close()
			}
			if status != c.status {
				t.Errorf("got status %d, want %d", status, c.status)
			}
		})
	}
}

// byAddress makes a client find pods by the field selector that it leaves alone.
func byAddress(client *fake.Clientset, pods []*corev1.Pod) {
	client.PrependReactor("list", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		wanted := action.(clienttesting.ListAction).GetListRestrictions().Fields
		found := &corev1.PodList{}
		for _, pod := range pods {
			if wanted.Matches(fields.Set{"status.podIP": pod.Status.PodIP}) {
				found.Items = append(found.Items, *pod)
			}
		}
		return true, found, nil
	})
}
