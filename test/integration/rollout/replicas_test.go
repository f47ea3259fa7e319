// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/leader"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// replica is one of several servers with the same objects.
type replica struct {
	*controlplane.Server
	name   string
	writes *recordedWrites
}

// replicas are two servers that share an etcd and a namespace of their own. The first
// leads.
type replicas struct {
	t         *testing.T
	namespace string
	all       []*replica
}

// soon are flags by which a Lease runs out soon, never those by which it does not in
// the time of a test.
var (
	soon  = []string{"--leader-elect-lease-duration=4s", "--leader-elect-renew-deadline=3s", "--leader-elect-retry-period=500ms"}
	never = []string{"--leader-elect-lease-duration=1h", "--leader-elect-renew-deadline=30m", "--leader-elect-retry-period=500ms"}
)

func startReplicas(t *testing.T, name string, flags []string) *replicas {
	t.Helper()
	namespace, err := shared.control.NewServerNamespace(t.Context(), name)
	must(t, err)
	s := &replicas{t: t, namespace: namespace}
	for _, number := range []string{"0", "1"} {
		one := &replica{name: name + "-" + number, writes: &recordedWrites{}}
		kubeconfig := proxiedBy(t, one.writes.around)
		one.Server, err = shared.control.StartServer(t.Context(), controlplane.ServerOptions{
			Name: one.name, Unregistered: true, Store: controlplane.StoreEtcd,
			Args: append([]string{"--etcd-prefix=/" + namespace, "--namespace=" + namespace, kubeconfig}, flags...),
			Env:  []string{"POD_NAME=" + one.name},
		})
		must(t, err)
		t.Cleanup(func() { must(t, one.Stop()) })
		s.all = append(s.all, one)
		s.untilLed(s.all[0])
	}
	return s
}

// room is one whose requests a replica answers.
func (s *replicas) room(by *replica) *room {
	s.t.Helper()
	config, err := by.ConfigFor("tester", "system:masters")
	must(s.t, err)
	return newRoomAt(s.t, config)
}

// move has another replica answer the requests of a room.
func (s *replicas) move(r *room, to *replica) {
	s.t.Helper()
	config, err := to.ConfigFor("tester", "system:masters")
	must(s.t, err)
	must(s.t, r.connect(config))
}

// lease is what the Lease says.
func (s *replicas) lease() coordinationv1.LeaseSpec {
	s.t.Helper()
	lease, err := shared.kubernetes.CoordinationV1().Leases(s.namespace).Get(s.t.Context(), leader.LeaseName, metav1.GetOptions{})
	must(s.t, err)
	return lease.Spec
}

// untilLed waits for a replica to hold the Lease.
func (s *replicas) untilLed(by *replica) coordinationv1.LeaseSpec {
	s.t.Helper()
	var spec coordinationv1.LeaseSpec
	poll(s.t, by.name+" to lead", func(ctx context.Context) string {
		lease, err := shared.kubernetes.CoordinationV1().Leases(s.namespace).Get(ctx, leader.LeaseName, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if spec = lease.Spec; !by.is(*spec.HolderIdentity) {
			return "the Lease is held by " + *spec.HolderIdentity
		}
		return ""
	})
	return spec
}

// is tells whether an identity is that of a run of the replica.
func (r *replica) is(identity string) bool { return strings.HasPrefix(identity, r.name+"_") }

// signal sends one to its process.
func (r *replica) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	must(t, syscall.Kill(r.PID(), signal))
}

// says counts lines in its log.
func (r *replica) says(t *testing.T, text string) int {
	t.Helper()
	log, err := os.ReadFile(r.Log)
	must(t, err)
	return strings.Count(string(log), text)
}

// recordedWrites are those that a server had accepted by the host cluster, but for the
// Lease, and for what it only tried out.
type recordedWrites struct {
	mutex    sync.Mutex
	accepted []string
}

func (w *recordedWrites) around(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(request)
		counts := request.Method != http.MethodGet && !request.URL.Query().Has("dryRun") && !askedOnly(request.URL.Path)
		if counts && err == nil && response.StatusCode < http.StatusBadRequest {
			w.mutex.Lock()
			defer w.mutex.Unlock()
			w.accepted = append(w.accepted, request.Method+" "+request.URL.Path)
		}
		return response, err
	})
}

// askedOnly is true of writes by which nothing is written, and of the Lease.
func askedOnly(url string) bool {
	return slices.Contains([]string{"subjectaccessreviews", "tokenreviews"}, path.Base(url)) || path.Base(path.Dir(url)) == "leases"
}

func (w *recordedWrites) all() []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.accepted)
}

