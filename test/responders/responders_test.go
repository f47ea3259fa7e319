// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package responders

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
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
	all.note(secret, 1)
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
	all.note(secret, 2)
	expect("before the reload", 20*time.Second, conduct{}, 10*time.Second, 0)
	expect("after the reload", 25*time.Second, conduct{}, 20*time.Second+reloadLag, 1)
	all.note(secret, 2)
	expect("the same again", 30*time.Second, conduct{}, 20*time.Second+reloadLag, 1)
	all.note(secret, 1)
	stuck := conduct{Behaviour{Stuck: true}, began.Add(25 * time.Second)}
	expect("stuck", 40*time.Second, stuck, 20*time.Second+reloadLag, 1)
	expect("not stuck", 40*time.Second, conduct{}, 30*time.Second+reloadLag, 2)
}
