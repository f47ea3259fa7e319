// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"
	"time"

	"k8s.io/client-go/tools/cache"
)

func TestAFailureThatLastsIsToldOnceInAWhile(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	one, another := cache.ObjectName{Namespace: "ns", Name: "one"}, cache.ObjectName{Namespace: "ns", Name: "another"}
	var c complaints
	for _, test := range []struct {
		object  cache.ObjectName
		failure string
		after   time.Duration
		news    bool
	}{
		{one, "webhook at port 4711 is down", 0, true},
		{one, "webhook at port 4712 is down", time.Second, false},
		{one, "the quota is used up", 2 * time.Second, true},
		{one, "webhook at port 4713 is down", 3 * time.Second, false}, // two that take turns
		{another, "webhook at port 4713 is down", 3 * time.Second, true},
		{one, "webhook at port 4713 is down", toldAgain, true},
		{one, "webhook at port 4713 is down", toldAgain + time.Second, false},
	} {
		if news := c.isNews(test.object, test.failure, noon.Add(test.after)); news != test.news {
			t.Errorf("%q of %s after %v is news: %t, want %t", test.failure, test.object, test.after, news, test.news)
		}
	}
	c.isNews(one, "another", noon.Add(3*toldAgain))
	if len(c.told) != 1 {
		t.Errorf("%d complaints are remembered, of which all but one are old", len(c.told))
	}
}
