// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/test/between"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

const (
	// patience ends a test that waits for what does not come.
	patience = time.Minute
	// lag is how long the stand-in takes for an update.
	lag = 100 * time.Millisecond
)

// soon are flags by which a Lease runs out soon.
var soon = []string{"--leader-elect-lease-duration=4s", "--leader-elect-renew-deadline=3s", "--leader-elect-retry-period=500ms"}

// site is a control plane with a stand-in for the operator and clients that may do
// everything.
type site struct {
	control    *controlplane.ControlPlane
	objects    dynamic.Interface
	kubernetes kubernetes.Interface
	// replicas are two servers with their store in the host cluster, of which the first is
	// registered with the aggregator. Between them and that cluster stands trouble.
	replicas []*controlplane.Server
	trouble  *trouble

	stop func() error
}

var (
	shared *site
	// scratch is for what tests write; paths below it are short.
	scratch string
)

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "baddays", Together: 8, Start: func(dir string, out io.Writer) (func() error, error) {
		scratch = dir
		var err error
		shared, err = startSite(controlplane.Options{
			Dir: filepath.Join(dir, "shared"), Out: out, CRDs: controlplane.CRDsUsed, ControllerManager: true, Patience: 2 * patience,
			// The stand-in plays these.
			ControllerManagerArgs: []string{"--controllers=*,-statefulset-controller,-deployment-controller,-replicaset-controller"},
		})
		if err != nil {
			return nil, err
		}
		return shared.stop, nil
	}})
}

// startSite starts one, with its replicas.
func startSite(options controlplane.Options) (*site, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	control, err := controlplane.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	s := &site{control: control, trouble: &trouble{}, stop: control.Stop}
	if err := errors.Join(s.connect(), s.startOperator(), s.startReplicas(ctx, options.Dir)); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *site) connect() error {
	var err error
	if s.objects, err = dynamic.NewForConfig(s.control.Config()); err != nil {
		return err
	}
	s.kubernetes, err = kubernetes.NewForConfig(s.control.Config())
	return err
}

func (s *site) startOperator() error {
	operator, err := standin.New(s.control.Config(), standin.Options{Lag: lag})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- operator.Run(ctx) }()
	before := s.stop
	s.stop = func() error {
		cancel()
		return errors.Join(<-ended, before())
	}
	select {
	case err := <-ended:
		ended <- nil
		return fmt.Errorf("starting the stand-in: %w", err)
	case <-operator.Ready():
		return nil
	}
}

func (s *site) startReplicas(ctx context.Context, dir string) error {
	config, err := s.control.ConfigFor(controlplane.ServerUser,
		"system:serviceaccounts", "system:serviceaccounts:"+controlplane.ServerNamespace)
	if err != nil {
		return err
	}
	proxy, err := between.New(rest.CopyConfig(config), func(next http.RoundTripper) http.RoundTripper {
		s.trouble.next = next
		return s.trouble
	})
	if err != nil {
		return err
	}
	before := s.stop
	s.stop = func() error {
		proxy.Cut()
		err := before()
		proxy.Close()
		return err
	}
	path := filepath.Join(dir, "between")
	if err := proxy.WriteKubeconfig(path); err != nil {
		return err
	}
	for i := range 2 {
		name := fmt.Sprintf("replica-%d", i)
		server, err := s.control.StartServer(ctx, controlplane.ServerOptions{
			Name: name, Unregistered: i > 0, Store: controlplane.StoreHost,
			Args: append([]string{"--kubeconfig=" + path}, soon...), Env: []string{"POD_NAME=" + name},
		})
		if err != nil {
			return err
		}
		s.replicas = append(s.replicas, server)
	}
	return nil
}

// restartReplicas has both serve again, whatever became of them.
func (s *site) restartReplicas(t *testing.T) {
	t.Helper()
	for _, replica := range s.replicas {
		must(t, replica.Restart(t.Context()))
	}
}

// expectLive wants nobody to restart the replicas, and returns how ready they say they are.
func (s *site) expectLive(t *testing.T) (ready []int) {
	t.Helper()
	for _, replica := range s.replicas {
		ready = append(ready, expectLive(t, replica))
	}
	return ready
}

func expectLive(t *testing.T, server *controlplane.Server) (ready int) {
	t.Helper()
	status, body := ask(t, server, "/livez")
	if status != http.StatusOK {
		t.Errorf("livez: %d %s", status, body)
	}
	status, body = ask(t, server, "/readyz")
	t.Logf("readyz: %d %s", status, body)
	return status
}

// ask asks a server for its health.
func ask(t *testing.T, server *controlplane.Server, path string) (status int, body string) {
	t.Helper()
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	client, err := rest.HTTPClientFor(config)
	must(t, err)
	defer client.CloseIdleConnections()
	response, err := client.Get(server.URL() + path)
	must(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(raw)
}

// startAlone starts a server with its objects in an etcd, beside the replicas.
func startAlone(t *testing.T, name, etcd string, flags ...string) *controlplane.Server {
	t.Helper()
	return startProgram(t, "", name, etcd, flags...)
}

// startProgram does so with another program.
func startProgram(t *testing.T, program, name, etcd string, flags ...string) *controlplane.Server {
	t.Helper()
	namespace, err := shared.control.NewServerNamespace(t.Context(), name)
	must(t, err)
	server, err := shared.control.StartServer(t.Context(), controlplane.ServerOptions{
		Program: program, Name: namespace, Unregistered: true, Store: controlplane.StoreEtcd, EtcdURL: etcd,
		Args: slices.Concat([]string{"--namespace=" + namespace}, soon, flags),
	})
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	return server
}

// newRoomWith has a server answer the requests of a room, past the aggregator.
func newRoomWith(t *testing.T, server *controlplane.Server) *room {
	t.Helper()
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	return newRoomAt(t, shared, config)
}

// untilSaid waits for some servers to say something more often than before.
func untilSaid(t *testing.T, text string, before int, servers ...*controlplane.Server) {
	t.Helper()
	poll(t, fmt.Sprintf("%q in the log", text), func() string {
		if now := said(t, text, servers...); now <= before {
			return fmt.Sprintf("found %d times", now)
		}
		return ""
	})
}

// said counts how often servers have said something.
func said(t *testing.T, text string, servers ...*controlplane.Server) (times int) {
	t.Helper()
	for _, server := range servers {
		log, err := os.ReadFile(server.Log)
		must(t, err)
		times += strings.Count(string(log), text)
	}
	return times
}

const (
	// passFailed and leadingNoMore are what the log says of these.
	passFailed, leadingNoMore = "Pass failed", "Leading no more"
)