// terms follows who writes the status of an object.
type terms struct {
	stop  func()
	group sync.WaitGroup

	mutex sync.Mutex
	seen  []leader.Term
}

// follow records the term of every version of an object, by a watch.
func (r *room) follow(name string) *terms {
	r.t.Helper()
	watch, err := r.own.Watch(context.WithoutCancel(r.t.Context()), metav1.SingleObject(metav1.ObjectMeta{Name: name}))
	must(r.t, err)
	followed := &terms{}
	followed.group.Go(func() {
		for event := range watch.ResultChan() {
			object, ok := event.Object.(*own)
			if !ok || object.Status.Controller == nil {
				continue
			}
			term := leader.Term{Holder: object.Status.Controller.HolderIdentity, Number: object.Status.Controller.LeaseTransitions}
			followed.mutex.Lock()
			if n := len(followed.seen); n == 0 || followed.seen[n-1] != term {
				followed.seen = append(followed.seen, term)
			}
			followed.mutex.Unlock()
		}
	})
	followed.stop = sync.OnceFunc(func() { watch.Stop(); followed.group.Wait() })
	r.t.Cleanup(followed.stop)
	return followed
}

// expectInOrder wants each term to come after that before it.
func (f *terms) expectInOrder(t *testing.T) {
	t.Helper()
	f.stop()
	for i := 1; i < len(f.seen); i++ {
		if f.seen[i].Number <= f.seen[i-1].Number {
			t.Errorf("a status was written in term %s after one in term %s", f.seen[i], f.seen[i-1])
		}
	}
	t.Logf("terms: %v", f.seen)
}

// asking asks a replica for all that is asked of the API, over and over.
type asking struct {
	stop func() (answers int, failures []error)
}

func (r *room) ask(name string) *asking {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	var answers int
	var failures []error
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil {
			_, err := r.own.Get(ctx, name, metav1.GetOptions{})
			if err == nil {
				_, err = r.own.GetZones(ctx, name, metav1.GetOptions{})
			}
			if err != nil && ctx.Err() == nil {
				failures = append(failures, err)
			}
			answers++
		}
	})
	r.t.Cleanup(cancel)
	return &asking{stop: func() (int, []error) {
		cancel()
		group.Wait()
		return answers, failures
	}}
}

// TestRolloutGoesOnWhenTheLeaderIsKilled, by the replica that has answered requests
// all the while.
func TestRolloutGoesOnWhenTheLeaderIsKilled(t *testing.T) {
	t.Parallel()
	s := startReplicas(t, "killed", soon)
	first, second := s.all[0], s.all[1]
	r := s.room(second)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.slowDown("zone-a", "zone-b", "zone-c")
	followed, asked := r.follow("demo"), r.ask("demo")
	r.apply(threeZones("v2"))
	r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator")
	must(t, first.Kill())
	before := s.lease()
	after := s.untilLed(second)
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
	answers, failures := asked.stop()
	if len(failures) > 0 {
		t.Errorf("of %d requests to the other replica %d failed, the first with %v", answers, len(failures), failures[0])
	}
	expect(t, "killed the leader", first.is(*before.HolderIdentity), true)
	expect(t, "leaseTransitions", *after.LeaseTransitions, *before.LeaseTransitions+1)
	expect(t, "status.controller", *r.get("demo").Status.Controller, record(after))
	followed.expectInOrder(t)
	t.Logf("%d requests were answered; the Lease was renewed last at %s, holds for %ds, and was taken over %s later",
		answers, before.RenewTime.Format("15:04:05.000"), *before.LeaseDurationSeconds, after.AcquireTime.Sub(before.RenewTime.Time))
}

