// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/metricspage"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// stage holds the processes of one case.
type stage struct {
	bin, folder string
	ends        []func()
}

func (s *stage) end() {
	for i := len(s.ends) - 1; i >= 0; i-- {
		s.ends[i]()
	}
}

// program is a process that listens on a port of loopback.
type program struct {
	command *exec.Cmd
	port    int
}

// start starts a program. It is ended by end, by its process id.
func (s *stage) start(ctx context.Context, name string, environment []string, args ...string) (*program, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	p := &program{port: port}
	p.command = exec.Command(filepath.Join(s.bin, name), append(args, fmt.Sprintf("-httpListenAddr=127.0.0.1:%d", port))...) //nolint:noctx // it ends with the stage
	p.command.Env = environment
	output := &bytes.Buffer{}
	p.command.Stdout, p.command.Stderr = output, output
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	s.ends = append(s.ends, func() {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
	})
	return p, nil
}

func freePort(ctx context.Context) (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// target is where a program shows its metrics, by the rules of the product.
func (p *program) target(e victoriametrics.MetricsEndpoint) (metricspage.Target, error) {
	if e.Unknown != "" {
		return metricspage.Target{}, errors.New(e.Unknown)
	}
	pods, err := victoriametrics.TargetsOf(e, []discoveryv1.EndpointSlice{{
		ObjectMeta:  metav1.ObjectMeta{Namespace: e.Namespace, Labels: map[string]string{discoveryv1.LabelServiceName: e.Service}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: ptr.To(e.PortName), Port: ptr.To(int32(p.port))}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"127.0.0.1"}}},
	}})
	if err != nil {
		return metricspage.Target{}, err
	}
	return metricspage.Target{URL: pods[0].URL, AuthKey: e.AuthKey, Username: e.Username, Password: e.Password}, nil
}

// until asks for a program's page until it shows what is wanted, and returns the
// text of one that does.
func (p *program) until(ctx context.Context, e victoriametrics.MetricsEndpoint, wanted func(victoriametrics.Metrics) string) ([]byte, error) {
	target, err := p.target(e)
	if err != nil {
		return nil, err
	}
	reader := metricspage.New(metricspage.Options{Freshness: time.Nanosecond})
	lacking := "not asked yet"
	var text []byte
	err = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		// First that it can be read as the product reads it, then its text.
		if _, err := reader.Read(ctx, target); err != nil {
			lacking = err.Error()
			return false, nil //nolint:nilerr // it may not be up yet
		}
		if text, err = get(ctx, target); err != nil {
			return false, err
		}
		page, err := metricspage.Parse(time.Now(), text)
		if err != nil {
			return false, err
		}
		lacking = wanted(page)
		return lacking == "", nil
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for the page at %s: %w; last: %s", target, err, lacking)
	}
	return text, nil
}

func get(ctx context.Context, target metricspage.Target) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.URL+"?authKey="+url.QueryEscape(target.AuthKey), nil)
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(target.Username, target.Password)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// post sends data to a path of a program.
func (p *program) post(ctx context.Context, path, data string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d%s", p.port, path), strings.NewReader(data))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("sending data: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("sending data to %s: %s", path, response.Status)
	}
	return nil
}

// Answers of a zone.
const (
	takes   = "takes"   // like a vminsert
	refuses = "refuses" // the connection ends without an answer
	rejects = "rejects" // 400: the data is at fault
)

// zones is a forward proxy to vminsert-NAME.monitoring.svc, and returns the
// environment that leads a program there.
func (s *stage) zones(answers map[string]string, storage *program) []string {
	var backend *httputil.ReverseProxy
	if storage != nil {
		backend = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", storage.port)})
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Hostname(), "vminsert-"), ".")
		switch answers[name] {
		case takes:
			// A single-node VictoriaMetrics has no tenants.
			r.URL.Path = strings.TrimPrefix(r.URL.Path, "/insert/0/prometheus")
			r.URL.Host, r.URL.Scheme = "", ""
			backend.ServeHTTP(w, r)
		case rejects:
			http.Error(w, "rejected", http.StatusBadRequest)
		default:
			panic(http.ErrAbortHandler)
		}
	}))
	s.ends = append(s.ends, proxy.Close)
	return []string{"HTTP_PROXY=" + proxy.URL}
}
