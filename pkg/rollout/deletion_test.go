// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"
)

// leaving is a scene whose object is being deleted.
func leaving(how Deletion, zones ...Zone) Observed {
	o := scene(zones...)
	o.Deletion = &how
	return o
}

func TestDeletionDeletesInlineClusters(t *testing.T) {
	o := leaving(Deletion{}, zone("a"), zone("b"))
	d := decide(t, o)
	wantAction(t, d, DeleteCluster, "a")
	wantZone(t, d, 0, Leaving, ReasonReleasing)
	o.Zones[0].Cluster.Deleting = true
	d = decide(t, o)
	wantAction(t, d, DeleteCluster, "b")
	wantZone(t, d, 0, Leaving, ReasonClusterDeleting)
}

func TestDeletionUnderRetainReleasesInlineClusters(t *testing.T) {
	wantAction(t, decide(t, leaving(Deletion{Retain: true}, zone("a"))), ReleaseCluster, "a")
	wantAction(t, decide(t, leaving(Deletion{Retain: true}, zone("a", referred))), ReleaseCluster, "a")
}

func TestDeletionReleasesReferencedClusters(t *testing.T) {
	wantAction(t, decide(t, leaving(Deletion{}, zone("a", ref, referred))), ReleaseCluster, "a")
}

func TestDeletionReleasesStraysFirst(t *testing.T) {
	o := leaving(Deletion{}, zone("a"))
	o.Strays = []Stray{stray("x")}
	wantAction(t, decide(t, o), ReleaseCluster, "x")
	o.Zones = nil
	wantAction(t, decide(t, o), ReleaseCluster, "x")
}

func TestWhatIsNotOursIsNotDeleted(t *testing.T) {
	wantAction(t, decide(t, leaving(Deletion{}, zone("a", unadopted), zone("b", foreign), zone("c", ref, unmarked), zone("d", absent))), Finalize, "")
}

func TestAClusterThatIsReferredToIsDeletedOnlyLater(t *testing.T) {
	d := decide(t, leaving(Deletion{}, zone("a", referred), zone("b", referred)))
	wantAction(t, d, Nothing, "")
	wantZone(t, d, 0, Leaving, ReasonReferenced)
	if waits := d.Zones[0].WaitingFor; !strings.Contains(waits, "VMUser ns/reader") {
		t.Errorf("%q does not say who refers to it", waits)
	}
	wantAction(t, decide(t, leaving(Deletion{}, zone("a", referred), zone("b"))), DeleteCluster, "b")
}

func TestTheObjectStaysUntilItsClustersAreGone(t *testing.T) {
	wantAction(t, decide(t, leaving(Deletion{}, zone("a", deleting), zone("b", absent))), Nothing, "")
	wantAction(t, decide(t, leaving(Deletion{}, zone("a", absent))), Finalize, "")
}

func TestDeletionWithdrawsTheScrapeSelector(t *testing.T) {
	o := leaving(Deletion{}, zone("a", referred))
	o.ScrapePending = true
	wantAction(t, decide(t, o), ConfigureScrape, "")
	o.Zones[0].Cluster = nil
	wantAction(t, decide(t, o), ConfigureScrape, "")
}

func TestInATerminatingNamespaceNothingIsWritten(t *testing.T) {
	o := leaving(Deletion{NamespaceTerminating: true}, zone("a"), zone("b", ref), zone("c", referred))
	o.Strays, o.ScrapePending = []Stray{stray("x")}, true
	wantAction(t, decide(t, o), Finalize, "")
}

func TestPausedDoesNotHoldDeletionUp(t *testing.T) {
	o := leaving(Deletion{}, outdatedZone("a", unhealthy))
	o.Paused = true
	wantAction(t, decide(t, o), DeleteCluster, "a")
}

func TestDeletionCreatesAndUpdatesNothing(t *testing.T) {
	wantAction(t, decide(t, leaving(Deletion{}, zone("a", absent), outdatedZone("b", ref, unmarked))), Finalize, "")
}
