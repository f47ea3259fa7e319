// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package claim sees to it that one embedded store at a time serves a cluster.
// Two servers with a store each would both answer for the same objects, and each
// would know half of them.
package claim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// LeaseName is the Lease that names the store which serves.
const LeaseName = "vmdistributed-apiserver-embedded-store"

const (
	duration      = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
	// patience outlasts a lease that nobody renews any more.
	patience = 2 * duration
)

// StoreID returns the identity of the store in a data directory, made when it is
// asked for first. It goes with the data: who comes back with the same store
// takes the Lease over at once.
func StoreID(dataDir string) (string, error) {
	path := filepath.Join(dataDir, "store-id")
	content, err := os.ReadFile(path)
	if err == nil {
		if id := strings.TrimSpace(string(content)); id != "" {
			return id, nil
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading the identity of the embedded store: %w", err)
	}
	id := string(uuid.NewUUID())
	if err := os.WriteFile(path, []byte(id+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("writing the identity of the embedded store: %w", err)
	}
	return id, nil
}

// Hold returns once the store has the Lease in namespace, and renews it until ctx
// ends; then it lets go of it, and closes the channel that it returned. Where
// another store has the Lease and renews it, Hold refuses. Should another one
// take it later, lost is called.
//
// A host cluster that can't be reached takes nothing away: the Lease is renewed
// when it can be again.
func Hold(ctx context.Context, client kubernetes.Interface, namespace, store string, lost func(error)) (released <-chan struct{}, err error) {
	h := &holder{store: store, namespace: namespace, acquired: make(chan struct{}), lost: lost}
	elector, err := h.elector(client)
	if err != nil {
		return nil, fmt.Errorf("preparing the Lease %s/%s: %w", namespace, LeaseName, err)
	}
	holding, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer stop()
		for holding.Err() == nil {
			elector.Run(holding)
		}
	}()
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-h.acquired:
		return done, nil
	case <-waiting.Done():
		stop()
		<-done
		return nil, h.refusal(context.Cause(waiting))
	}
}

// holder follows who has the Lease.
type holder struct {
	store, namespace string
	once             sync.Once
	acquired         chan struct{}
	lost             func(error)

	mu    sync.Mutex
	other string
}

func (h *holder) elector(client kubernetes.Interface) (*leaderelection.LeaderElector, error) {
	return leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Name: LeaseName,
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: h.namespace, Name: LeaseName},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: h.store},
		},
		LeaseDuration:   duration,
		RenewDeadline:   renewDeadline,
		RetryPeriod:     retryPeriod,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { h.once.Do(func() { close(h.acquired) }) },
			OnStoppedLeading: func() {},
			OnNewLeader:      h.see,
		},
	})
}

// see hears of each holder, ourselves included.
func (h *holder) see(store string) {
	if store == h.store || store == "" {
		return
	}
	h.mu.Lock()
	h.other = store
	h.mu.Unlock()
	select {
	case <-h.acquired:
		h.lost(h.refusal(nil))
	default:
		klog.Background().Info("Another embedded store serves this cluster, or did until a moment ago; waiting for it to let go", "lease", klog.KRef(h.namespace, LeaseName), "store", store)
	}
}

func (h *holder) refusal(cause error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.other != "" {
		return fmt.Errorf("the embedded store %s serves this cluster already (Lease %s/%s), and ours is %s: run one server with an embedded store, or let all of them share one by --etcd-servers",
			h.other, h.namespace, LeaseName, h.store)
	}
	return fmt.Errorf("taking the Lease %s/%s for the embedded store: %w", h.namespace, LeaseName, cause)
}
