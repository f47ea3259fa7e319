// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// Store is where objects are kept.
type Store interface {
	// Kind is what sort of a store it is, String what people call it.
	Kind() string
	String() string
	// ID is the identity that it has now, "" for none. It is leaving where all that it holds
	// is being taken away. Name gives it an identity where it can.
	ID(ctx context.Context) (id string, leaving bool, err error)
	Name(ctx context.Context) (string, error)
	// Empty tells whether it holds no objects, Has whether it holds that one.
	Empty(ctx context.Context) (bool, error)
	Has(ctx context.Context, object types.NamespacedName) (bool, error)
	// Close ends what it has begun.
	Close() error
}

const (
	// lookEvery is how often a store that was refused is looked at again, and
	// lookAgainEvery one that was let in.
	lookEvery, lookAgainEvery = time.Second, 5 * time.Second
	// lookPatience is for one look.
	lookPatience = 10 * time.Second
	// handover is for how long another process may answer from the former store when one
	// was accepted in its place.
	handover = lookAgainEvery + lookPatience
)

// CheckName is that of the check of readiness.
const CheckName = "store-identity"

// Guard lets requests through to the store that the cluster knows.
type Guard struct {
	store  Store
	memory memory
	marks  func(context.Context) ([]Mark, error)
	clock  clock.WithTicker
	// changed is called when the store becomes another one while the process runs.
	changed func(error)
	// tell is told of each refusal and of its end, and of a store that is being taken away.
	tell    func(error)
	looks   looks
	refused *metrics.Gauge
	// leaving is true once tell has heard of it. Only Run looks.
	leaving bool

	mutex sync.Mutex
	// began is the identity that the store had first.
	began string
	// heard is when the process read first since when the store is the one that the cluster
	// knows, as said.
	heard time.Time
	said  string
	// refusal says why nothing is let through; nil where it is.
	refusal error
	// open ends with the time for which requests are let through, and is remade after
	// that. Reopened is closed when requests are.
	open     context.Context
	shut     context.CancelCauseFunc
	reopened chan struct{}
}

// Config is what a Guard works with.
type Config struct {
	// Store is what is guarded.
	Store Store
	// ConfigMaps and Namespace are where the cluster remembers it.
	ConfigMaps corev1client.ConfigMapsGetter
	Namespace  string
	// Marks are what VMDistributedClusters have left in the cluster.
	Marks func(context.Context) ([]Mark, error)
	// Changed is called when the store becomes another one while the process runs. What the
	// process remembers of the former one can't be told apart from what is in this one, so
	// that it has to begin anew.
	Changed func(error)
	// Tell is called with why nothing is let through whenever that changes, with nil when
	// requests are, and once with Leaving. It must not wait. Nil where nobody wants to know.
	Tell func(error)
	// Clock says when to look again.
	Clock clock.WithTicker
}

// New returns a Guard that lets nothing through before Run has looked.
func New(config Config) *Guard {
	if config.Tell == nil {
		config.Tell = func(error) {}
	}
	g := &Guard{
		store: config.Store, memory: memory{config.ConfigMaps, config.Namespace}, marks: config.Marks, clock: config.Clock, changed: config.Changed,
		tell:    config.Tell,
		refused: newRefusedGauge(),
		refusal: errors.New("it is not known yet whether the store is the one that the cluster knows"), reopened: make(chan struct{}),
	}
	g.looks.look = g.lookOnce
	return g
}

// Close lets go of the store, when nothing asks for it any more.
func (g *Guard) Close() error {
	g.looks.wait()
	return g.store.Close()
}

// Run looks at the store until ctx ends. What was let through then stays so: a server
// that ends answers what it was asked.
func (g *Guard) Run(ctx context.Context) error {
	g.refused.Set(1) // until the first look
	for {
		pause := lookEvery
		if g.look(ctx); g.Admitted() == nil {
			pause = lookAgainEvery
		}
		timer := g.clock.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
		}
	}
}

// look compares, and opens or closes.
func (g *Guard) look(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	err := g.compare(within)
	var refusal *Refusal
	switch {
	case err == nil:
		g.admit(ctx)
		g.sayLeaving(within)
	case ctx.Err() != nil:
	case errors.As(err, &refusal), g.Admitted() != nil:
		g.close(ctx, err)
		if refusal != nil && refusal.another {
			g.changed(err)
		}
	default:
		// What was found out before holds until something else is.
		klog.FromContext(ctx).V(2).Info("Can't look whether the store is the one that the cluster knows", "err", err)
	}
}

// sayLeaving says once that the store is being taken away. It is served for as long as it
// holds something, and nobody would hear of it before the last of that is gone.
func (g *Guard) sayLeaving(ctx context.Context) {
	if g.leaving {
		return
	}
	if err := g.VerifyAbsence(ctx); errors.As(err, new(*Leaving)) {
		g.leaving = true
		g.tell(err)
		klog.FromContext(ctx).Error(err, "The store is being taken away")
	}
}

