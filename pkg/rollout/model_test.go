// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Contents of clusters. What a word begins with says how the world takes it.
const (
	good    = "r"       // comes to health
	bad     = "bad"     // the operator fails on it
	shrink  = "shrink"  // takes storage away
	refused = "invalid" // the API server does not take it
	drift   = "x"       // written by somebody else
)

func is(content, kind string) bool { return strings.TrimRight(content, "0123456789") == kind }

// modelCluster is a VMCluster with its workloads.
type modelCluster struct {
	content    string
	generation int64
	observed   int64  // by the operator
	status     string // of the observed generation
	workloads  int64  // the generation that they run
	owner      Ownership
	applied    string // the revision in our annotation
	deleting   bool
	paused     bool
	stuck      bool // the operator does nothing on it
	uid        int

	// What nobody in the model knows:
	landed string // our content that has been in place since the last edit
	byUs   bool   // we have changed it, it has not been healthy since, and nobody else is to blame
}

func (c *modelCluster) healthy() bool {
	return !c.deleting && !c.paused && c.observed == c.generation && c.status == StatusOperational && c.workloads == c.generation
}

func (c *modelCluster) failed() bool { return c.observed == c.generation && c.status == StatusFailed }

// write is any change of spec.
func (c *modelCluster) write(content string) {
	if c.content != content {
		c.content = content
		c.generation++
	}
}

// operate lets the operator, or the workloads, take one step. It may report
// operational long before the workloads have followed.
func (c *modelCluster) operate(random *rand.Rand) (changed bool) {
	switch {
	case c.paused || c.stuck:
		return false
	case c.observed < c.generation:
		c.observed = c.generation
		c.status = oneOf(random, StatusExpanding, StatusOperational)
		if is(c.content, bad) {
			c.status = StatusFailed
		}
	case c.status == StatusExpanding:
		c.status = StatusOperational
	case c.status == StatusOperational && c.workloads != c.generation:
		c.workloads = c.generation
	default:
		return false
	}
	if c.healthy() {
		c.byUs = false
	}
	return true
}

// modelZone is one entry of the list.
type modelZone struct {
	name   string
	inline bool
	want   string
}

// modelObject is a VMDistributedCluster. It is never changed, only replaced.
type modelObject struct {
	version int
	paused  bool
	// observing is true under a policy that only observes.
	observing bool
	strategy  Strategy
	zones     []modelZone
	deletion  *Deletion
	records   map[string]Record
	permit    bool // storage may be taken away
	aborted   bool
	undone    *modelUndo
	word      map[string]string // the user's, by zone: for this revision
	goAhead   map[string]string // likewise, to begin with it
	skipped   map[string]string // likewise, to leave it out
	begun     time.Time         // when the wants changed last
}

// modelUndo has the zones want something else than spec asks for.
type modelUndo struct {
	spec map[string]string // by zone
	lost bool              // nobody knows any more to what it was to lead
}

// stopped is true where no zone may be begun, by the user's word.
func (o *modelObject) stopped() bool { return o.aborted || o.undone != nil && o.undone.lost }

// redo has the zones want what spec asks for again.
func (o *modelObject) redo() {
	if o.undone == nil {
		return
	}
	for i := range o.zones {
		if want, known := o.undone.spec[o.zones[i].name]; known {
			o.zones[i].want = want
		}
	}
	o.undone = nil
}

// observed is what the controller knows of it.
func (u *modelUndo) observed() *Undo {
	switch {
	case u == nil:
		return nil
	case u.lost:
		return &Undo{Revision: "spec", To: "before", By: "somebody", Lost: "there is no record of it"}
	}
	return &Undo{Revision: "spec", To: "before", By: "somebody"}
}

// said is true where the user has given their word for a zone at a revision.
func (o *modelObject) said(zone, revision string) bool {
	word, said := o.word[zone]
	return said && word == revision
}

// skips is true where the user has had a zone be left out.
func (o *modelObject) skips(zone *modelZone) bool { return o.skipped[zone.name] == zone.want }

func (o *modelObject) zone(name string) *modelZone {
	for i := range o.zones {
		if o.zones[i].name == name {
			return &o.zones[i]
		}
	}
	return nil
}

// world is everything there is.
type world struct {
	readPath
	writePath

	random   *rand.Rand
	now      time.Time
	object   *modelObject
	gone     bool // the object
	clusters map[string]modelCluster
	referred map[string]bool // by a VMUser
	scrape   bool            // the VMAgent has to be written
	halted   bool            // all objects are

	olderObjects  []*modelObject
	olderClusters []map[string]modelCluster

	dirty bool      // something happened since the last pass began
	wake  time.Time // when the controller wants to look again
	// polling is true while it wants to look every second.
	polling bool
	// crash, if set, makes for each pass what tells where it ends before its time.
	crash func() func() bool
	next  int // number of the next content

	finished   map[string]time.Time // when the controller saw an update end
	overwrites map[string]int       // of somebody else's changes, since the last edit
	uncounted  map[string]int       // crashes between a write and the note of it
	passes     int
	actions    map[ActionType]int

	end       string // how it ended
	complaint string
	tracing   bool
	trace     []string
}

