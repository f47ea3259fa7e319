// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import "time"

const (
	// firstPause is how long spec.caBundle is left to somebody else who has taken it twice.
	firstPause = time.Second
	// lastPause is how long at most. The aggregator looks at an APIService about as often.
	lastPause = 5 * time.Minute
	// quiet is how long it has to stay as it was put for the pauses to be forgotten.
	quiet = 2 * lastPause
)

// contests are about spec.caBundle of APIServices, by their names. Who puts the same thing
// back and loses it again is up against another writer, whom no speed will convince: so the
// first time it is done at once, and from then on after pauses that double. It counts by
// the age of the process, which no change of the time of day touches.
type contests map[string]*contest

type contest struct {
	// put is what was put there last, at which age.
	put string
	at  time.Duration
	// lost is how often in a row that was taken away, and away whether it is now.
	lost int
	away bool
}

// see notes what an APIService has, and what it should have. It tells whether what was put
// there is found to have been taken away.
func (c contests) see(age time.Duration, name string, has, wanted string) (taken bool) {
	one, known := c[name]
	switch {
	case !known:
		return false
	case has == wanted:
		one.away = false
		if age-one.at >= quiet {
			one.lost = 0
		}
		return false
	case one.put != wanted || one.away:
		return false
	}
	one.away = true
	one.lost++
	return true
}

// pause is for how long what an APIService has is left to whoever put it there.
func (c contests) pause(age time.Duration, name, wanted string) time.Duration {
	one, known := c[name]
	if !known || one.put != wanted || one.lost < 2 {
		return 0
	}
	pause := lastPause
	if doublings := one.lost - 2; doublings < 20 {
		pause = min(lastPause, firstPause<<doublings)
	}
	return max(0, one.at+pause-age)
}

// note that an APIService was given something.
func (c contests) note(age time.Duration, name, given string) {
	one, known := c[name]
	if !known {
		one = &contest{}
		c[name] = one
	}
	one.put, one.at, one.away = given, age, false
}
