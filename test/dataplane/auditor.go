// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Gap is a run of samples that are missing, both ends included.
type Gap struct{ First, Last int }

// Missing counts the samples in gaps.
func Missing(gaps []Gap) int {
	n := 0
	for _, gap := range gaps {
		n += gap.Last - gap.First + 1
	}
	return n
}

// Audit asks the process of a zone, beside vmauth, for every sample that was
// acknowledged, and returns those that it lacks.
func (d *DataPlane) Audit(ctx context.Context, namespace, zone string, w *Writer) ([]Gap, error) {
	seen, err := d.look(ctx, namespace, zone, w)
	if err != nil {
		return nil, fmt.Errorf("auditing zone %s/%s: %w", namespace, zone, err)
	}
	return gapsOf(seen), nil
}

// look tells which of the samples acknowledged so far a zone has.
func (d *DataPlane) look(ctx context.Context, namespace, zone string, w *Writer) ([]bool, error) {
	address := d.ZoneURL(namespace, zone)
	if address == "" {
		return nil, errors.New("no process of it is known")
	}
	seen := make([]bool, w.Written())
	// What was just written is not shown otherwise.
	if err := d.get(ctx, address+"/internal/force_flush", func(io.Reader) error { return nil }); err != nil {
		return nil, err
	}
	query := url.Values{
		"match[]": {w.Series()},
		"start":   {seconds(w.begun.Add(-time.Second))}, "end": {seconds(time.Now().Add(time.Minute))},
	}
	return seen, d.get(ctx, address+"/api/v1/export?"+query.Encode(), func(body io.Reader) error { return mark(body, seen) })
}

// UntilShown returns when queries to a zone find what the writer wrote in its
// first second. A series that is new to a zone is not found for up to 10 seconds,
// wholly or, where vmagent's replicas made it at the same moment, in part: the
// index remembers that it was not there. Start a reader after that.
func (d *DataPlane) UntilShown(ctx context.Context, namespace, zone string, w *Writer) error {
	for {
		seen, err := d.look(ctx, namespace, zone, w)
		if first := int(w.rate); err == nil && len(seen) >= first && !slices.Contains(seen[:first], false) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for zone %s/%s to show %s: %w", namespace, zone, w.Series(), errors.Join(err, ctx.Err()))
		case <-time.After(showing):
		}
	}
}

// showing is how often a zone is asked for a new series.
const showing = 200 * time.Millisecond

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

func (d *DataPlane) get(ctx context.Context, address string, read func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", address, response.Status)
	}
	return read(response.Body)
}

// mark notes the values of exported series: JSON objects, one after the other.
func mark(body io.Reader, seen []bool) error {
	decoder := json.NewDecoder(body)
	for {
		var series struct {
			Values []float64 `json:"values"`
		}
		err := decoder.Decode(&series)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading an export: %w", err)
		}
		for _, value := range series.Values {
			if n := int(value); n >= 0 && n < len(seen) {
				seen[n] = true
			}
		}
	}
}

func gapsOf(seen []bool) []Gap {
	var gaps []Gap
	for n, there := range seen {
		switch last := len(gaps) - 1; {
		case there:
		case last >= 0 && gaps[last].Last == n-1:
			gaps[last].Last = n
		default:
			gaps = append(gaps, Gap{First: n, Last: n})
		}
	}
	return gaps
}
