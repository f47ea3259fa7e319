// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package garbage

import (
	"context"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestStoreThatIsEmptiedUnderTheServerIsNoDeletion: not to who watches, nor to who lists
// before the server has noticed, nor after it has begun anew.
func TestStoreThatIsEmptiedUnderTheServerIsNoDeletion(t *testing.T) {
	prefix := "/emptied"
	r := newRoom(t, controlplane.StoreEtcd, "--etcd-prefix="+prefix)
	watching, err := r.own.Watch(t.Context(), metav1.ListOptions{})
	must(t, err)
	defer watching.Stop()
	_, err = keys(t).Delete(t.Context(), prefix, clientv3.WithPrefix())
	must(t, err)
	r.poll("the server to end", func(ctx context.Context) bool {
		for _, version := range []string{"", "0"} {
			if found, err := r.own.List(ctx, metav1.ListOptions{ResourceVersion: version}); err == nil && len(found.Items) == 0 {
				t.Fatalf("a list of version %q says that there is nothing", version)
			}
		}
		return !r.server.Alive()
	})
	for event := range watching.ResultChan() {
		if event.Type == watch.Deleted {
			t.Errorf("a watch says: %v", event)
		}
	}
	r.untilGarbageIsCollected()
	r.expectThere()

	restarted := make(chan error, 1)
	go func() { restarted <- r.server.Restart(context.WithoutCancel(t.Context())) }()
	r.poll("the store to be refused", func(ctx context.Context) bool {
		refusal, err := r.server.StoreRefusal(ctx)
		return err == nil && refusal != ""
	})
	r.untilGarbageIsCollected()
	r.expectThere()
	must(t, r.server.AcceptStore(t.Context()))
	must(t, <-restarted)
	r.untilGone("dependent")
}
