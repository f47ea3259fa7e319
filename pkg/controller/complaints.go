// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/tools/cache"
)

// toldAgain is how long a failure that lasts is told no other time: everything that happens
// to a zone has the step be tried again, and an event for each would be a storm.
const toldAgain = 10 * time.Minute

// complaints remembers which failures of steps were told. The zero value is ready for use.
type complaints struct {
	mutex sync.Mutex
	told  map[complaint]time.Time
}

// complaint is a failure less what differs from one try to the next, such as a port or a
// time.
type complaint struct {
	object cache.ObjectName
	words  string
}

// isNews tells whether a failure is to be told now, and takes it for told.
func (c *complaints) isNews(object cache.ObjectName, failure string, now time.Time) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.told == nil {
		c.told = map[complaint]time.Time{}
	}
	for other, at := range c.told {
		if now.Sub(at) >= toldAgain {
			delete(c.told, other)
		}
	}
	one := complaint{object, strings.Join(wordsOf(failure), " ")}
	if _, known := c.told[one]; known {
		return false
	}
	c.told[one] = now
	return true
}
