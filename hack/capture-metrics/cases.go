// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// scenario is one page to capture.
type scenario struct {
	name, about string
	play        func(context.Context, *stage) ([]byte, error)
}

func cases() []scenario {
	healthy := agentCase{answers: map[string]string{"a": takes, "b": takes}, wanted: both(sent(0), sent(1))}
	shows := func(args map[string]any) agentCase { c := healthy; c.extraArgs = args; return c }
	refusing := agentCase{answers: map[string]string{"a": takes, "b": refuses}, blocks: 3, wanted: both(sent(0), retrying)}
	return []scenario{
		{"agent-healthy", "A vmagent that writes to the zones a and b.", healthy.play},
		{"agent-showurl", "The same with -remoteWrite.showURL.", shows(map[string]any{"remoteWrite.showURL": "true"}).play},
		{"agent-secured", "The same with -metrics.exposeMetadata, -http.pathPrefix and -metricsAuthKey.", shows(map[string]any{"metrics.exposeMetadata": "true", "http.pathPrefix": "/global", "metricsAuthKey": "key"}).play},
		{"agent-refusing", "Zone b ends every connection; what there is to send is with its workers, and counted as pending nowhere.", refusing.play},
		{"agent-pending", "The same with more data than the workers and the memory hold.", agentCase{answers: refusing.answers, wanted: onDisk, extraArgs: map[string]any{"memory.allowedBytes": "1KB", "remoteWrite.maxBlockSize": "1KB"}}.play},
		{"agent-rejected", "Zone b answers 400, and what it rejects is dropped.", agentCase{answers: map[string]string{"a": takes, "b": rejects}, wanted: both(sent(0), lost)}.play},
		{"agent-overflow", "Zone b ends every connection, and there are no queues on the disk, so that samples are dropped.", agentCase{answers: refusing.answers, wanted: lost, extraArgs: map[string]any{"remoteWrite.disableOnDiskQueue": "true", "memory.allowedBytes": "1KB", "remoteWrite.maxBlockSize": "1KB"}}.play},
		{"auth-started", "A vmauth as it started.", authCase{}.play},
		{"auth-reloaded", "A vmauth that loaded another configuration.", authCase{then: users("b"), wanted: func(r victoriametrics.ReloadReading) bool { return r.Attempts == 1 && r.Successful }}.play},
		{"auth-broken", "A vmauth that was given a configuration that is wrong.", authCase{then: "users: 7\n", wanted: func(r victoriametrics.ReloadReading) bool { return r.Attempts == 1 && !r.Successful }}.play},
		{"select-idle", "A single-node VictoriaMetrics that was written to and answered queries.", selectIdle},
		{"select-busy", "The same while it answers an export.", selectBusy},
	}
}

// zoneA is the VMCluster whose vmselect a single-node VictoriaMetrics plays.
func zoneA() victoriametrics.MetricsEndpoint {
	e, _ := victoriametrics.SelectMetrics(victoriametrics.Cluster{Namespace: "monitoring", Name: "a", Spec: map[string]any{"vmselect": map[string]any{}}})
	return e
}

func (s *stage) storage(ctx context.Context) (*program, error) {
	p, err := s.start(ctx, "victoria-metrics", nil, "-storageDataPath="+filepath.Join(s.folder, "storage"), "-retentionPeriod=100y")
	if err != nil {
		return nil, err
	}
	_, err = p.until(ctx, zoneA(), func(victoriametrics.Metrics) string { return "" })
	return p, err
}

// agentCase is a VMAgent that writes to two zones.
type agentCase struct {
	answers   map[string]string
	extraArgs map[string]any
	// blocks is how often there is something to send, 0 for as long as it takes.
	blocks int
	wanted func(queues []victoriametrics.QueueReading) string
}

var remoteWrites = []any{
	map[string]any{"url": "http://vminsert-a.monitoring.svc:8480/insert/0/prometheus/api/v1/write?extra_label=from=global"},
	map[string]any{"url": "http://vminsert-b.monitoring.svc:8480/insert/0/prometheus/api/v1/write"},
}

