// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	operatorclient "github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned/typed/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// long has tests do more of the same.
var long = os.Getenv("VMDC_TEST_LONG") != ""

const (
	// countAnnotation has the number of the write that an object is from.
	countAnnotation = "count"
	writers         = 8
	objectsEach     = 3
	patience        = 2 * time.Minute
)

// TestEveryWriteThatWasAnsweredIsThere writes through two servers, of which one after
// the other is killed at random moments, and holds what watchers were told against
// what writers were.
func TestEveryWriteThatWasAnsweredIsThere(t *testing.T) {
	writes := 1000
	if long {
		writes = 10000
	}
	for _, store := range []controlplane.Store{controlplane.StoreHost, controlplane.StoreEtcd} {
		t.Run(string(store), func(t *testing.T) { newTrial(t, store).run(writes) })
	}
}

// trial is two servers with one store.
type trial struct {
	t       *testing.T
	seed    uint64
	servers []*controlplane.Server
	clients []operatorclient.VMDistributedClusterInterface
	// answered counts writes that were.
	answered atomic.Int64
	kills    int
}

func newTrial(t *testing.T, store controlplane.Store) *trial {
	t.Helper()
	tr := &trial{t: t, seed: uint64(time.Now().UnixNano())}
	t.Logf("seed %d", tr.seed)
	namespace, err := shared.control.NewServerNamespace(t.Context(), "history-"+string(store))
	must(t, err)
	for i := range 2 {
		server, err := shared.control.StartServer(t.Context(), controlplane.ServerOptions{
			Name: fmt.Sprintf("%s-%d", store, i), Unregistered: true, Store: store,
			// Without a cache, which begins anew with the process and then has no past to
			// tell: a client has to list in its place, and what it missed nobody can check.
			Args: []string{"--namespace=" + namespace, "--etcd-prefix=/" + namespace, "--watch-cache=false"},
		})
		must(t, err)
		t.Cleanup(func() { must(t, server.Stop()) })
		config, err := server.ConfigFor("tester", "system:masters")
		must(t, err)
		config.QPS = -1
		client, err := versioned.NewForConfig(config)
		must(t, err)
		tr.servers = append(tr.servers, server)
		tr.clients = append(tr.clients, client.OperatorV1alpha1().VMDistributedClusters(namespace))
	}
	return tr
}

func (tr *trial) run(writes int) {
	ctx, stop := context.WithCancel(tr.t.Context())
	defer stop()
	var followers sync.WaitGroup
	told := []*follower{newFollower(tr, 0), newFollower(tr, 1)}
	for _, one := range told {
		followers.Go(func() { one.follow(ctx) })
	}
	for _, one := range told {
		one.begun(ctx)
	}
	ended := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() { tr.killNowAndThen(ended) })
	all := tr.write(ctx, int64(writes))
	close(ended)
	killer.Wait()

	last := tr.last(ctx)
	for _, one := range told {
		one.until(last)
	}
	stop()
	followers.Wait()
	for _, one := range told {
		one.check(all)
	}
	tr.checkList(all)
	line := fmt.Sprintf("%s: %d writes answered, %d kills, every write there, %d events as they have to be", tr.t.Name(), tr.answered.Load(), tr.kills, told[0].count())
	tr.t.Log(line)
	findings.Add(line)
}

// killNowAndThen kills one server after the other, and starts it again.
func (tr *trial) killNowAndThen(ended <-chan struct{}) {
	random := rand.New(rand.NewPCG(tr.seed, 1000)) //nolint:gosec // to be repeatable
	for {
		select {
		case <-ended:
			return
		case <-time.After(time.Duration(random.Int64N(int64(4 * time.Second)))):
		}
		server := tr.servers[random.IntN(len(tr.servers))]
		if err := server.Kill(); err != nil {
			tr.t.Errorf("killing a server: %v", err)
			return
		}
		tr.kills++
		if err := server.Restart(tr.t.Context()); err != nil {
			tr.t.Errorf("starting a server again: %v", err)
			return
		}
	}
}

// write has all writers write until enough of it was answered.
func (tr *trial) write(ctx context.Context, enough int64) []*object {
	var group sync.WaitGroup
	var all []*object
	for w := range writers {
		random := rand.New(rand.NewPCG(tr.seed, uint64(w))) //nolint:gosec // to be repeatable
		var own []*object
		for i := range objectsEach {
			own = append(own, &object{trial: tr, name: fmt.Sprintf("w%d-%d", w, i), random: random})
		}
		all = append(all, own...)
		group.Go(func() {
			for tr.answered.Load() < enough && !tr.t.Failed() {
				own[random.IntN(len(own))].step(ctx)
			}
		})
	}
	group.Wait()
	return all
}

// last writes once more and tells what a watcher sees of that, after everything else.
func (tr *trial) last(ctx context.Context) string {
	sentinel := &object{trial: tr, name: "last", random: rand.New(rand.NewPCG(tr.seed, 2000))} //nolint:gosec // to be repeatable
	for sentinel.alive == nil && !tr.t.Failed() {
		sentinel.step(ctx)
	}
	return sentinel.name
}

