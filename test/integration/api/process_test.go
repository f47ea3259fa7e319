// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/embeddedetcd"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// program is a run of the server that the aggregator knows nothing of.
type program struct {
	cmd    *exec.Cmd
	output *bytes.Buffer
	dir    string
	port   int
}

// command returns the server with flags that let it start, and more. Unless these
// name a data directory, objects go to the etcd of the control plane: one embedded
// store at a time serves a cluster, and that is the shared server's.
func command(t *testing.T, ctx context.Context, args ...string) program {
	t.Helper()
	// Its name tells the store from those of others.
	dir, err := os.MkdirTemp(shared.dir, "p")
	must(t, err)
	kubeconfig := filepath.Join(dir, "kubeconfig")
	must(t, shared.cp.WriteKubeconfig(kubeconfig, controlplane.ServerUser, "system:serviceaccounts", "system:authenticated"))
	p := program{output: &bytes.Buffer{}, dir: dir, port: freePort(t)}
	store := shared.cp.EtcdFlags()
	if slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--data-dir=") }) {
		store = nil
	}
	args = slices.Concat([]string{
		"--kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", p.port),
		"--etcd-prefix=/" + filepath.Base(dir),
		"--certificate-secret=", // the APIService is that of the shared server
	}, store, args)
	p.cmd = exec.CommandContext(ctx, shared.program, args...)
	p.cmd.Env = []string{"HOME=" + dir, "TMPDIR=" + dir}
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	return p
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close() //nolint:errcheck // it was only for the number
	return listener.Addr().(*net.TCPAddr).Port
}

// TestTerminationIsGraceful: asked to end, the server ends its watches and itself,
// with status 0, and what it was told is on disk.
func TestTerminationIsGraceful(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	policy := file(t, "policy.yaml", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: RequestResponse\n")
	own, err := shared.cp.NewServerNamespace(ctx, "graceful")
	must(t, err)
	p := command(t, ctx, "--namespace="+own)
	log := filepath.Join(p.dir, "audit", "log")
	must(t, os.Mkdir(filepath.Dir(log), 0o700))
	p.cmd.Args = append(p.cmd.Args, "--audit-policy-file="+policy, "--audit-log-path="+log)
	must(t, p.cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()

	config, err := shared.server.ConfigFor("tester", "system:masters")
	must(t, err)
	config.Host = fmt.Sprintf("https://127.0.0.1:%d", p.port)
	config.CAData, config.Insecure = nil, true // it made a certificate for itself
	c, err := newCaller(config)
	must(t, err)
	// Its store is empty, and there are marks of the other server.
	eventually(t, "its store is accepted", func() bool {
		accepted, err := shared.cp.StoreIsAccepted(ctx, config, own)
		return err == nil && accepted
	})
	waitReady(t, c, ended, p.output)

	c.create(t, namespace, paused("x", one("graceful"))).want(t, http.StatusCreated)
	w, err := c.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace).Watch(ctx, metav1.ListOptions{})
	must(t, err)
	defer w.Stop()
	next(t, w.ResultChan())

	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	for range w.ResultChan() {
		continue // until the server ends the watch
	}
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v\n%s", err, tail(p.output))
	}
	written, err := os.ReadFile(log)
	must(t, err)
	if !strings.Contains(string(written), `"requestObject":{"kind":"VMDistributedCluster"`) {
		t.Errorf("the audit log has %d bytes, and not the object", len(written))
	}
}

// waitReady returns when the server says that it is ready.
func waitReady(t *testing.T, c *caller, ended <-chan error, output *bytes.Buffer) {
	t.Helper()
	eventually(t, "the server is ready", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v\n%s", err, tail(output))
		default:
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.host+"/readyz", nil)
		must(t, err)
		response, err := c.http.Do(request)
		if err != nil {
			return false // nobody listens yet
		}
		must(t, response.Body.Close())
		return response.StatusCode == http.StatusOK
	})
}

func tail(output *bytes.Buffer) string {
	text := output.String()
	return text[max(0, len(text)-3000):]
}

// TestServerDoesNotStartWithBadFlags and says in a line what is wrong with them.
func TestServerDoesNotStartWithBadFlags(t *testing.T) {
	t.Parallel()
	taken := filepath.Join(shared.dir, "taken")
	member, err := embeddedetcd.Start(t.Context(), embeddedetcd.Config{DataDir: taken, UnsafeNoFsync: true})
	must(t, err)
	t.Cleanup(func() { must(t, member.Close()) })
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown flag", []string{"--no-such-flag"}, "unknown flag: --no-such-flag"},
		{"argument", []string{"argument"}, `unknown command "argument"`},
		{"no place for data", []string{"--data-dir="}, "either --etcd-servers or --data-dir is needed"},
		{"data directory of another server", []string{"--data-dir=" + taken}, "another server running on the same data directory"},
		{"data directory that is a file", []string{"--data-dir=" + filepath.Join(shared.dir, "audit-policy.yaml")}, "not a directory"},
		{"port out of range", []string{"--secure-port=65536"}, "65536"},
		{"port of another server", []string{"--secure-port=" + shared.server.URL()[strings.LastIndex(shared.server.URL(), ":")+1:]}, "address already in use"},
		{"kubeconfig that is not there", []string{"--kubeconfig=/no/such/file"}, "/no/such/file"},
		{"certificate made and brought", []string{"--certificate-secret=x", "--tls-cert-file=x", "--tls-private-key-file=x"}, "--certificate-secret=x has the server make its certificate, and --tls-cert-file"},
		{"certificate without key", []string{"--tls-cert-file=/no/such/file"}, "serving cert"},
		{"certificate that is not there", []string{"--tls-cert-file=/no/such/file", "--tls-private-key-file=/no/such/key"}, "/no/such/file"},
		{"audit policy that is not there", []string{"--audit-policy-file=/no/such/file", "--audit-log-path=-"}, "/no/such/file"},
		{"unknown feature", []string{"--feature-gates=NoSuchFeature=true"}, "NoSuchFeature"},
		{"unknown admission plugin", []string{"--enable-admission-plugins=NoSuchPlugin"}, "NoSuchPlugin"},
		{"version out of range", []string{"--emulated-version=vmdistributed=9.9"}, "9.9"},
		{"unknown cipher", []string{"--tls-cipher-suites=ROT13"}, "ROT13"},
		{"negative limit", []string{"--max-requests-inflight=-1"}, "--max-requests-inflight"},
		{"log format", []string{"--logging-format=papyrus"}, "papyrus"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			p := command(t, ctx, test.args...)
			p.cmd.WaitDelay = time.Second
			err := p.cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("it ended with %v, want status 1", err)
			}
			output := strings.TrimSpace(p.output.String())
			last := output[strings.LastIndex(output, "\n")+1:]
			if !strings.Contains(last, test.want) || len(last) > 2000 {
				t.Errorf("its last line is %.2000q, want %q in it", last, test.want)
			}
			if strings.Contains(output, "goroutine ") {
				t.Errorf("it panicked: %s", tail(p.output))
			}
		})
	}
}