func (c agentCase) play(ctx context.Context, s *stage) ([]byte, error) {
	storage, err := s.storage(ctx)
	if err != nil {
		return nil, err
	}
	args := []string{
		"-remoteWrite.tmpDataPath=" + filepath.Join(s.folder, "vmagent-remotewrite-data"),
		"-remoteWrite.maxDiskUsagePerURL=1073741824", "-remoteWrite.flushInterval=100ms",
		"-remoteWrite.retryMinInterval=100ms", "-remoteWrite.retryMaxInterval=200ms", "-remoteWrite.queues=4",
	}
	for _, entry := range remoteWrites {
		args = append(args, "-remoteWrite.url="+entry.(map[string]any)["url"].(string))
	}
	for name, value := range c.extraArgs {
		args = append(args, fmt.Sprintf("-%s=%s", name, value))
	}
	p, err := s.start(ctx, "vmagent", s.zones(c.answers, storage), args...)
	if err != nil {
		return nil, err
	}
	agent := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"namespace": "monitoring", "name": "global"},
		"spec":     map[string]any{"extraArgs": c.extraArgs, "remoteWrite": remoteWrites},
	}}
	blocks := 0
	return p.until(ctx, victoriametrics.AgentMetrics(agent), func(page victoriametrics.Metrics) string {
		if blocks++; c.blocks == 0 || blocks <= c.blocks {
			// Longer than the flush interval, so that each makes a block of its own.
			time.Sleep(150 * time.Millisecond)
			if err := p.post(ctx, c.prefix()+"/api/v1/import/prometheus", fmt.Sprintf("sample %d\n", time.Now().UnixMilli())); err != nil {
				return err.Error()
			}
		}
		queues, missing := queuesOf(page, agent)
		if missing != "" {
			return missing
		}
		return c.wanted(queues)
	})
}

func (c agentCase) prefix() string {
	prefix, _ := c.extraArgs["http.pathPrefix"].(string)
	return prefix
}

func queuesOf(page victoriametrics.Metrics, agent *unstructured.Unstructured) ([]victoriametrics.QueueReading, string) {
	var queues []victoriametrics.QueueReading
	for _, zone := range []string{"a", "b"} {
		writes := victoriametrics.RemoteWrites(agent, victoriametrics.Cluster{Namespace: "monitoring", Name: zone}, nil)
		if len(writes.Entries) != 1 {
			return nil, fmt.Sprintf("entries for zone %s: %+v", zone, writes)
		}
		queue, missing := victoriametrics.QueueOf(page, writes.Entries[0])
		if missing != "" {
			return nil, missing
		}
		queues = append(queues, queue)
	}
	return queues, ""
}

func both(one, two func([]victoriametrics.QueueReading) string) func([]victoriametrics.QueueReading) string {
	return func(queues []victoriametrics.QueueReading) string { return one(queues) + two(queues) }
}

func sent(i int) func([]victoriametrics.QueueReading) string {
	return func(queues []victoriametrics.QueueReading) string {
		if queues[i].Sent < 1 {
			return fmt.Sprintf("nothing sent: %+v", queues[i])
		}
		return ""
	}
}

func retrying(queues []victoriametrics.QueueReading) string {
	if b := queues[1]; b.Failures < 3 || b.PendingBytes > 0 || b.Sent > 0 {
		return fmt.Sprintf("no retries while nothing is pending: %+v", b)
	}
	return ""
}

func onDisk(queues []victoriametrics.QueueReading) string {
	if b := queues[1]; b.FreeBytes >= 1073741824 || b.PendingBytes == 0 {
		return fmt.Sprintf("nothing on the disk: %+v", b)
	}
	return ""
}

func lost(queues []victoriametrics.QueueReading) string {
	if b := queues[1]; b.Lost() == 0 {
		return fmt.Sprintf("nothing lost: %+v", b)
	}
	return ""
}

