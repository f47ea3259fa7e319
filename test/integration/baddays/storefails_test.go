// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"net/http"
	"testing"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/between"
)

// enough is how many requests to the store have to fail before a test believes that
// whoever wants something of it has tried, and tried again.
const enough = 8

// TestRolloutHaltsWhileRecordsCanNotBeReached has one zone after the other get healthy
// while requests about records go wrong, each time in another way.
func TestRolloutHaltsWhileRecordsCanNotBeReached(t *testing.T) {
	r := newRoom(t, shared)
	r.stick("zone-b", "zone-c")
	r.begin()
	records, definition := "/apis/"+storagev1.GroupName+"/", "/customresourcedefinitions/"
	for _, wrong := range []struct {
		what, zone, next string
		way              way
		paths            []string
	}{
		{"500 from etcd", "zone-a", "zone-b", answered(500, "application/json",
			`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"etcdserver: request timed out","code":500}`), []string{records}},
		{"404 of nobody", "zone-b", "zone-c", answered(404, "text/plain", "404 page not found\n"), []string{records}},
		{"connections cut", "zone-c", "", cut, []string{records, definition}},
	} {
		t.Logf("%s, while %s gets healthy", wrong.what, wrong.zone)
		shared.trouble.begin(wrong.way, wrong.paths...)
		t.Cleanup(shared.trouble.end)
		r.free(wrong.zone)
		before, told := r.estate(), r.told()
		shared.untilMet(t, http.MethodGet, enough)
		r.expectUnserved()
		r.expectEstate(before)
		if more := r.told() - told; more > 1 { // which was on its way
			t.Errorf("%d events while the store could not be reached", more)
		}
		shared.expectLive(t)
		shared.trouble.end()
		if wrong.next != "" {
			r.untilStuck(wrong.next)
		}
	}
	r.expectConcluded()
}

// TestRolloutComesToItsEndThoughNoWriteOfARecordIsAnswered: each is done, and the
// connection cut before anybody is told.
func TestRolloutComesToItsEndThoughNoWriteOfARecordIsAnswered(t *testing.T) {
	r := newRoom(t, shared)
	shared.trouble.begin(untold, "/apis/"+storagev1.GroupName+"/")
	t.Cleanup(shared.trouble.end)
	r.expectFault("apply", r.apply(demo("v2")))
	r.expectConcluded()
	shared.untilMet(t, http.MethodPut, enough)
}

// TestRolloutHaltsWhileEtcdCanNotBeReached is the same with a server that has its store
// in an etcd, to which every connection is cut.
func TestRolloutHaltsWhileEtcdCanNotBeReached(t *testing.T) {
	t.Parallel()
	stream, err := between.NewStream(t.Context(), newMember(t, 0).url)
	must(t, err)
	t.Cleanup(func() { must(t, stream.Close()) })
	server := startAlone(t, "cut", stream.URL(), "--request-timeout=12s") // who asks waits for as long
	r := newRoomWith(t, server)
	r.begin()
	stream.Down()
	r.free("zone-a")
	before := r.estate()
	untilSaid(t, passFailed, 0, server)
	r.expectUnserved()
	r.expectEstate(before)
	if stream.Refused() == 0 {
		t.Error("nobody has tried to reach etcd")
	}
	for _, path := range []string{"/livez", "/readyz"} {
		status, body := ask(t, server, path)
		t.Logf("%s: %d %s", path, status, body)
	}
	stream.Up()
	r.expectConcluded()
}
