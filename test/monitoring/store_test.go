// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/spawn"
)

const (
	tick     = 200 * time.Millisecond
	patience = 2 * time.Minute
	loopback = "127.0.0.1"
)

// store is a victoria-metrics.
type store struct{ url string }

// startStore runs a victoria-metrics until the test ends.
func startStore(t *testing.T, dir string, args ...string) *store {
	t.Helper()
	port, err := spawn.FreePort(nil)
	must(t, err)
	log, file, err := spawn.OpenLog(filepath.Join(dir, "victoria-metrics.log"))
	must(t, err)
	defer file.Close()
	address := loopback + ":" + strconv.Itoa(port)
	program := filepath.Join(root(t), ".local", "bin", "victoria-metrics")
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%v: build it with hack/build-tools.sh victoria-metrics", err)
	}
	cmd := exec.Command(program, append([]string{
		"-httpListenAddr=" + address, "-storageDataPath=" + filepath.Join(dir, "data"), "-retentionPeriod=1y",
		"-search.latencyOffset=0s", "-search.disableCache", "-memory.allowedBytes=64MB",
	}, args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = []string{"PATH=/usr/bin:/bin", "TMPDIR=" + dir}, file, file
	spawner := spawn.NewAttached()
	must(t, spawner.Spawn(cmd))
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		spawner.Close()
		if t.Failed() {
			t.Log(log.Tail(10))
		}
	})
	s := &store{url: "http://" + address}
	until(t, "victoria-metrics answers", func(ctx context.Context) (bool, string) {
		_, err := s.call(ctx, http.MethodGet, "/health", nil, nil)
		return err == nil, fmt.Sprint(err, log.Tail(5))
	})
	return s
}

func (s *store) call(ctx context.Context, method, path string, query url.Values, body io.Reader) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path+"?"+query.Encode(), body)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %s", path, response.Status, answer)
	}
	return answer, err
}

// history is a series that a query returned.
type history struct {
	Metric map[string]string `json:"metric"`
	Values [][2]any          `json:"values"`
}

// times are those at which there is a value.
func (h history) times() []time.Time {
	times := make([]time.Time, len(h.Values))
	for i, value := range h.Values {
		seconds, _ := value[0].(float64)
		times[i] = time.Unix(int64(seconds), 0)
	}
	return times
}

// over evaluates a query at every step between two moments.
func (s *store) over(ctx context.Context, query string, from, to time.Time, step time.Duration) ([]history, error) {
	answer, err := s.call(ctx, http.MethodPost, "/api/v1/query_range", url.Values{
		"query": {query}, "start": {seconds(from)}, "end": {seconds(to)}, "step": {step.String()}, "nocache": {"1"},
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("evaluating %s: %w", query, err)
	}
	var result struct {
		Data struct {
			Result []history `json:"result"`
		} `json:"data"`
	}
	return result.Data.Result, json.Unmarshal(answer, &result)
}

func seconds(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// sample is a line of an import.
type sample struct {
	Metric     map[string]string `json:"metric"`
	Values     []float64         `json:"values"`
	Timestamps []int64           `json:"timestamps"`
}

// load imports series, and returns when queries find them.
func (s *store) load(t *testing.T, samples []sample) {
	t.Helper()
	var body bytes.Buffer
	for _, line := range samples {
		must(t, json.NewEncoder(&body).Encode(line))
	}
	for _, step := range []struct {
		method, path string
		body         io.Reader
	}{{http.MethodPost, "/api/v1/import", &body}, {http.MethodGet, "/internal/force_flush", nil}} {
		_, err := s.call(t.Context(), step.method, step.path, nil, step.body)
		must(t, err)
	}
}

// until waits for something, and says what it saw last if that does not come.
func until(t *testing.T, what string, is func(context.Context) (bool, string)) {
	t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(t.Context(), tick, patience, true, func(ctx context.Context) (done bool, err error) {
		done, last = is(ctx)
		return done, nil
	})
	if err != nil {
		t.Fatalf("waiting until %s: %v; last: %s", what, err, last)
	}
}

func root(t *testing.T) string {
	t.Helper()
	path, err := controlplane.FindRoot()
	must(t, err)
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
