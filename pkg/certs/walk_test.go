// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// TestNoClientIsEverRefused walks at random through years of replicas that observe, decide
// and write in any order, with clocks that differ and jump, of processes that start
// anew or hear of nothing for weeks, and of Secrets that are deleted and damaged. At
// every moment, every client whose view of an APIService is behind by less than it may
// be verifies every replica that is ready.
func TestNoClientIsEverRefused(t *testing.T) {
	t.Parallel()
	seeds := uint64(20)
	if os.Getenv("VMDC_TEST_LONG") != "" { // there is time for more
		seeds = 100
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			for w.now.Before(noon.Add(day(400))) {
				w.move()
				w.check()
			}
			if w.promotions == 0 || w.verified < 1000 {
				t.Errorf("in %s, %d promotions, %d times made anew, %d verified: that shows nothing",
					w.now.Sub(noon), w.promotions, w.remade, w.verified)
			}
		})
	}
}

// world is an API server with replicas of ours.
type world struct {
	*testing.T
	dice *rand.Rand
	now  time.Time // of clients, and of nobody else

	secret  *corev1.Secret
	version int

	services []*history
	replicas []*replica
	log      []string

	promotions, remade, verified int
	// known are certificates that a bundle verifies, at one moment of their life.
	known map[[2]string]bool
}

// history is all that an APIService ever had.
type history struct {
	bundles []bundle
	from    []time.Time
}

func (h *history) current() bundle { return h.bundles[len(h.bundles)-1] }

// since returns all that it had at some moment from one on.
func (h *history) since(moment time.Time) []bundle {
	for i := len(h.from) - 1; i > 0; i-- {
		if !h.from[i].After(moment) {
			return h.bundles[i:]
		}
	}
	return h.bundles
}

// replica is a process of ours.
type replica struct {
	name   string
	served *pair
	trust  *trust
	ready  bool
	// off is how far its time of day is from that of clients.
	off   time.Duration
	begun time.Time
	// asleep is until when it does nothing.
	asleep time.Time
	// phase says what it does next, on what it has seen.
	phase int
	seen  observed
	// versions of what was seen, for guarded writes.
	serviceVersions []int
	secretVersion   int
	decided         step
	// early is a certificate that it serves from the start, made anew a moment ago.
	early *pair
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{T: t, known: map[[2]string]bool{}, dice: rand.New(rand.NewPCG(seed, 1)), now: noon}
	for range 1 + w.dice.IntN(2) {
		w.services = append(w.services, &history{bundles: []bundle{nil}, from: []time.Time{noon}})
	}
	for i := range 2 + w.dice.IntN(2) {
		r := &replica{name: fmt.Sprint(i)}
		w.replicas = append(w.replicas, r)
		w.start(r)
	}
	return w
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, w.now.Sub(noon).String()+": "+fmt.Sprintf(format, args...))
}

// start is that of a process, anew.
func (w *world) start(r *replica) {
	w.note("%s starts", r.name)
	*r = replica{name: r.name, trust: &trust{}, begun: w.now, off: w.skew()}
}

// skew is how far a clock may be off: any two by what is tolerated.
func (w *world) skew() time.Duration {
	return time.Duration((w.dice.Float64() - 0.5) * float64(times.skew))
}

// move does one thing.
func (w *world) move() {
	r := w.replicas[w.dice.IntN(len(w.replicas))]
	switch n := w.dice.IntN(1200); {
	case n < 4:
		w.start(r)
	case n < 8: // hears of nothing, for as long as a certificate that was replaced is good
		r.asleep = w.now.Add(time.Duration(w.dice.Float64() * 0.4 * float64(times.renewBefore)))
		w.note("%s falls asleep until %s", r.name, r.asleep.Sub(noon))
	case n < 12:
		r.off = w.skew()
	case n == 12:
		w.note("the Secret is deleted")
		w.secret = nil
	case n == 13:
		w.damage()
	case n < 100: // days in which nobody has anything to do
		w.now = w.now.Add(time.Duration(w.dice.Float64() * float64(day(3))))
	case n < 150:
		w.now = w.now.Add(time.Duration(w.dice.Float64() * float64(times.settle)))
	default:
		w.now = w.now.Add(time.Duration(w.dice.Float64() * float64(time.Second)))
		if w.now.After(r.asleep) {
			w.advance(r)
		}
	}
}