// Leaving says that a store is being taken away with all that it holds, and what to do.
type Leaving struct{ Message string }

func (l *Leaving) Error() string { return l.Message }

// Refusal says why a store is refused, and what to do.
type Refusal struct {
	Message string
	// another is true where the store is not what the process has begun with.
	another bool
}

func (r *Refusal) Error() string { return r.Message }

func (g *Guard) compare(ctx context.Context) error {
	id, err := g.store.Name(ctx)
	if err != nil {
		return err
	}
	if err := g.unchanged(id); err != nil {
		return err
	}
	known, err := g.memory.read(ctx)
	if err != nil {
		return err
	}
	switch {
	case known.id == id:
		if err := g.emptied(ctx, id, known); err != nil {
			return err
		}
		return g.handedOver(known)
	case known.accepted == id:
		klog.FromContext(ctx).Info("Taking another store, as somebody wants", "store", g.store.String(), "id", id, "formerly", known.id)
	case known.id != "":
		return g.mismatch(known, id)
	default:
		if err := g.first(ctx, id, known); err != nil {
			return err
		}
		klog.FromContext(ctx).Info("The cluster knows its store from now on", "store", g.store.String(), "id", id, "configMap", g.memory.String())
	}
	empty := false
	if known.accepted == id {
		if empty, err = g.store.Empty(ctx); err != nil {
			return err
		}
	}
	written, err := g.memory.write(ctx, known, id, g.store.Kind(), empty, g.clock.Now())
	if err != nil {
		return err
	}
	return g.handedOver(written)
}

// emptied decides about the store that the cluster knows: it may have lost all that it
// held and have kept its identity, as records do whose definition is left. A process that
// serves it saw its objects go one by one; one that has yet to look would call absent what
// somebody may want back. An empty store that was accepted stays so until it holds
// something: the next process would refuse it once more.
func (g *Guard) emptied(ctx context.Context, id string, known *remembered) error {
	noted := known.accepted == id || known.empty
	if g.Admitted() == nil && !noted {
		return nil
	}
	empty, err := g.store.Empty(ctx)
	if err != nil {
		return err
	}
	if noted {
		return g.memory.settle(ctx, known, id, empty)
	}
	if !empty {
		return nil
	}
	marks, err := g.marks(ctx)
	if err != nil {
		return err
	}
	for _, mark := range marks {
		if mark.Owner.Name != "" {
			return &Refusal{Message: fmt.Sprintf("%s is empty, and %s carries the mark of VMDistributedCluster %s, which did not go in the ordinary way. %s",
				g.store, mark.On, mark.Owner, g.wayOut(known, id, "Restore what it held"))}
		}
	}
	return nil
}

// handedOver is an error for as long as another process may answer from the store that
// the cluster knew before. The times are those of the ConfigMap, or of this process where
// the clock of who wrote it is ahead.
func (g *Guard) handedOver(known *remembered) error {
	if known.previous == "" || g.Admitted() == nil {
		return nil
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	now := g.clock.Now()
	if g.said != known.since {
		g.said, g.heard = known.since, now
	}
	began := g.heard
	if since, err := time.Parse(time.RFC3339, known.since); err == nil && since.Before(began) {
		began = since
	}
	if until := began.Add(handover); now.Before(until) {
		return fmt.Errorf("%s takes the place of another one, from which a replica may answer until %s", g.store, until.UTC().Format(time.RFC3339))
	}
	return nil
}

// unchanged holds the identity against the one that the store had first.
func (g *Guard) unchanged(id string) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.began == "" {
		g.began = id
	}
	if g.began == id {
		return nil
	}
	return &Refusal{Message: fmt.Sprintf("%s has become another store while the server ran: it was %s and is %s", g.store, g.began, id), another: true}
}

// first decides where the cluster remembers no store: whether this is the first one, or
// the first one was lost together with the memory of it.
func (g *Guard) first(ctx context.Context, id string, known *remembered) error {
	if g.Admitted() == nil {
		return nil // the memory was lost, and the store was not
	}
	marks, err := g.marks(ctx)
	if err != nil || len(marks) == 0 {
		return err
	}
	lost, err := g.lost(ctx, marks)
	if err != nil || lost == "" {
		return err
	}
	return &Refusal{Message: fmt.Sprintf("%s %s, so that there was another store: %s, which would say which one, says nothing. %s",
		g.store, lost, &g.memory, g.wayOut(known, id, "Bring the former store back"))}
}

// lost says what of the marks in the cluster has nothing in the store, "" for none.
func (g *Guard) lost(ctx context.Context, marks []Mark) (string, error) {
	empty, err := g.store.Empty(ctx)
	if err != nil {
		return "", err
	}
	if empty {
		return fmt.Sprintf("is empty, and %s carries the mark of a VMDistributedCluster", marks[0].On), nil
	}
	for _, mark := range marks {
		if mark.Owner.Name == "" {
			continue
		}
		if has, err := g.store.Has(ctx, mark.Owner); err != nil {
			return "", err
		} else if !has {
			return fmt.Sprintf("has no VMDistributedCluster %s, whose mark %s carries", mark.Owner, mark.On), nil
		}
	}
	return "", nil
}

