// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"slices"
	"testing"

	"github.com/go-logr/logr/funcr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

func logger() (log klog.Logger, lines func() []string) {
	var written []string
	return funcr.NewJSON(func(line string) { written = append(written, line) }, funcr.Options{}), func() []string { return written }
}

func TestTheLogTellsOncePerPhaseOfAZone(t *testing.T) {
	log, lines := logger()
	pending := vmdistributed.ZoneStatus{Name: "zone-b", Phase: vmdistributed.ZonePending, Reason: "Baking"}
	before := &vmdistributed.VMDistributedClusterStatus{Zones: []vmdistributed.ZoneStatus{{Name: "zone-a", Phase: vmdistributed.ZoneReady, Reason: "UpToDate"}, pending}}
	waiting := pending
	waiting.WaitingFor = "another word for the same"
	after := &vmdistributed.VMDistributedClusterStatus{Zones: []vmdistributed.ZoneStatus{{Name: "zone-a", Phase: vmdistributed.ZoneDraining, Reason: "WaitingForVMAuth"}, waiting}}
	logPhases(log, before, after)
	logPhases(log, after, after)
	want := []string{`{"logger":"","level":0,"msg":"A zone has gone on","zone":"zone-a","phase":"Draining","reason":"WaitingForVMAuth","before":"Ready"}`}
	if got := lines(); !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTheLogSaysWhichZoneAFailedStepWasFor(t *testing.T) {
	log, lines := logger()
	err := &stepError{rollout.Action{Type: rollout.DrainReads, Cluster: "zone-a"}, errors.New("no route to host")}
	about(log, err).Error(err, "Pass failed; trying again")
	about(log, errStale).Error(errStale, "Pass failed; trying again")
	want := []string{
		`{"logger":"","msg":"Pass failed; trying again","error":"DrainReads: no route to host","action":"DrainReads","zone":"zone-a"}`,
		`{"logger":"","msg":"Pass failed; trying again","error":"the caches are behind"}`,
	}
	if got := lines(); !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAStepThatLostARaceIsStillKnownForOne(t *testing.T) {
	lost := apierrors.NewConflict(schema.GroupResource{Resource: "vmclusters"}, "zone-a", errors.New("somebody was faster"))
	for _, err := range []error{lost, errStale} {
		if !isRace(&stepError{rollout.Action{}, err}) {
			t.Errorf("%v is taken for a failure", err)
		}
	}
}
