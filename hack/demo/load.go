// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vmdistributed/vmdistributed-apiserver/test/dataplane"
)

const (
	samplesRate = 200 // per second, to each replica of the VMAgent
	queriesRate = 20  // per second, by each VMUser
	series      = `seq{writer="demo"}`

	// shownAfter is how long a sample may take from vmagent to the answer of a
	// query, shownFor for how long none may have taken longer before it counts.
	shownAfter = 3 * time.Second
	shownFor   = 4 * time.Second
	// auditPatience is how long the last samples may take to be in all zones.
	auditPatience = time.Minute
	auditPause    = 500 * time.Millisecond
)

// load writes and reads all the time.
type load struct {
	plane   *dataplane.DataPlane
	queues  *queues
	writer  *dataplane.Writer
	readers []*dataplane.Reader
}

// outcome is what became of the load.
type outcome struct {
	ok, failed       int64
	written, missing int
}

func (o outcome) String() string {
	return fmt.Sprintf("reads: %d ok, %d failed; samples: %d written, %d missing in any zone", o.ok, o.failed, o.written, o.missing)
}

// write begins to write to all replicas of the VMAgent.
func (l *load) write(ctx context.Context) error {
	agents := l.plane.AgentURLs(namespace, agentName)
	say("From now on: %d numbered samples per second to each of the %d replicas of vmagent", samplesRate, len(agents))
	var err error
	l.writer, err = dataplane.NewWriter(ctx, agents, series, samplesRate)
	return err
}

// read begins to query through all replicas of the VMAuth, as some VMUsers, once
// the zones show the series at all.
func (l *load) read(ctx context.Context, zones []string, users ...string) error {
	fmt.Printf("(waiting until queries to %s find the new series, which takes up to 15s)\n", strings.Join(zones, " and "))
	if err := l.untilShown(ctx, zones); err != nil {
		return err
	}
	targets := l.plane.AuthURLs(namespace, authName)
	for _, user := range users {
		reader, err := dataplane.NewReader(ctx, l.writer, dataplane.ReaderOptions{
			Targets: targets, Token: user, Path: "/prometheus", Rate: queriesRate,
		})
		if err != nil {
			return err
		}
		l.readers = append(l.readers, reader)
	}
	say("From now on: %d queries per second through %d replicas of vmauth, as VMUser %s", queriesRate, len(targets), strings.Join(users, ", and as many as "))
	fmt.Printf("A read fails if it is not answered, or if a sample is missing that was written more than %s before.\n", dataplane.DefaultSlack)
	return nil
}

// untilShown returns when queries to the zones have found all but the latest
// samples for a while. The two replicas of vmagent bring a new series at the same
// moment, and a zone may make it twice and show one of both only, for up to 10
// seconds: that the first samples are found says nothing of those that follow.
func (l *load) untilShown(ctx context.Context, zones []string) error {
	since := time.Time{}
	for {
		shown, err := l.shown(ctx, zones)
		switch {
		case !shown:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= shownFor:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %v to show %s: %w", zones, series, errors.Join(err, ctx.Err()))
		case <-time.After(auditPause):
		}
	}
}

// shown tells whether the zones show all samples but those of the last seconds.
func (l *load) shown(ctx context.Context, zones []string) (bool, error) {
	due := l.writer.Written() - int(shownAfter.Seconds()*samplesRate)
	if due <= 0 {
		return false, nil
	}
	for _, zone := range zones {
		gaps, err := l.plane.Audit(ctx, namespace, zone, l.writer)
		if err != nil || len(gaps) > 0 && gaps[0].First < due {
			return false, err
		}
	}
	return true, nil
}

// counts adds up what became of the queries so far.
func (l *load) counts() (ok, failed int64) {
	for _, reader := range l.readers {
		counts := reader.Counts()
		ok, failed = ok+counts.OK, failed+counts.Failed+counts.Incomplete
	}
	return ok, failed
}

// line is how things are now.
func (l *load) line(ctx context.Context) string {
	ok, failed := l.counts()
	return fmt.Sprintf("reads: %d ok, %d failed; samples: %d written; queues: %s", ok, failed, l.writer.Written(), l.queues.line(ctx))
}

// verdict is an error if anything failed or is missing, or if nothing was tried.
func (o outcome) verdict() error {
	if o.failed > 0 || o.missing > 0 || o.ok == 0 || o.written == 0 {
		return errors.New(o.String())
	}
	return nil
}

// conclude ends the load and looks for every sample in every zone. Its error says
// what failed or is missing.
func (l *load) conclude(ctx context.Context) (outcome, error) {
	say("The load ends. Is every sample in every zone?")
	ctx, cancel := context.WithTimeout(ctx, auditPatience)
	defer cancel()
	problems := []error{l.writer.Stop(ctx)}
	for _, reader := range l.readers {
		reader.Stop()
		for _, problem := range reader.Problems() {
			problems = append(problems, fmt.Errorf("at %s a read failed: %s", problem.Time.Format(time.TimeOnly), problem.Text))
		}
	}
	found := outcome{written: l.writer.Written()}
	found.ok, found.failed = l.counts()
	for _, zone := range l.queues.zones() {
		gaps, err := l.audit(ctx, zone)
		if err != nil {
			problems = append(problems, fmt.Errorf("zone %s lacks samples %v: %w", zone, gaps, err))
		}
		missing := dataplane.Missing(gaps)
		fmt.Printf("%s: %d of %d\n", zone, found.written-missing, found.written)
		found.missing += missing
	}
	return found, errors.Join(append([]error{found.verdict()}, problems...)...)
}

// audit returns the samples that a zone lacks once it has had time to get them.
func (l *load) audit(ctx context.Context, zone string) ([]dataplane.Gap, error) {
	for {
		gaps, err := l.plane.Audit(ctx, namespace, zone, l.writer)
		if err == nil && len(gaps) == 0 {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return gaps, errors.Join(err, ctx.Err())
		case <-time.After(auditPause):
		}
	}
}