func (g *Guard) mismatch(known *remembered, id string) error {
	what := fmt.Sprintf("%s is not the store that the cluster knows: %s has had a store of kind %s with the identity %s since %s, and this one, of kind %s, is %s.",
		g.store, &g.memory, known.kind, known.id, known.since, g.store.Kind(), id)
	if known.kind != g.store.Kind() {
		what += " Objects are not taken along from one kind of store to another."
	}
	if g.store.Kind() == KindHost && known.kind == KindHost {
		what += " Records that are restored come one by one, and nothing in them says that all are there: have them accepted when they are."
	}
	return &Refusal{Message: what + " " + g.wayOut(known, id, "Bring the former store back")}
}

// wayOut says what to do: the remedy, or to accept the store.
func (g *Guard) wayOut(known *remembered, id, remedy string) string {
	said := fmt.Sprintf("Nothing is answered, since what belongs to a VMDistributedCluster would be deleted as garbage where that is absent. "+
		"%s; or, if this one is to be served as it is, kubectl -n %s annotate --overwrite configmap %s %s=%s",
		remedy, g.memory.namespace, ConfigMap, AcceptAnnotation, id)
	if known.accepted != "" {
		said += fmt.Sprintf(" (the annotation is there, and names %q)", known.accepted)
	}
	return said
}

func (g *Guard) admit(ctx context.Context) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.refusal == nil {
		return
	}
	g.refusal = nil
	g.refused.Set(0)
	g.open, g.shut = context.WithCancelCause(context.WithoutCancel(ctx))
	close(g.reopened)
	g.tell(nil)
	klog.FromContext(ctx).Info("The store is the one that the cluster knows", "store", g.store.String(), "id", g.began)
}

// close says so once.
func (g *Guard) close(ctx context.Context, refusal error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.refusal == nil {
		g.shut(refusal)
		g.reopened = make(chan struct{})
	} else if g.refusal.Error() == refusal.Error() {
		return
	}
	g.refusal = refusal
	g.refused.Set(1)
	if ctx.Err() == nil {
		g.tell(refusal)
		klog.FromContext(ctx).Error(refusal, "Answering nothing out of the store")
	}
}

// Admitted is nil where requests are let through, else says why they are not.
func (g *Guard) Admitted() error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.refusal
}

// Verify asks the store itself whether it is still the one that was let in, by a look
// that begins after the call. So what was read before the call is of that store. A store
// that does not answer is none: whoever waits is told so before their request runs out
// of time, when it would be cut off without a word.
func (g *Guard) Verify(ctx context.Context) error {
	_, err := g.verify(ctx)
	return err
}

// VerifyAbsence is Verify for who was about to say that something is not there. A store
// that is being deleted has what there is, and can't tell what was deleted from what it
// has lost already.
func (g *Guard) VerifyAbsence(ctx context.Context) error {
	found, err := g.verify(ctx)
	if err == nil && found.leaving {
		err = &Leaving{fmt.Sprintf("%s are being deleted, and nobody can tell what is gone with them from what was never there: "+
			"keep a copy of those that are left, let them go, and restore them", g.store)}
	}
	return err
}

func (g *Guard) verify(ctx context.Context) (sight, error) {
	if err := g.Admitted(); err != nil {
		return sight{}, err
	}
	return g.looks.ask(ctx)
}

// lookOnce is for all who wait for it, whichever of them goes away.
func (g *Guard) lookOnce() (sight, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookPatience)
	defer cancel()
	id, leaving, err := g.store.ID(ctx)
	if err != nil {
		return sight{}, err
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if id != g.began {
		return sight{}, &Refusal{Message: fmt.Sprintf("%s has become another store: it was %s and is %q", g.store, g.began, id)}
	}
	return sight{leaving: leaving}, nil
}

// Admission ends, with the reason, when requests are let through no more.
func (g *Guard) Admission() (context.Context, error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.open, g.refusal
}

// While does the work for as long as requests are let through, again and again, until
// ctx ends.
func (g *Guard) While(ctx context.Context, work func(context.Context) error) error {
	for {
		g.mutex.Lock()
		reopened := g.reopened
		g.mutex.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-reopened:
		}
		open, refusal := g.Admission()
		if refusal != nil {
			continue
		}
		if err := during(ctx, open, work); err != nil || open.Err() == nil {
			return err
		}
	}
}

// during does the work until either context ends.
func during(ctx, open context.Context, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(open, cancel)
	defer stop()
	return work(ctx)
}

// Name is that of the check of readiness.
func (*Guard) Name() string { return CheckName }

// Check is not ready while nothing is let through.
func (g *Guard) Check(*http.Request) error { return g.Admitted() }
