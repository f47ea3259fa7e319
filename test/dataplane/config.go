// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/klog/v2"
)

// The metrics by which vmauth tells of its reloads (app/vmauth/auth_config.go).
const (
	reloadsMetric    = "vmauth_config_last_reload_total"
	successfulMetric = "vmauth_config_last_reload_successful"
)

// configFile is the configuration of one replica of vmauth, brought to it as a
// kubelet brings a Secret: some time after it was written.
type configFile struct {
	path string

	mu     sync.Mutex
	wanted []byte
	// since is when wanted began to differ from what the file holds.
	since time.Time
	delay time.Duration
	held  bool
	// signalled is what the process was told to read, loaded what it has read.
	signalled, loaded []byte
	// confirming is true until the process tells what became of the signal;
	// reloads is how many reloads it told of before.
	confirming bool
	reloads    float64
}

// reloadable is a process that reads its configuration again when it is told to,
// and tells of that among its metrics.
type reloadable struct {
	process *os.Process
	client  *http.Client
	metrics string
}

// want makes the file get some content, after the delay.
func (c *configFile) want(content []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Equal(c.wanted, content) {
		return
	}
	if bytes.Equal(c.wanted, c.signalled) {
		c.since = time.Now()
	}
	c.wanted = content
}

// delayBy sets the delay; with held, nothing is delivered until it is called again.
func (c *configFile) delayBy(delay time.Duration, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delay, c.held = delay, held
}

// due tells whether something is to be delivered or confirmed.
func (c *configFile) due() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.confirming || !bytes.Equal(c.wanted, c.signalled)
}

// hasLoaded tells whether the process has read some content.
func (c *configFile) hasLoaded(content []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Equal(c.loaded, content)
}

// renew writes the file for a process that is about to start.
func (c *configFile) renew() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.signalled, c.loaded, c.confirming = c.wanted, c.wanted, false
	return c.write(c.wanted)
}

func (c *configFile) write(content []byte) error {
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return err
	}
	next := c.path + ".next"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return err
	}
	return os.Rename(next, c.path)
}

// deliver does what is due and returns true when the process has just read what
// is wanted.
func (c *configFile) deliver(ctx context.Context, to reloadable) bool {
	if !c.due() {
		return false
	}
	done, err := c.advance(ctx, to)
	if err != nil && ctx.Err() == nil {
		klog.FromContext(ctx).Error(err, "A configuration could not be brought to vmauth", "file", c.path)
	}
	return done
}

func (c *configFile) advance(ctx context.Context, to reloadable) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.confirming {
		return c.confirm(ctx, to)
	}
	if c.held || time.Since(c.since) < c.delay {
		return false, nil
	}
	return false, c.signal(ctx, to)
}

// confirm asks the process what became of the signal.
func (c *configFile) confirm(ctx context.Context, to reloadable) (bool, error) {
	now, err := readReloads(ctx, to.client, to.metrics)
	if err != nil || now.total <= c.reloads {
		return false, err
	}
	c.confirming = false
	if !now.successful {
		// It goes on with what it has, as in a cluster.
		return false, fmt.Errorf("vmauth refuses %s", c.path)
	}
	c.loaded = c.signalled
	return true, nil
}

// signal writes the file and makes the process read it.
func (c *configFile) signal(ctx context.Context, to reloadable) error {
	before, err := readReloads(ctx, to.client, to.metrics)
	if err != nil {
		return err
	}
	if err := c.write(c.wanted); err != nil {
		return err
	}
	if err := to.process.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	c.signalled, c.reloads, c.confirming = c.wanted, before.total, true
	return nil
}

// reloads is what vmauth tells of its reloads.
type reloads struct {
	total      float64
	successful bool
}

func readReloads(ctx context.Context, client *http.Client, address string) (reloads, error) {
	families, err := readMetrics(ctx, client, address)
	if err != nil {
		return reloads{}, err
	}
	return reloads{total: single(families, reloadsMetric), successful: single(families, successfulMetric) == 1}, nil
}

// readMetrics reads a page of metrics.
func readMetrics(ctx context.Context, client *http.Client, address string) (map[string]*dto.MetricFamily, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the metrics of %s: %w", address, err)
	}
	return families, nil
}

// single returns the value of a metric without labels, 0 if it is not there.
func single(families map[string]*dto.MetricFamily, name string) float64 {
	for _, m := range families[name].GetMetric() {
		return m.GetUntyped().GetValue() + m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return 0
}
