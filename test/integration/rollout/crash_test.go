// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// seedVariable names the variable that repeats a run: the seed is printed.
const seedVariable = "VMDC_TEST_SEED"

// dice returns what is random in a test.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		must(t, err)
	}
	t.Logf("%s=%d", seedVariable, seed)
	return rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be repeatable
}

// ownServer starts a server beside the registered one, with a store of its own
// in an embedded etcd that has fsync on. One store serves a cluster; this one is
// let in by a Lease of its own. Flags are added to those that it has anyway.
func ownServer(t *testing.T, name string, flags ...string) *controlplane.Server {
	t.Helper()
	server, _ := ownServerIn(t, name, flags...)
	return server
}

// ownServerIn tells the server's own namespace too.
func ownServerIn(t *testing.T, name string, flags ...string) (own *controlplane.Server, namespace string) {
	t.Helper()
	namespace, err := shared.control.NewServerNamespace(t.Context(), name)
	must(t, err)
	server, err := shared.control.StartServer(t.Context(), controlplane.ServerOptions{
		Name: name, Unregistered: true, Args: append([]string{"--namespace=" + namespace}, flags...),
	})
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	return server, namespace
}

// TestKilledServerGoesOnAsIfNothingHadHappened kills the server at random moments
// of one rollout after the other.
func TestKilledServerGoesOnAsIfNothingHadHappened(t *testing.T) {
	t.Parallel()
	random, server := dice(t), ownServer(t, "crash")
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	r := newRoomAt(t, config)
	kills, enough := 0, 20
	if long {
		enough = 200
	}
	r.existing("zone-b", small("v0"))
	var wanted []string
	for revision := int64(1); kills < enough; revision++ {
		r.apply(mixedZones(fmt.Sprintf("v%d", revision)))
		for range 4 {
			// From the first write to a little more than a rollout takes.
			<-time.After(time.Duration(random.Int64N(int64(1500 * time.Millisecond))))
			if object := r.get("demo"); object.Status.ObservedGeneration == object.Generation && object.Status.UpdateStatus == "operational" {
				break // a kill would be none in a rollout
			}
			must(t, server.Kill())
			kills++
			must(t, server.Restart(t.Context()))
		}
		r.untilReady("demo")
		if revision == 1 {
			r.slowDown("zone-a", "zone-b", "zone-c")
			wanted = append(wanted, "zone-b@2")
		} else {
			wanted = append(wanted, fmt.Sprintf("zone-a@%d", revision), fmt.Sprintf("zone-b@%d", revision+1), fmt.Sprintf("zone-c@%d", revision))
		}
		r.expectCreated("zone-a", "zone-c")
		r.expectUpdates(wanted...)
	}
	t.Logf("killed %d times during %d writes", kills, len(wanted)+2)
}

// mixedZones are two zones with one between them that somebody else defines.
func mixedZones(version string) fields {
	return manifest("demo", inline("zone-a", small(version)), ref("zone-b", fields{"clusterVersion": version}), inline("zone-c", small(version)))
}

// slowDown makes updates take longer, so that more of them are interrupted.
func (r *room) slowDown(zones ...string) {
	r.t.Helper()
	for _, zone := range zones {
		r.annotate(zone, fields{standin.LagAnnotation: "300ms"})
	}
}