// TestLeaderThatWakesAfterItsLeaseWritesNothing stops the process of the leader at
// random moments of one rollout after the other, lets it go on when another one has
// recorded itself, and holds its writes against that.
func TestLeaderThatWakesAfterItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	random, s := dice(t), startReplicas(t, "woken", soon)
	leading, other := s.all[0], s.all[1]
	r := s.room(other)
	r.apply(threeZones("v0"))
	r.untilReady("demo")
	r.slowDown("zone-a", "zone-b", "zone-c")
	followed := r.follow("demo")
	enough := 4
	if long {
		enough = 40
	}
	var wanted []string
	for round := range enough {
		s.move(r, other)
		r.apply(threeZones(fmt.Sprintf("v%d", round+1)))
		for _, zone := range []string{"zone-a", "zone-b", "zone-c"} {
			wanted = append(wanted, fmt.Sprintf("%s@%d", zone, round+2))
		}
		pause(random.Int64N(1500))
		leading.signal(t, syscall.SIGSTOP)
		s.untilLed(other)
		r.untilReady("demo")
		written, stopped := leading.writes.all(), leading.says(t, "Leading no more")
		versions := r.versions()
		leading.signal(t, syscall.SIGCONT)
		poll(t, leading.name+" to see that it does not lead", func(context.Context) string {
			if leading.says(t, "Leading no more") == stopped {
				return "it has not said so"
			}
			return ""
		})
		// Another change, for it to be tempted by.
		r.settle("demo")
		if woken := leading.writes.all()[len(written):]; len(woken) > 0 {
			t.Errorf("round %d: %s has written after it woke: %v", round, leading.name, woken)
		}
		r.expectVersions(versions)
		t.Logf("round %d: %s was refused %d writes so far, left %d passes to others, and had %d accepted",
			round, leading.name, leading.says(t, "Refused a write"), leading.says(t, "Left to whoever leads"), len(written))
		leading, other = other, leading
	}
	r.expectUpdates(wanted...)
	followed.expectInOrder(t)
}

// TestChangeOfLeaderWritesNothingOfItself: one that ends lets the next one lead at
// once, though its Lease would hold for an hour, and what is at rest stays as it is.
func TestChangeOfLeaderWritesNothingOfItself(t *testing.T) {
	t.Parallel()
	s := startReplicas(t, "rest", never)
	r := s.room(s.all[1])
	r.inlineAndReferenced()
	before, version, who := r.everything(), r.get("demo").ResourceVersion, *r.get("demo").Status.Controller
	for round, next := range []*replica{s.all[1], s.all[0], s.all[1]} {
		last := s.all[1-slices.Index(s.all, next)]
		s.move(r, next)
		must(t, last.Stop())
		spec := s.untilLed(next)
		must(t, last.Restart(t.Context()))
		// The next one works, and has come to what was there before.
		name := fmt.Sprintf("other-%d", round)
		r.apply(manifest(name, inline(name+"-a", small("v1")), inline(name+"-b", small("v1"))))
		r.untilReady(name)
		expect(t, "the record in a new object", *r.get(name).Status.Controller, record(spec))
		now := r.get("demo")
		expect(t, "version of an object at rest", now.ResourceVersion, version)
		expect(t, "the record in an object at rest", *now.Status.Controller, who)
		for _, zone := range []string{"zone-a", "zone-b", "zone-c"} {
			expect(t, "version of "+zone, r.versions()[zone], before[zone])
		}
		expect(t, "version of the VMAgent", r.object(agentResource, "agent").GetResourceVersion(), before["agent"])
	}
	// What there is to do is done in the term of who leads.
	r.apply(manifest("other-0", inline("other-0-a", small("v2")), inline("other-0-b", small("v1"))))
	r.untilReady("other-0")
	expect(t, "the record after a rollout", *r.get("other-0").Status.Controller, record(s.lease()))
}

// TestKilledServerWithAStoreOfItsOwnLeadsAgainAtOnce, though the Lease of the process
// that was killed would hold for an hour.
func TestKilledServerWithAStoreOfItsOwnLeadsAgainAtOnce(t *testing.T) {
	t.Parallel()
	server, namespace := ownServerIn(t, "alone", never...)
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	r := newRoomAt(t, config)
	r.apply(threeZones("v1"))
	first := *r.untilReady("demo").Status.Controller
	must(t, server.Kill())
	must(t, server.Restart(t.Context()))
	r.apply(threeZones("v2"))
	second := *r.untilReady("demo").Status.Controller
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
	if second.LeaseTransitions <= first.LeaseTransitions || second.HolderIdentity == first.HolderIdentity {
		t.Errorf("leads as %+v after %+v", second, first)
	}
	s := &replicas{t: t, namespace: namespace}
	expect(t, "the record", second, record(s.lease()))
}

// TestDeletedLeaseMakesNoTermComeBack deletes it while a rollout is under way.
func TestDeletedLeaseMakesNoTermComeBack(t *testing.T) {
	t.Parallel()
	s := startReplicas(t, "deleted", soon)
	r := s.room(s.all[1])
	r.apply(threeZones("v0"))
	r.untilReady("demo")
	r.slowDown("zone-a", "zone-b", "zone-c")
	// As if others had led before.
	r.patchStatus("demo", fields{"controller": fields{"holderIdentity": "long-ago", "leaseTransitions": int64(7)}})
	followed := r.follow("demo")
	var wanted []string
	for round := range 3 {
		r.apply(threeZones(fmt.Sprintf("v%d", round+1)))
		r.untilZone("demo", "zone-a", "Updating", "WaitingForOperator")
		must(t, shared.kubernetes.CoordinationV1().Leases(s.namespace).Delete(t.Context(), leader.LeaseName, metav1.DeleteOptions{}))
		r.untilReady("demo")
		for _, zone := range []string{"zone-a", "zone-b", "zone-c"} {
			wanted = append(wanted, fmt.Sprintf("%s@%d", zone, round+2))
		}
	}
	r.expectUpdates(wanted...)
	followed.expectInOrder(t)
}