// authCase is a VMAuth that is given another configuration.
type authCase struct {
	then   string
	wanted func(victoriametrics.ReloadReading) bool
}

func users(zone string) string {
	return fmt.Sprintf("users:\n- username: reader\n  password: p\n  url_prefix: http://vmselect-%s.monitoring.svc:8481/\n", zone)
}

func (c authCase) play(ctx context.Context, s *stage) ([]byte, error) {
	file := filepath.Join(s.folder, "config.yaml")
	if err := os.WriteFile(file, []byte(users("a")), 0o600); err != nil {
		return nil, err
	}
	p, err := s.start(ctx, "vmauth", nil, "-auth.config="+file)
	if err != nil {
		return nil, err
	}
	endpoint := victoriametrics.AuthMetrics(&unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"namespace": "monitoring", "name": "reads"}}})
	page, err := p.until(ctx, endpoint, func(victoriametrics.Metrics) string { return "" })
	if err != nil || c.then == "" {
		return page, err
	}
	if err := os.WriteFile(file, []byte(c.then), 0o600); err != nil {
		return nil, err
	}
	if err := p.command.Process.Signal(syscall.SIGHUP); err != nil {
		return nil, fmt.Errorf("making vmauth load its configuration: %w", err)
	}
	return p.until(ctx, endpoint, func(page victoriametrics.Metrics) string {
		reading, missing := victoriametrics.ReloadOf(page)
		if missing == "" && !c.wanted(reading) {
			return fmt.Sprintf("not loaded: %+v", reading)
		}
		return missing
	})
}

func selectIdle(ctx context.Context, s *stage) ([]byte, error) {
	p, err := s.storage(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.post(ctx, "/api/v1/import/prometheus", "sample 1\n"); err != nil {
		return nil, err
	}
	for range 3 {
		if err := p.post(ctx, "/prometheus/api/v1/query?query=sample", ""); err != nil {
			return nil, err
		}
	}
	return p.until(ctx, zoneA(), func(page victoriametrics.Metrics) string {
		return reads(page, func(r victoriametrics.ReadsReading) bool { return r.InFlight == 0 && r.Requests == 3 })
	})
}

func reads(page victoriametrics.Metrics, wanted func(victoriametrics.ReadsReading) bool) string {
	reading, missing := victoriametrics.ReadsOf(page)
	if missing == "" && !wanted(reading) {
		return fmt.Sprintf("other reads: %+v", reading)
	}
	return missing
}

// selectBusy asks for more than fits into the buffers on the way, and does not
// take it.
func selectBusy(ctx context.Context, s *stage) ([]byte, error) {
	p, err := s.storage(ctx)
	if err != nil {
		return nil, err
	}
	var data strings.Builder
	values, times := strings.Repeat("123456789.5,", 1000), make([]string, 1000)
	now := time.Now().Add(-time.Hour).UnixMilli()
	for i := range times {
		times[i] = fmt.Sprint(now + int64(i))
	}
	for i := range 1000 {
		fmt.Fprintf(&data, "{\"metric\":{\"__name__\":\"sample\",\"i\":\"%d\"},\"values\":[%s],\"timestamps\":[%s]}\n", i, strings.TrimSuffix(values, ","), strings.Join(times, ","))
	}
	if err := p.post(ctx, "/api/v1/import", data.String()); err != nil {
		return nil, err
	}
	if err := p.post(ctx, "/internal/force_flush", ""); err != nil {
		return nil, err
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close() }()
	if _, err := fmt.Fprint(connection, "GET /api/v1/export?match[]=sample HTTP/1.1\r\nHost: zone\r\n\r\n"); err != nil {
		return nil, err
	}
	return p.until(ctx, zoneA(), func(page victoriametrics.Metrics) string {
		return reads(page, func(r victoriametrics.ReadsReading) bool { return r.InFlight == 1 && r.Requests == 1 })
	})
}