// checkList holds what there is now against what was answered.
func (tr *trial) checkList(all []*object) {
	tr.t.Helper()
	list, err := tr.clients[0].List(tr.t.Context(), metav1.ListOptions{})
	must(tr.t, err)
	there := map[string]v1alpha1.VMDistributedCluster{}
	for _, item := range list.Items {
		there[item.Name] = item
	}
	for _, o := range all {
		item, is := there[o.name]
		switch {
		case is != (o.alive != nil):
			tr.t.Errorf("%s: that it is there is %t, as nobody was told", o.name, is)
		case is && (item.UID != o.alive.uid || !o.alive.mayEndWith(countOf(&item))):
			tr.t.Errorf("%s is %s with count %d, want %s with %v, or later of %v", o.name, item.UID, countOf(&item), o.alive.uid, o.alive.answered, o.alive.tried)
		}
	}
}

// object is written by one writer alone.
type object struct {
	trial  *trial
	name   string
	random *rand.Rand
	count  int64
	// alive is the life that it has now, if any; lives are all.
	alive *life
	lives []*life
}

// life is an object from its creation to its deletion.
type life struct {
	uid types.UID
	// answered are the counts of writes that were, in order; tried of those that may
	// have been done.
	answered []int64
	tried    map[int64]bool
	deleted  bool
}

// mayEndWith tells whether a count is that of the last write that was answered, or of
// one after it that may have been done.
func (l *life) mayEndWith(count int64) bool {
	last := int64(0)
	if n := len(l.answered); n > 0 {
		last = l.answered[n-1]
	}
	return count == last || count > last && l.tried[count]
}

// step makes one write, and finds out what has become of it.
func (o *object) step(ctx context.Context) {
	switch {
	case o.alive == nil:
		o.create(ctx)
	case o.random.IntN(10) == 0 && o.name != "last":
		o.delete(ctx)
	default:
		o.update(ctx)
	}
}

func (o *object) client() operatorclient.VMDistributedClusterInterface {
	return o.trial.clients[o.random.IntN(len(o.trial.clients))]
}

func (o *object) create(ctx context.Context) {
	o.count++
	created, err := o.client().Create(ctx, o.manifest(), metav1.CreateOptions{})
	if err == nil {
		o.begin(created.UID).answered = []int64{o.count}
		o.trial.answered.Add(1)
		return
	}
	if found := o.find(ctx); found != nil {
		o.begin(found.UID).tried[countOf(found)] = true
		o.count = max(o.count, countOf(found))
	}
}

func (o *object) begin(uid types.UID) *life {
	o.alive = &life{uid: uid, tried: map[int64]bool{}}
	o.lives = append(o.lives, o.alive)
	return o.alive
}

func (o *object) update(ctx context.Context) {
	found := o.find(ctx)
	if found == nil {
		o.trial.t.Errorf("%s, made as %s, is gone by itself", o.name, o.alive.uid)
		return
	}
	if n := len(o.alive.answered); n > 0 && countOf(found) < o.alive.answered[n-1] {
		o.trial.t.Errorf("%s is read with count %d after %d was answered", o.name, countOf(found), o.alive.answered[n-1])
	}
	o.count++
	patch := fmt.Sprintf(`{"metadata":{"resourceVersion":%q,"annotations":{%q:"%d"}}}`, found.ResourceVersion, countAnnotation, o.count)
	_, err := o.client().Patch(ctx, o.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err == nil {
		o.alive.answered = append(o.alive.answered, o.count)
		o.trial.answered.Add(1)
		return
	}
	o.alive.tried[o.count] = true
	if found = o.find(ctx); found != nil && countOf(found) != o.count {
		o.count = max(o.count, countOf(found))
	}
}

// delete has the object go, and takes off what would hold it.
func (o *object) delete(ctx context.Context) {
	err := o.client().Delete(ctx, o.name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &o.alive.uid}})
	if err == nil {
		o.trial.answered.Add(1)
	}
	found := o.find(ctx)
	if found == nil {
		o.end()
		return
	}
	if found.DeletionTimestamp == nil {
		return // it was not done
	}
	// Whatever becomes of this, the object goes: it is tried until it has.
	for found != nil && !o.trial.t.Failed() {
		_, err := o.client().Patch(ctx, o.name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		if err == nil {
			o.trial.answered.Add(1)
		}
		found = o.find(ctx)
	}
	o.end()
}

func (o *object) end() { o.alive.deleted, o.alive = true, nil }

// find reads the object, as often as it takes for somebody to answer.
func (o *object) find(ctx context.Context) (found *v1alpha1.VMDistributedCluster) {
	err := wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		var err error
		found, err = o.client().Get(ctx, o.name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			found = nil
			return true, nil
		}
		return err == nil, nil
	})
	if err != nil {
		o.trial.t.Errorf("reading %s: nobody answers: %v", o.name, err)
	}
	return found
}

func (o *object) manifest() *v1alpha1.VMDistributedCluster {
	return &v1alpha1.VMDistributedCluster{
		ObjectMeta: metav1.ObjectMeta{Name: o.name, Annotations: map[string]string{countAnnotation: strconv.FormatInt(o.count, 10)}},
		Spec: v1alpha1.VMDistributedClusterSpec{
			Paused: true,
			Zones:  v1alpha1.Zones{VMClusters: []v1alpha1.Zone{{Name: o.name, Spec: &rawjson.Object{Raw: []byte(`{}`)}}}},
		},
	}
}

func countOf(object *v1alpha1.VMDistributedCluster) int64 {
	count, err := strconv.ParseInt(object.Annotations[countAnnotation], 10, 64)
	if err != nil {
		return -1
	}
	return count
}