func newWorld(random *rand.Rand) *world {
	w := &world{
		random: random, now: noon, clusters: map[string]modelCluster{}, referred: map[string]bool{},
		readPath: newReadPath(), writePath: writePath{gates: map[string]Gate{}, flowed: noon},
		finished: map[string]time.Time{}, overwrites: map[string]int{}, uncounted: map[string]int{}, actions: map[ActionType]int{},
	}
	object := &modelObject{records: map[string]Record{}, word: map[string]string{}, goAhead: map[string]string{}, skipped: map[string]string{}, begun: noon, strategy: w.anyStrategy()}
	for _, name := range []string{"a", "b", "c", "d"}[:2+random.IntN(3)] {
		object.zones = append(object.zones, w.newZone(name))
	}
	w.object = object
	w.dirty = true
	w.anyPaths()
	return w
}

// anyPaths gives the world readers and writers; some have neither.
func (w *world) anyPaths() {
	w.reads = oneOf(w.random, 0, 5*time.Second, 40*time.Second)
	for _, name := range []string{"u", "v", "w"}[:w.random.IntN(4)] {
		zones := []string{"a", "b", "c", "d"}[:len(w.object.zones)]
		if w.random.IntN(3) == 0 {
			zones = zones[:1+w.random.IntN(len(zones))]
		}
		w.addUser(name, zones...)
	}
	for i := range w.random.IntN(3) {
		w.agents = append(w.agents, &modelAgent{started: noon.Unix() - int64(i), queues: map[string]*modelQueue{}})
	}
	w.traffic, w.small = w.random.IntN(4) > 0, w.random.IntN(8) == 0
	if zone := oneOf(w.random, "a", "b", "c", "d"); w.random.IntN(10) == 0 {
		w.gates[zone] = oneOf(w.random, NoGate, Unclear)
	}
}

func (w *world) anyStrategy() Strategy {
	return Strategy{
		MaxUnavailable:    oneOf(w.random, 1, 1, 1, 2),
		MaxFailures:       oneOf(w.random, 0, 0, 1),
		DrainTimeout:      2 * time.Minute,
		GracePeriod:       oneOf(w.random, 10*time.Second, 30*time.Second),
		FlushTimeout:      5 * time.Minute,
		StableFor:         oneOf(w.random, 0, 10*time.Second),
		MinAvailableZones: oneOf(w.random, 0, 1, 1, 1, 2),
		ReadyTimeout:      oneOf(w.random, 30*time.Second, 2*time.Minute, 5*time.Minute),
		UpdatePause:       oneOf(w.random, 0, 10*time.Second, time.Minute),
		Approval:          oneOf(w.random, "", "", "", AfterFirstZone, EveryZone),
	}
}

// newZone adds an entry, and the cluster that a reference leads to.
func (w *world) newZone(name string) modelZone {
	zone := modelZone{name: name, inline: w.random.IntN(3) > 0, want: w.newContent(good)}
	if _, exists := w.clusters[name]; !exists && !zone.inline && w.random.IntN(4) > 0 {
		w.provide(name)
	}
	return zone
}

// provide makes a cluster as its owner would.
func (w *world) provide(name string) {
	w.next++
	w.clusters[name] = modelCluster{uid: w.next, content: w.newContent(good), generation: 1, observed: 1, workloads: 1, status: StatusOperational, owner: Unmarked}
	w.dirty = true
}

func (w *world) newContent(kind string) string {
	w.next++
	return fmt.Sprintf("%s%d", kind, w.next)
}

func (w *world) say(format string, args ...any) {
	if w.tracing {
		w.trace = append(w.trace, fmt.Sprintf("%s %s", w.now.Format(time.TimeOnly), fmt.Sprintf(format, args...)))
	}
}

func (w *world) fail(format string, args ...any) {
	if w.complaint == "" {
		w.complaint = fmt.Sprintf(format, args...)
		w.say("FAILED: %s", w.complaint)
	}
}

// replace stores a new version of the object.
func (w *world) replace(change func(*modelObject)) {
	w.olderObjects = append(w.olderObjects, w.object)
	object := *w.object
	object.zones, object.records, object.word = slices.Clone(object.zones), maps.Clone(object.records), maps.Clone(object.word)
	object.goAhead, object.skipped = maps.Clone(object.goAhead), maps.Clone(object.skipped)
	change(&object)
	object.version++
	w.object, w.dirty = &object, true
}

// change replaces a cluster.
func (w *world) change(name string, change func(*modelCluster)) {
	cluster := w.clusters[name]
	change(&cluster)
	w.clusters[name], w.dirty = cluster, true
}

