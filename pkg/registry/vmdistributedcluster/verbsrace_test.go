// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/authentication/user"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/embeddedetcd"
)

const (
	// parties race in each sequence, with so many deeds each.
	parties, deeds = 4, 4
	// together are how many sequences run at a time.
	together = 16
)

// sequences are how many random ones are raced: fewer where there is no time for all,
// which begin at another one each time.
func sequences() (from, many uint64) {
	if os.Getenv("VMDC_TEST_LONG") != "" {
		return 0, 1000
	}
	return rand.Uint64N(750), 250
}

// etcdOptions keep objects in an etcd of the test's own.
type etcdOptions struct{ config storagebackend.Config }

func (o etcdOptions) GetRESTOptions(resource schema.GroupResource, _ runtime.Object) (generic.RESTOptions, error) {
	return generic.RESTOptions{StorageConfig: o.config.ForResource(resource), Decorator: generic.UndecoratedStorage, ResourcePrefix: resource.Resource}, nil
}

// newRaceway serves the kind out of an etcd.
func newRaceway(t *testing.T, aborts AbortMemory) map[string]rest.Storage {
	t.Helper()
	member, err := embeddedetcd.Start(t.Context(), embeddedetcd.Config{DataDir: t.TempDir(), UnsafeNoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := member.Close(); err != nil {
			t.Error(err)
		}
	})
	door := newDoor()
	config := storagebackend.NewDefaultConfig("/race", door.codec)
	config.Transport.ServerList = []string{member.Endpoint()}
	resource := schema.GroupResource{Group: v1alpha1.GroupName, Resource: vmdistributed.Resource}
	storage, err := NewStorage(door.scheme, resource, etcdOptions{*config}, Beside{Aborts: aborts, Clock: clock.RealClock{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(storage.store.Destroy)
	return storage.Resources(v1alpha1.GroupName)
}

// notebook remembers aborts in memory, as a ConfigMap with a version does.
type notebook struct {
	mutex   sync.Mutex
	version int
	kept    map[types.NamespacedName][]vmdistributed.Word
}

func (n *notebook) Recall(_ context.Context, object types.NamespacedName) ([]vmdistributed.Word, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return n.kept[object], nil
}

func (n *notebook) Keep(ctx context.Context, object types.NamespacedName, words func(context.Context) ([]vmdistributed.Word, error)) error {
	for {
		n.mutex.Lock()
		version := n.version
		n.mutex.Unlock()
		said, err := words(ctx)
		if err != nil {
			return err
		}
		said = slices.DeleteFunc(slices.Clone(said), func(w vmdistributed.Word) bool { return w.Verb != vmdistributed.WordAbort })
		n.mutex.Lock()
		if n.version == version {
			n.version++
			n.kept[object] = said
			n.mutex.Unlock()
			return nil
		}
		n.mutex.Unlock()
	}
}

// deed is something that was accepted, at a version of the object.
type deed struct {
	version uint64
	verb    vmdistributed.WordVerb // "" for an edit
	// revision is that of all zones, zones those of each: what a word was for, or what an
	// edit has made.
	revision string
	zones    map[string]string
}

// race is one object with what was accepted of it.
type race struct {
	t        *testing.T
	name     string
	seed     uint64
	storages map[string]rest.Storage

	mutex    sync.Mutex
	accepted []deed
}

func (r *race) context() context.Context {
	ctx := genericapirequest.WithUser(context.Background(), &user.DefaultInfo{Name: "somebody"})
	ctx = genericapirequest.WithNamespace(ctx, doorNamespace)
	return genericapirequest.WithRequestInfo(ctx, &genericapirequest.RequestInfo{
		IsResourceRequest: true, Namespace: doorNamespace, Name: r.name, Resource: vmdistributed.Resource,
		APIGroup: v1alpha1.SchemeGroupVersion.Group, APIVersion: v1alpha1.SchemeGroupVersion.Version,
	})
}

func (r *race) main() *REST { return r.storages[vmdistributed.Resource].(*REST) }

func (r *race) note(version string, did deed) {
	parsed, err := strconv.ParseUint(version, 10, 64)
	if err != nil {
		r.t.Error(err)
	}
	did.version = parsed
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.accepted = append(r.accepted, did)
}

// say says a verb. A conflict is an answer like others: nothing was accepted.
func (r *race) say(subresource string, verb vmdistributed.WordVerb, asked body) {
	said, err := r.storages[vmdistributed.Resource+"/"+subresource].(rest.NamedCreater).Create(r.context(), r.name, asked, nil, &metav1.CreateOptions{})
	if apierrors.IsConflict(err) && !strings.Contains(err.Error(), "please apply your changes to the latest version") {
		return
	}
	if err != nil {
		r.t.Errorf("seed %d: %s: %v", r.seed, subresource, err)
		return
	}
	did := deed{verb: verb, zones: map[string]string{}}
	switch said := said.(type) {
	case *vmdistributed.VMDistributedClusterPromotion:
		for _, zone := range said.Zones {
			did.zones[zone.Name] = zone.Revision
		}
	case *vmdistributed.VMDistributedClusterAbort:
		did.revision = said.Revision
	case *vmdistributed.VMDistributedClusterRetry:
		did.revision = said.Revision
	}
	r.note(said.(body).GetResourceVersion(), did)
}

// edit gives a zone one of two definitions.
func (r *race) edit(random *rand.Rand) {
	zone, text := random.IntN(3), fmt.Sprintf(`{"retentionPeriod":"%d"}`, 1+random.IntN(2))
	change := func(_ context.Context, _, old runtime.Object) (runtime.Object, error) {
		object := old.DeepCopyObject().(*vmdistributed.VMDistributedCluster)
		object.Spec.Zones.VMClusters[zone].Spec.Raw = []byte(text)
		return object, nil
	}
	stored, _, err := r.main().Update(r.context(), r.name, rest.DefaultUpdatedObjectInfo(nil, change), rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{})
	if err != nil {
		r.t.Errorf("seed %d: edit: %v", r.seed, err)
		return
	}
	object := stored.(*vmdistributed.VMDistributedCluster)
	zones, err := revision.Of(object)
	if err != nil {
		r.t.Error(err)
	}
	r.note(object.ResourceVersion, deed{revision: revision.OfZones(zones), zones: zones})
}

// look is a pass of the controller: it forgets words that have had their time, and writes
// only over what it has seen.
func (r *race) look() {
	found, err := r.main().Get(r.context(), r.name, &metav1.GetOptions{})
	if err != nil {
		r.t.Error(err)
		return
	}
	object := found.DeepCopyObject().(*vmdistributed.VMDistributedCluster)
	zones, err := revision.Of(object)
	if err != nil {
		r.t.Error(err)
	}
	all := revision.OfZones(zones)
	object.Status.ObservedGeneration = object.Generation
	object.Status.Words = slices.DeleteFunc(object.Status.Words, func(w vmdistributed.Word) bool { return !w.Counts(all, zones) })
	object.Status.Zones = nil
	for _, name := range []string{"a", "b", "c"} {
		object.Status.Zones = append(object.Status.Zones, vmdistributed.ZoneStatus{Name: name, Phase: vmdistributed.ZonePending, Reason: rollout.ReasonQueuesUnclear})
	}
	status := r.storages[vmdistributed.Resource+"/status"].(*StatusREST)
	ctx := ofSubresource(r.context(), "status")
	_, _, err = status.Update(ctx, r.name, rest.DefaultUpdatedObjectInfo(object), rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{})
	if err != nil && !apierrors.IsConflict(err) {
		r.t.Errorf("seed %d: status: %v", r.seed, err)
	}
}

// act does one thing or another.
func (r *race) act(random *rand.Rand) {
	switch random.IntN(8) {
	case 0, 1:
		r.say(vmdistributed.SubresourceAbort, vmdistributed.WordAbort, &vmdistributed.VMDistributedClusterAbort{})
	case 2:
		r.say(vmdistributed.SubresourceRetry, vmdistributed.WordRetry, &vmdistributed.VMDistributedClusterRetry{})
	case 3:
		r.say(vmdistributed.SubresourcePromote, vmdistributed.WordPromote, &vmdistributed.VMDistributedClusterPromotion{})
	case 4:
		zone := string("abc"[random.IntN(3)])
		r.say(vmdistributed.SubresourcePromote, vmdistributed.WordPromote, &vmdistributed.VMDistributedClusterPromotion{Zones: []vmdistributed.ZoneRevision{{Name: zone}}})
	case 5:
		r.edit(random)
	default:
		r.look()
	}
}

// run makes the object, and has some act on it at the same time.
func (r *race) run() *vmdistributed.VMDistributedCluster {
	object, err := newDoor().decode(runtime.ContentTypeJSON, []byte(bodyOf+`{"name":"`+r.name+`"},"spec":{"zones":{"vmclusters":[{"name":"a","spec":{}},{"name":"b","spec":{}},{"name":"c","spec":{}}]}}}`))
	if err != nil {
		r.t.Error(err)
		return nil
	}
	object.Namespace = doorNamespace
	if _, err := r.main().Store.Create(r.context(), object, rest.ValidateAllObjectFunc, &metav1.CreateOptions{}); err != nil {
		r.t.Error(err)
		return nil
	}
	r.look()
	var group sync.WaitGroup
	for party := range parties {
		random := rand.New(rand.NewPCG(r.seed, uint64(party)))
		group.Go(func() {
			for range deeds {
				r.act(random)
			}
		})
	}
	group.Wait()
	r.look()
	found, err := r.main().Get(r.context(), r.name, &metav1.GetOptions{})
	if err != nil {
		r.t.Error(err)
		return nil
	}
	slices.SortFunc(r.accepted, func(a, b deed) int { return cmp.Compare(a.version, b.version) })
	return found.(*vmdistributed.VMDistributedCluster)
}

// check holds the words in the end against what was accepted, in the order in which it
// was stored.
func (r *race) check(object *vmdistributed.VMDistributedCluster) {
	off, promoted, zones := map[string]bool{}, map[string]string{}, map[string]string{}
	for _, did := range r.accepted {
		switch did.verb {
		case vmdistributed.WordAbort:
			off[did.revision] = true
		case vmdistributed.WordRetry:
			delete(off, did.revision)
		case vmdistributed.WordPromote:
			for zone, at := range did.zones {
				promoted[zone] = at
			}
		default:
			zones = did.zones
		}
		for zone, at := range zones {
			if promoted[zone] != at {
				delete(promoted, zone) // it is to become something else
			}
		}
	}
	for revision := range off {
		if _, said := object.Status.Said(vmdistributed.WordAbort, "", revision); !said {
			r.t.Errorf("seed %d: the abort of %s is lost: %v", r.seed, revision, object.Status.Words)
		}
	}
	for zone, at := range promoted {
		if _, said := object.Status.Said(vmdistributed.WordPromote, zone, at); !said {
			r.t.Errorf("seed %d: the promotion of %s to %s is lost: %v", r.seed, zone, at, object.Status.Words)
		}
	}
	for _, word := range object.Status.Words {
		if word.Verb == vmdistributed.WordAbort && !off[word.Revision] {
			r.t.Errorf("seed %d: %s is called off, and the last word was to try it again", r.seed, word.Revision)
		}
	}
}

// checkKept wants the host cluster to remember what the object does.
func (r *race) checkKept(object *vmdistributed.VMDistributedCluster, aborts *notebook) {
	said := slices.DeleteFunc(slices.Clone(object.Status.Words), func(w vmdistributed.Word) bool { return w.Verb != vmdistributed.WordAbort })
	if kept, _ := aborts.Recall(r.context(), keyOf(object)); !slices.Equal(kept, said) {
		r.t.Errorf("seed %d: the host cluster remembers %v, want %v", r.seed, kept, said)
	}
}

// TestNoAcceptedVerbIsLost in random sequences that race with each other, with edits and
// with the controller; and whoever has called a change off last, has.
func TestNoAcceptedVerbIsLost(t *testing.T) {
	aborts := &notebook{kept: map[types.NamespacedName][]vmdistributed.Word{}}
	storages := newRaceway(t, aborts)
	seeds := make(chan uint64)
	var group sync.WaitGroup
	for range together {
		group.Go(func() {
			for seed := range seeds {
				r := &race{t: t, name: fmt.Sprintf("race-%d", seed), seed: seed, storages: storages}
				if object := r.run(); object != nil {
					r.check(object)
					r.checkKept(object, aborts)
				}
			}
		})
	}
	from, many := sequences()
	for i := range many {
		seeds <- from + i
	}
	close(seeds)
	group.Wait()
}