// TestWhoFindsALaterTermWritesNothing has a controller believe to lead that does not.
func TestWhoFindsALaterTermWritesNothing(t *testing.T) {
	t.Parallel()
	mandate := &told{term: leader.Term{Holder: "stale", Number: 3}}
	c := ownControllerBy(t, "stale", mandate)
	r := newRoomAt(t, c.config)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	expect(t, "the record", *r.get("demo").Status.Controller, recordOf(mandate.term))
	for _, found := range []leader.Term{{Holder: "later", Number: 4}, {Holder: "as-late", Number: 5}} {
		r.patchStatus("demo", fields{"controller": fields{"holderIdentity": found.Holder, "leaseTransitions": int64(found.Number)}})
		before := r.versions()
		asked := mandate.outranked(found)
		changed := threeZones(found.Holder)
		r.apply(changed)
		version := r.get("demo").ResourceVersion
		poll(t, "the controller to ask for a later term", func(context.Context) string {
			if mandate.outranked(found) == asked {
				return "it has not"
			}
			return ""
		})
		expect(t, "version of the object", r.get("demo").ResourceVersion, version)
		r.expectVersions(before)
		mandate.raise(found.Number + 1)
		r.untilReady("demo")
		expect(t, "the record", *r.get("demo").Status.Controller, recordOf(leader.Term{Holder: "stale", Number: found.Number + 1}))
	}
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2", "zone-a@3", "zone-b@3", "zone-c@3")
}

// TestWhoActsHasRecordedItselfBefore, also where status says all else already that there
// is to say: the process that wrote it has not come to act.
func TestWhoActsHasRecordedItselfBefore(t *testing.T) {
	t.Parallel()
	mandate := &told{term: leader.Term{Holder: "first", Number: 3}}
	c := ownControllerBy(t, "recorded", mandate)
	r := newRoomAt(t, c.config)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	c.host.refuse(true)
	r.apply(threeZones("v2"))
	poll(t, "the controller to try to write", func(context.Context) string {
		if c.host.tried() == 0 {
			return "it has not"
		}
		return ""
	})
	expect(t, "the record", *r.get("demo").Status.Controller, recordOf(leader.Term{Holder: "first", Number: 3}))
	mandate.raise(4)
	poll(t, "the record to be of the new term", func(ctx context.Context) string {
		object, err := r.own.Get(ctx, "demo", metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if record := *object.Status.Controller; record != recordOf(leader.Term{Holder: "first", Number: 4}) {
			return fmt.Sprintf("%+v", record)
		}
		return ""
	})
	c.host.refuse(false)
	r.untilReady("demo")
	r.expectUpdates("zone-a@2", "zone-b@2", "zone-c@2")
}

// told is a mandate that believes what it is told.
type told struct {
	leader.Unopposed
	mutex sync.Mutex
	term  leader.Term
	found map[leader.Term]int
}

func (m *told) Term() (leader.Term, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.term, nil
}

func (m *told) Outrank(found leader.Term) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.found == nil {
		m.found = map[leader.Term]int{}
	}
	m.found[found]++
}

func (m *told) outranked(found leader.Term) int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.found[found]
}

func (m *told) raise(number int32) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.term.Number = number
}

func recordOf(term leader.Term) v1alpha1.ControllerRecord {
	return v1alpha1.ControllerRecord{HolderIdentity: term.Holder, LeaseTransitions: term.Number}
}

// record is what a status says that was written under a Lease.
func record(lease coordinationv1.LeaseSpec) v1alpha1.ControllerRecord {
	return v1alpha1.ControllerRecord{HolderIdentity: *lease.HolderIdentity, LeaseTransitions: *lease.LeaseTransitions}
}

// patchStatus merges a change into the status of an object.
func (r *room) patchStatus(name string, change fields) {
	r.t.Helper()
	body, err := json.Marshal(fields{"status": change})
	must(r.t, err)
	_, err = r.own.Patch(r.t.Context(), name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: "patcher"}, "status")
	must(r.t, err)
}

// pause lets some milliseconds pass, for a random moment.
func pause(milliseconds int64) { <-time.After(time.Duration(milliseconds) * time.Millisecond) }
