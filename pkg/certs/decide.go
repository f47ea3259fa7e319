// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"slices"
	"time"
)

// action is what one step does.
type action string

const (
	// wait for something to change, or for time to pass.
	wait action = "wait"
	// refuse to touch what is somebody else's.
	refuse action = "refuse"
	// serve what the Secret says.
	serve action = "serve"
	// make what the Secret has to hold, since nothing in it is of use.
	makeAnew action = "make"
	// prepare the next certificate, and have its authority trusted.
	prepare action = "prepare"
	// promote the next certificate to the one that is served.
	promote action = "promote"
	// correct which authorities are trusted, or what else is in the Secret.
	correct action = "correct"
	// inject the authorities into the APIServices.
	inject action = "inject"
)

// step is what to do now.
type step struct {
	action action
	// why is for people.
	why string
	// until is the moment at which to look again, where nothing is done now.
	until time.Time
}

// observed is all that a decision rests on.
type observed struct {
	// now is the time of day, by which certificates are good or not.
	now time.Time
	// age is that of the process, by which trust has counted.
	age    time.Duration
	host   string
	timing timing
	stored stored
	// served is what this process serves, if anything.
	served *pair
	// services are the APIServices that are ours, unless they could not be read.
	services      []apiService
	servicesKnown bool
	trust         *trust
}

// decide says what to do next. It goes from what must not wait to what may, and each
// step is safe by itself: nothing is served before it is trusted, while something else
// can be.
func decide(o observed) step {
	if s, urgent := o.makeUsable(); urgent {
		return s
	}
	if !o.served.goodAt(o.now) && !o.served.same(o.stored.serving) {
		return step{action: serve, why: "nothing that is good is served"}
	}
	if !o.servicesKnown {
		return step{action: wait, why: "the APIServices can't be read", until: o.now.Add(o.timing.settle)}
	}
	if s, needed := o.keepUp(); needed {
		return s
	}
	return step{action: wait, why: "all is as it should be", until: o.nextMoment()}
}

// makeUsable sees to it that the Secret holds a certificate that is good.
func (o observed) makeUsable() (step, bool) {
	s := o.stored
	switch {
	case s.foreign:
		return step{action: refuse, why: "it is not labelled " + managedByLabel + "=" + managedBy + ", so that it is somebody else's"}, true
	case s.serving.goodAt(o.now) && !s.serving.isFor(o.host):
		return step{action: refuse, why: "its certificate is good, and not for " + o.host}, true
	case s.serving.goodAt(o.now):
		return step{}, false
	case !o.servicesKnown:
		return step{action: wait, why: "what is in the APIServices can't be read, and is needed to make a certificate", until: o.now.Add(o.timing.settle)}, true
	case s.next.goodAt(o.now) && s.next.isFor(o.host):
		return step{action: promote, why: "the certificate that was served is of no use any more"}, true
	case s.serving == nil:
		return step{action: makeAnew, why: s.problem}, true
	default:
		return step{action: makeAnew, why: "its certificate is good from " + s.serving.leaf.NotBefore.String() + " to " + s.serving.ends().String()}, true
	}
}

// keepUp renews what the Secret holds, and has it used.
func (o observed) keepUp() (step, bool) {
	s := o.stored
	switch {
	case !s.tidy || !bytes.Equal(o.authorities().encode(), s.authorities.encode()):
		return step{action: correct, why: "an authority has ended or is missing, or something can't be read"}, true
	case s.next != nil && (!s.next.goodAt(o.now) || !s.next.isFor(o.host)):
		return step{action: prepare, why: "the next certificate is of no use"}, true
	case s.next == nil && !o.now.Before(o.due()):
		return step{action: prepare, why: "the certificate ends soon"}, true
	case s.next != nil && o.settled(s.next):
		return step{action: promote, why: "the next certificate is trusted"}, true
	case !o.served.same(s.serving) && o.settled(s.serving):
		return step{action: serve, why: "the certificate is trusted"}, true
	case slices.ContainsFunc(o.services, func(a apiService) bool { return a.pause <= 0 && !bytes.Equal(a.caBundle, s.authorities.encode()) }):
		return step{action: inject, why: "an APIService has other authorities"}, true
	}
	return step{}, false
}

// authorities are those that clients have to trust: all that have not ended, with some
// tolerance, and that of what is served by this process.
func (o observed) authorities() bundle {
	all := o.stored.authorities
	if o.served.goodAt(o.now) {
		all = all.with(o.served.authority)
	}
	return all.endingFrom(o.now.Add(-o.timing.skew))
}

// due is when the next certificate is to be made.
func (o observed) due() time.Time { return o.stored.serving.ends().Add(-o.timing.renewBefore) }

// settled tells whether all who call trust a certificate.
func (o observed) settled(p *pair) bool {
	lasted, trusted := o.trust.lasted(o.age, p.authority)
	return trusted && lasted >= o.timing.settle
}

// nextMoment is when time alone makes a difference.
func (o observed) nextMoment() time.Time {
	moment := o.due()
	earlier := func(t time.Time) {
		if t.After(o.now) && (t.Before(moment) || !moment.After(o.now)) {
			moment = t
		}
	}
	for _, p := range []*pair{o.stored.next, o.stored.serving} {
		if p == nil {
			continue
		}
		earlier(p.ends())
		if lasted, trusted := o.trust.lasted(o.age, p.authority); trusted {
			earlier(o.now.Add(o.timing.settle - lasted))
		}
	}
	for _, authority := range o.stored.authorities {
		earlier(authority.NotAfter.Add(o.timing.skew + time.Second))
	}
	if o.served != nil {
		earlier(o.served.ends())
	}
	for _, service := range o.services {
		if service.pause > 0 {
			earlier(o.now.Add(service.pause))
		}
	}
	return moment
}

// after returns what the Secret is to hold after a step that writes it.
func (o observed) after(a action, issue func() (*pair, error)) (content, error) {
	c := content{serving: o.stored.serving, next: o.stored.next, authorities: o.authorities()}
	switch a {
	case makeAnew:
		made, err := issue()
		if err != nil {
			return content{}, err
		}
		c.serving, c.next = made, nil
		c.authorities = c.authorities.with(o.inherited()...).with(made.authority)
	case prepare:
		made, err := issue()
		if err != nil {
			return content{}, err
		}
		c.next = made
		c.authorities = c.authorities.with(made.authority)
	case promote:
		c.serving, c.next = c.next, nil
	}
	return c, nil
}

// inherited are the authorities in APIServices that may be those of what another replica
// serves: they end as soon as ours would. A lasting one is somebody else's, and
// not to be trusted for ever because it was there.
func (o observed) inherited() bundle {
	var all bundle
	for _, service := range o.services {
		all = all.with(parseBundle(service.caBundle)...)
	}
	return all.endingBetween(o.now, o.now.Add(o.timing.lifetime+o.timing.skew))
}
