// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package etcdclient

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/embeddedetcd"
)

// patience ends a test that waits for what does not come.
const patience = time.Minute

// TestWaitsForAnEtcdThatComesLater, and says meanwhile which member does not answer, and why.
func TestWaitsForAnEtcdThatComesLater(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "") // not t.TempDir: the path of a socket may not be long
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	}()
	socket := "unix://" + filepath.Join(dir, "client.sock")
	said := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- Await(logging(t.Context(), said), storagebackend.TransportConfig{ServerList: []string{silent(t), socket}}, patience)
	}()
	select {
	case log := <-said:
		for _, word := range []string{"127.0.0.1", "connection refused", socket, "no such file"} {
			if !strings.Contains(log, word) {
				t.Errorf("the log does not say %q: %s", word, log)
			}
		}
	case err := <-ended:
		t.Fatalf("it has not waited: %v", err)
	}
	member, err := embeddedetcd.Start(t.Context(), embeddedetcd.Config{DataDir: dir, UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := member.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestGivesUpWithWhatIsWrong with each member.
func TestGivesUpWithWhatIsWrong(t *testing.T) {
	t.Parallel()
	first, second := silent(t), silent(t)
	err := Await(t.Context(), storagebackend.TransportConfig{ServerList: []string{first, second}}, 3*time.Second)
	if err == nil {
		t.Fatal("nobody listens there, and it has been answered")
	}
	for _, word := range []string{"--etcd-servers", "within 3s", first, second, "connection refused"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
}

// TestEndsWithTheServer rather than to wait on.
func TestEndsWithTheServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	said := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- Await(logging(ctx, said), storagebackend.TransportConfig{ServerList: []string{silent(t)}}, patience)
	}()
	<-said
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

// logging hands over what is logged first.
func logging(ctx context.Context, said chan<- string) context.Context {
	return klog.NewContext(ctx, funcr.New(func(_, args string) {
		select {
		case said <- args:
		default:
		}
	}, funcr.Options{}))
}

// silent is an address at which nobody listens.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return "http://" + address
}
