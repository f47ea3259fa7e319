// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

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
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/embeddedetcd"
)

const (
	// parties race in each sequence, with so many deeds each.
	parties, deeds = 4, 4
	// racedAt is when all is said, and so when all zones were restarted if ever they were.
	racedAt = "2026-05-01T12:00:00Z"
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
	storage, err := NewStorage(door.scheme, resource, etcdOptions{*config}, Beside{Aborts: aborts, History: everyRevision(t), Clock: clocktesting.NewFakePassiveClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(storage.store.Destroy)
	return storage.Resources(v1alpha1.GroupName)
}

// definitions are what a zone may be given in a race.
func definitions() []string {
	return []string{`{}`, `{"retentionPeriod":"1"}`, `{"retentionPeriod":"2"}`}
}

// everyRevision has all on record that an object in a race may come to.
func everyRevision(t *testing.T) onRecord {
	var records onRecord
	for _, a := range definitions() {
		for _, b := range definitions() {
			for _, c := range definitions() {
				records = append(records, ran(t, int64(1+len(records)), inline("a", a), inline("b", b), inline("c", c)))
			}
		}
	}
	return records
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
		said = slices.DeleteFunc(slices.Clone(said), func(w vmdistributed.Word) bool { return !w.Outlives() })
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
	// to is where an undo of the revision goes.
	to string
}

// race is one object with what was accepted of it.
type race struct {
	t        *testing.T
	name     string
	seed     uint64
	first    string // revision
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
		for _, zone := range said.Zones {
			did.zones[zone.Name] = zone.Revision
		}
	case *vmdistributed.VMDistributedClusterSkip:
		did.zones[said.Zone] = said.Revision
	case *vmdistributed.VMDistributedClusterRestart:
		did.revision = said.Revision
	case *vmdistributed.VMDistributedClusterUndo:
		did.revision, did.to = said.Revision, said.ToRevision
	}
	r.note(said.(body).GetResourceVersion(), did)
}

// edit gives a zone one of two definitions.
func (r *race) edit(random *rand.Rand) {
	zone, text := random.IntN(3), definitions()[1+random.IntN(2)]
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
	object.Status.Undo = nil
	if word, undone := object.Status.Undone(revision.OfZones(zones)); undone {
		object.Status.Undo = &vmdistributed.UndoRecord{Revision: word.Revision, ToRevision: word.To}
		zones = r.zonesOf(word.To)
	}
	all := revision.OfZones(zones)
	for zone := range zones {
		zones[zone] = revision.Restarted(zones[zone], object.Status.RestartedAt())
	}
	object.Status.UpdateRevision, object.Status.CurrentRevision = all, all
	object.Status.Rollout = &vmdistributed.RolloutRecord{Revision: all, Started: object.CreationTimestamp, Finished: ptr.To(object.CreationTimestamp)}
	if word, restarted := object.Status.Restarted(); restarted {
		object.Status.Rollout.RestartedAt = ptr.To(word.At)
	}
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

// zonesOf are the revisions of the zones of one.
func (r *race) zonesOf(all string) map[string]string {
	for _, record := range everyRevision(r.t) {
		if record.Revision == all {
			zones, err := revision.OfList(record.Zones.VMClusters)
			if err != nil {
				r.t.Error(err)
			}
			return zones
		}
	}
	r.t.Errorf("seed %d: there is no revision %s", r.seed, all)
	return nil
}

// act does one thing or another.
func (r *race) act(random *rand.Rand) {
	zone := string("abc"[random.IntN(3)])
	switch random.IntN(13) {
	case 0, 1:
		r.say(vmdistributed.SubresourceAbort, vmdistributed.WordAbort, &vmdistributed.VMDistributedClusterAbort{})
	case 2:
		r.say(vmdistributed.SubresourceRetry, vmdistributed.WordRetry, &vmdistributed.VMDistributedClusterRetry{})
	case 3:
		r.say(vmdistributed.SubresourcePromote, vmdistributed.WordPromote, &vmdistributed.VMDistributedClusterPromotion{})
	case 4:
		r.say(vmdistributed.SubresourcePromote, vmdistributed.WordPromote, &vmdistributed.VMDistributedClusterPromotion{Zones: []vmdistributed.ZoneRevision{{Name: zone}}})
	case 5:
		r.edit(random)
	case 6:
		r.say(vmdistributed.SubresourceSkip, vmdistributed.WordSkip, &vmdistributed.VMDistributedClusterSkip{Zone: zone, Reason: "its disks"})
	case 7:
		r.say(vmdistributed.SubresourceRetry, vmdistributed.WordRetry, &vmdistributed.VMDistributedClusterRetry{Zones: []vmdistributed.ZoneRevision{{Name: zone}}})
	case 12:
		r.say(vmdistributed.SubresourceRestart, vmdistributed.WordRestart, &vmdistributed.VMDistributedClusterRestart{})
	case 8:
		all := everyRevision(r.t)
		r.say(vmdistributed.SubresourceUndo, vmdistributed.WordUndo, &vmdistributed.VMDistributedClusterUndo{ToRevision: all[random.IntN(len(all))].Revision})
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

// tally is what was accepted and counts in the end.
type tally struct {
	race *race
	// off are the revisions that are called off, undone those that another one is rolled
	// out in the place of.
	off    map[string]bool
	undone map[string]string
	// promoted and skipped are zones, with the revision that each was so for.
	promoted, skipped map[string]string
	// again are zones at revisions of which a skip was taken back.
	again map[vmdistributed.ZoneRevision]bool
	// wanted are the zones that spec asks for, but for a restart, and restarted is when that
	// was.
	wanted    map[string]string
	restarted string
}

// add counts one thing more that was accepted.
func (c *tally) add(did deed) {
	switch did.verb {
	case vmdistributed.WordAbort:
		c.off[did.revision] = true
	case vmdistributed.WordRetry:
		for zone, at := range did.zones {
			delete(c.skipped, zone)
			c.again[vmdistributed.ZoneRevision{Name: zone, Revision: at}] = true
		}
		if len(did.zones) == 0 {
			delete(c.off, did.revision)
		}
	case vmdistributed.WordPromote:
		maps.Copy(c.promoted, did.zones)
	case vmdistributed.WordSkip:
		for zone, at := range did.zones {
			c.skipped[zone] = at
			delete(c.again, vmdistributed.ZoneRevision{Name: zone, Revision: at})
		}
	case vmdistributed.WordRestart:
		if c.restarted = racedAt; c.off[did.revision] {
			c.race.t.Errorf("seed %d: %s was restarted, and is called off", c.race.seed, did.revision)
		}
	case vmdistributed.WordUndo:
		c.undo(did)
	default:
		c.wanted = did.zones
	}
	rolledOut := c.wanted
	if to := c.undone[revision.OfZones(c.wanted)]; to != "" {
		rolledOut = c.race.zonesOf(to)
	}
	for zone, at := range rolledOut {
		at = revision.Restarted(at, c.restarted)
		for _, said := range []map[string]string{c.promoted, c.skipped} {
			if said[zone] != at {
				delete(said, zone) // it is to become something else
			}
		}
	}
}

func (c *tally) undo(did deed) {
	switch {
	case did.to == did.revision:
		delete(c.undone, did.revision)
	case c.undone[did.revision] != did.to:
		c.undone[did.revision] = did.to
		delete(c.off, did.to) // who names one that was called off has thought better of it
	}
}

// check holds the words in the end against what was accepted, in the order in which it
// was stored.
func (r *race) check(object *vmdistributed.VMDistributedCluster) {
	c := &tally{r, map[string]bool{}, map[string]string{}, map[string]string{}, map[string]string{}, map[vmdistributed.ZoneRevision]bool{}, r.zonesOf(r.first), ""}
	for _, did := range r.accepted {
		c.add(did)
	}
	lost := func(verb vmdistributed.WordVerb, zone, at string) {
		if _, said := object.Status.Said(verb, zone, at); !said {
			r.t.Errorf("seed %d: %s of %s%s is lost: %v", r.seed, verb, zone, at, object.Status.Words)
		}
	}
	for at := range c.off {
		lost(vmdistributed.WordAbort, "", at)
	}
	for zone, at := range c.promoted {
		lost(vmdistributed.WordPromote, zone, at)
	}
	for zone, at := range c.skipped {
		lost(vmdistributed.WordSkip, zone, at)
	}
	if at := object.Status.RestartedAt(); at != c.restarted {
		r.t.Errorf("seed %d: the zones were restarted at %q, and that is kept as %q", r.seed, c.restarted, at)
	}
	for at, to := range c.undone {
		if word, _ := object.Status.Undone(at); word.To != to {
			r.t.Errorf("seed %d: the undo of %s to %s is lost: %v", r.seed, at, to, object.Status.Words)
		}
	}
	for _, word := range object.Status.Words {
		switch {
		case word.Verb == vmdistributed.WordAbort && !c.off[word.Revision]:
			r.t.Errorf("seed %d: %s is called off, and the last word was to try it again", r.seed, word.Revision)
		case word.Verb == vmdistributed.WordUndo && c.undone[word.Revision] != word.To:
			r.t.Errorf("seed %d: %s is undone to %s, and the last word was another", r.seed, word.Revision, word.To)
		case word.Verb == vmdistributed.WordSkip && c.again[vmdistributed.ZoneRevision{Name: word.Zone, Revision: word.Revision}]:
			r.t.Errorf("seed %d: %s is skipped, and the last word was to try it again", r.seed, word.Zone)
		}
	}
}

// checkKept wants the host cluster to remember what the object does.
func (r *race) checkKept(object *vmdistributed.VMDistributedCluster, aborts *notebook) {
	said := slices.DeleteFunc(slices.Clone(object.Status.Words), func(w vmdistributed.Word) bool { return !w.Outlives() })
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
	var counting sync.Mutex
	accepted := map[vmdistributed.WordVerb]int{}
	for range together {
		group.Go(func() {
			for seed := range seeds {
				r := &race{t: t, name: fmt.Sprintf("race-%d", seed), seed: seed, first: everyRevision(t)[0].Revision, storages: storages}
				if object := r.run(); object != nil {
					r.check(object)
					r.checkKept(object, aborts)
				}
				counting.Lock()
				for _, did := range r.accepted {
					accepted[did.verb]++
				}
				counting.Unlock()
			}
		})
	}
	from, many := sequences()
	for i := range many {
		seeds <- from + i
	}
	close(seeds)
	group.Wait()
	for _, verb := range []vmdistributed.WordVerb{vmdistributed.WordPromote, vmdistributed.WordAbort, vmdistributed.WordRetry, vmdistributed.WordUndo, vmdistributed.WordSkip, vmdistributed.WordRestart} {
		if accepted[verb] < int(many/10) {
			t.Errorf("%s was accepted %d times in %d sequences only: this tests little", verb, accepted[verb], many)
		}
	}
	t.Logf("accepted were %v", accepted)
}