func (w *world) damage() {
	if w.secret == nil {
		return
	}
	secret := w.secret.DeepCopy()
	keys := []string{"tls.crt", "tls.key", "ca.crt", "next.crt", "next.key"}
	key := keys[w.dice.IntN(len(keys))]
	w.note("%s of the Secret is damaged", key)
	secret.Data[key] = []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	w.put(secret)
}

func (w *world) put(secret *corev1.Secret) {
	w.version++
	w.secret = secret.DeepCopy()
	w.secret.ResourceVersion = fmt.Sprint(w.version)
}

func (w *world) secretVersion() int {
	if w.secret == nil {
		return 0
	}
	return w.version
}

// advance has a replica do the next of the things between which others do theirs.
func (w *world) advance(r *replica) {
	switch r.phase {
	case 0:
		r.seen = observed{host: options.host(), timing: times, servicesKnown: true, trust: r.trust}
		r.serviceVersions = nil
		for i, s := range w.services {
			r.seen.services = append(r.seen.services, apiService{name: fmt.Sprint(i), caBundle: s.current().encode()})
			r.serviceVersions = append(r.serviceVersions, len(s.bundles))
		}
	case 1:
		w.observe(r)
	case 2:
		w.carryOut(r)
	}
	r.phase = (r.phase + 1) % 3
}

func (w *world) observe(r *replica) {
	o := &r.seen
	r.secretVersion = w.secretVersion()
	o.stored, o.served, o.now, o.age = read(w.secret), r.served, w.now.Add(r.off), w.now.Sub(r.begun)
	o.trust.see(o.age, o.services, o.authorities())
	if o.served != nil {
		_, trusted := o.trust.lasted(o.age, o.served.authority)
		r.ready = r.ready || trusted
	}
	r.decided = decide(*o)
}

func (w *world) carryOut(r *replica) {
	o, did := r.seen, r.decided.action
	if did != wait {
		w.note("%s decides to %s, for %s", r.name, did, r.decided.why)
	}
	switch did {
	case wait:
	case refuse:
		w.Fatalf("refused: %s", r.decided.why)
	case serve:
		if r.served == nil {
			r.early = o.stored.serving
		}
		r.served = o.stored.serving
	case inject:
		for i, s := range w.services {
			if len(s.bundles) == r.serviceVersions[i] && string(s.current().encode()) != string(o.stored.authorities.encode()) {
				s.bundles, s.from = append(s.bundles, o.stored.authorities), append(s.from, w.now)
			}
		}
	default:
		w.write(r)
	}
}

// write is refused if the Secret is not what was seen.
func (w *world) write(r *replica) {
	if w.secretVersion() != r.secretVersion {
		return
	}
	next, err := r.seen.after(r.decided.action, func() (*pair, error) { return issue(r.seen.host, r.seen.now, times) })
	must(w.T, err)
	switch r.decided.action {
	case promote:
		w.promotions++
	case makeAnew:
		w.remade++
	}
	w.put(next.write(w.secret, options.Namespace, options.Secret))
}

// check is the promise.
func (w *world) check() {
	behind := w.now.Add(-times.settle + 1)
	for _, r := range w.replicas {
		if !r.ready || w.excused(r, behind) {
			continue
		}
		for _, s := range w.services {
			for _, b := range s.since(behind) {
				if err := w.verify(r.served, b); err != nil {
					w.Fatalf("replica %s serves what is good from %s to %s: %v\n%s", r.name, r.served.leaf.NotBefore.Sub(noon),
						r.served.ends().Sub(noon), err, strings.Join(w.log[max(0, len(w.log)-40):], "\n"))
				}
			}
		}
	}
}

// verify is what a client does. What does not depend on time is done once.
func (w *world) verify(p *pair, roots bundle) error {
	w.verified++
	key := [2]string{string(p.leaf.Raw), string(roots.encode())}
	if w.known[key] && p.goodAt(w.now) {
		return nil
	}
	err := verify(p, roots, options.host(), w.now)
	w.known[key] = err == nil
	return err
}

// excused is a process that has nothing but what was made a moment ago, as it may have
// after somebody has deleted or damaged the Secret: it is ready as soon as the
// APIServices have the authority, and an aggregator may be behind.
func (w *world) excused(r *replica, behind time.Time) bool {
	if r.early == nil || !r.early.same(r.served) {
		return false
	}
	for _, s := range w.services {
		for _, b := range s.since(behind) {
			if !b.has(r.early.authority) {
				return true
			}
		}
	}
	r.early = nil
	return false
}