// remember keeps what a cache that is behind may still show.
func (w *world) remember() {
	w.olderClusters = append(w.olderClusters, maps.Clone(w.clusters))
	if n := len(w.olderClusters); n > 4 {
		w.olderClusters = w.olderClusters[n-4:]
	}
	w.older = append(w.older, maps.Clone(w.users))
	if n := len(w.older); n > 4 {
		w.older = w.older[n-4:]
	}
	if n := len(w.olderObjects); n > 3 {
		w.olderObjects = w.olderObjects[n-3:]
	}
}

// names of the clusters, sorted: maps have no order, and a seed has to.
func (w *world) names() []string { return slices.Sorted(maps.Keys(w.clusters)) }

// sight is what a pass looks at: caches, or the world itself.
type sight struct {
	object   *modelObject
	clusters map[string]modelCluster
	users    map[string]modelUser
	live     bool
}

func (w *world) live() sight { return sight{w.object, w.clusters, w.users, true} }

// observe is what the controller makes of the world, with the evidence asked for.
// Only live reads try a write out.
func (w *world) observe(v sight, needs map[string]Need) Observed {
	object := v.object
	o := Observed{
		Now: w.now, Begun: object.begun, Paused: object.paused, Observing: object.observing, Deletion: object.deletion,
		Strategy: object.strategy, Aborted: calledOff(object.aborted), Undone: object.undone.observed(), ScrapePending: w.scrape,
	}
	if w.halted {
		o.Halt = &Halt{Switch: "the switch", Reason: "an incident"}
	}
	for i := range object.zones {
		zone := w.observeZone(object, &object.zones[i], v.clusters, v.live)
		zone.Reads, zone.Queues = observeReads(v.users, object, zone.Name), w.observeQueues(zone.Name)
		zone.Approved = object.said(zone.Name, zone.Revision)
		zone.GoAhead = object.goAhead[zone.Name] == zone.Revision
		if object.skips(&object.zones[i]) {
			zone.Skipped = &Skip{By: "somebody", Reason: "its disks"}
		}
		if needs[zone.Name]&NeedLoaded != 0 {
			zone.Reads.Loaded = w.loadedEvidence(&zone)
		}
		if needs[zone.Name]&NeedIdle != 0 {
			zone.Reads.Idle = &Evidence{Met: w.idle(zone.Name), Text: "reads to end"}
		}
		if needs[zone.Name]&NeedQueues != 0 {
			zone.Queues.Reading = w.reading(zone.Name)
		}
		o.Zones = append(o.Zones, zone)
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		if object.zone(name) == nil {
			w.observeStray(v, name, needs[name], &o)
		}
	}
	return o
}

// calledOff is the word of somebody.
func calledOff(said bool) *Abort {
	if !said {
		return nil
	}
	return &Abort{By: "somebody", Reason: "errors"}
}

func (w *world) observeStray(v sight, name string, needs Need, o *Observed) {
	seen, exists := v.clusters[name]
	record := v.object.records[name]
	stray := Stray{Marked: exists && seen.owner == Ours, Zone: Zone{
		Name: name, Revision: cmp.Or(record.target(), UnknownRevision), Record: record, Reads: observeReads(v.users, v.object, name), Queues: w.observeQueues(name),
	}}
	if exists {
		stray.Cluster = seen.seen()
	}
	stray.Approved = v.object.said(name, stray.Revision)
	if needs&NeedQueues != 0 {
		stray.Queues.Reading = w.reading(name)
	}
	if stray.Marked || stray.Drained() {
		o.Strays = append(o.Strays, stray)
	}
}

func (c *modelCluster) seen() *Cluster {
	seen := &Cluster{UID: fmt.Sprint(c.uid), Ownership: c.owner, Deleting: c.deleting, Generation: c.generation, Failed: c.failed()}
	if !c.healthy() {
		seen.Unhealthy = "operator and workloads to follow"
	}
	return seen
}

func (w *world) observeZone(object *modelObject, entry *modelZone, clusters map[string]modelCluster, live bool) Zone {
	zone := Zone{Name: entry.name, Inline: entry.inline, Revision: entry.want, Record: object.records[entry.name]}
	seen, exists := clusters[entry.name]
	if !exists {
		if entry.inline && live && is(entry.want, refused) {
			zone.Problem = "a definition that the API server accepts"
		}
		return zone
	}
	zone.Cluster = seen.seen()
	if object.deletion != nil {
		if w.referred[entry.name] {
			zone.Cluster.ReferredBy = []string{"VMUser"}
		}
		return zone
	}
	if zone.notOurs() {
		return zone
	}
	switch {
	case seen.content != entry.want:
		zone.Cluster.Difference = Spec
	case seen.applied != entry.want || seen.owner != Ours:
		zone.Cluster.Difference = Metadata
	}
	if zone.Cluster.Difference == Spec && live {
		w.try(object, entry, &zone)
	}
	return zone
}

// try is what the API server says to a write.
func (w *world) try(object *modelObject, entry *modelZone, zone *Zone) {
	if is(entry.want, refused) {
		zone.Problem = "a definition that the API server accepts"
	}
	if is(entry.want, shrink) && !object.permit {
		zone.Cluster.Shrinks = []string{"vmstorage.replicaCount"}
	}
}
