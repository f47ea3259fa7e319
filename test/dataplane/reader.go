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
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// DefaultSlack is how long ago a sample must have been acknowledged for a
	// query to have to find it: vmagent sends once in a second, and storage shows
	// new rows every two. On two cores that others use as well, 5 seconds were
	// not enough for one query in some hundreds.
	DefaultSlack = 8 * time.Second
	// DefaultWindow is how far back queries look.
	DefaultWindow = 30 * time.Second

	// readers is how many queries may be under way.
	readers = 8
	// readPatience bounds one query.
	readPatience = 10 * time.Second
	// noted is how many problems are kept with their details.
	noted = 50
)

// ReaderOptions say what a Reader asks, and whom.
type ReaderOptions struct {
	// Targets are the addresses of VMAuth's replicas. They are asked in turn.
	Targets []string
	// Token is the bearer token of the VMUser. Required.
	Token string
	// Path is put before that of the query. Default: that of vmselect.
	Path string
	// Rate is how many queries are made in a second.
	Rate int
	// Slack and Window are DefaultSlack and DefaultWindow by default.
	Slack, Window time.Duration
}

// ReadCounts are the outcomes of queries.
type ReadCounts struct {
	// OK answered with all samples that were acknowledged before the slack,
	// which are none while the writer is younger than that; Failed did not answer
	// with status 200 and a result; Incomplete lacked samples.
	OK, Failed, Incomplete int64
}

// Problem is one query that was not OK.
type Problem struct {
	Time time.Time
	Text string
}

// Reader queries what a Writer writes, all the time.
type Reader struct {
	options ReaderOptions
	writer  *Writer
	client  *http.Client
	cancel  context.CancelFunc
	reading sync.WaitGroup

	mu       sync.Mutex
	counts   ReadCounts
	problems []Problem
	slowest  time.Duration
}

// NewReader starts a reader.
func NewReader(ctx context.Context, writer *Writer, options ReaderOptions) (*Reader, error) {
	if options.Rate < 1 || len(options.Targets) == 0 || options.Token == "" {
		return nil, errors.New("a reader needs a rate, at least one target and a token")
	}
	if options.Path == "" {
		options.Path = "/select/0/prometheus"
	}
	if options.Slack == 0 {
		options.Slack = DefaultSlack
	}
	if options.Window == 0 {
		options.Window = DefaultWindow
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &Reader{
		options: options, writer: writer, cancel: cancel,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: readers}, Timeout: readPatience},
	}
	turns := make(chan int)
	r.reading.Go(func() { r.pace(ctx, turns) })
	for range readers {
		r.reading.Go(func() {
			for turn := range turns {
				r.read(ctx, options.Targets[turn%len(options.Targets)])
			}
		})
	}
	return r, nil
}

// pace hands out turns at the rate, until the context ends. Queries that are
// not answered in time make it slower.
func (r *Reader) pace(ctx context.Context, turns chan<- int) {
	defer close(turns)
	ticker := time.NewTicker(time.Second / time.Duration(r.options.Rate))
	defer ticker.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		select {
		case <-ctx.Done():
			return
		case turns <- turn:
		}
	}
}

// read makes one query and judges its answer.
func (r *Reader) read(ctx context.Context, target string) {
	asked := time.Now()
	until := asked.Add(-r.options.Slack)
	expected := r.writer.expected(until.Add(-r.options.Window), until, until)
	found, err := r.query(ctx, target, until)
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slowest = max(r.slowest, time.Since(asked))
	switch {
	case err != nil:
		r.counts.Failed++
		r.note(asked, err.Error())
	case found < expected:
		r.counts.Incomplete++
		r.note(asked, fmt.Sprintf("%s found %d of %d samples in the %v before %s", target, found, expected, r.options.Window, until.UTC().Format(time.RFC3339Nano)))
	default:
		r.counts.OK++
	}
}

func (r *Reader) note(at time.Time, text string) {
	if len(r.problems) < noted {
		r.problems = append(r.problems, Problem{Time: at, Text: text})
	}
}

// query counts the samples up to a time, as far back as the window reaches.
func (r *Reader) query(ctx context.Context, target string, until time.Time) (int, error) {
	form := url.Values{
		"query":   {fmt.Sprintf("count_over_time(%s[%dms])", r.writer.Series(), r.options.Window.Milliseconds())},
		"time":    {strconv.FormatFloat(float64(until.UnixMilli())/1000, 'f', 3, 64)},
		"nocache": {"1"},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target+r.options.Path+"/api/v1/query?"+form.Encode(), nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+r.options.Token)
	response, err := r.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, fmt.Errorf("%s: reading the answer: %w", target, err)
	}
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s answers %s: %s", target, response.Status, strings.TrimSpace(string(body[:min(len(body), 200)])))
	}
	return parseCount(body)
}

// parseCount reads the answer to a query for one number, 0 if there is none.
func parseCount(body []byte) (int, error) {
	var answer struct {
		Status string `json:"status"`
		Data   struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, fmt.Errorf("reading the answer to a query: %w", err)
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("the answer to a query is %.200s", body)
	}
	total := 0
	for _, result := range answer.Data.Result {
		text, _ := result.Value[1].(string)
		n, err := strconv.Atoi(text)
		if err != nil {
			return 0, fmt.Errorf("the answer to a query is %.200s", body)
		}
		total += n
	}
	return total, nil
}

// Counts returns the outcomes so far.
func (r *Reader) Counts() ReadCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// Problems returns the first queries that were not OK.
func (r *Reader) Problems() []Problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Problem(nil), r.problems...)
}

// Slowest returns the longest that a query took.
func (r *Reader) Slowest() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.slowest
}

// Stop ends the reading. A query under way counts for nothing.
func (r *Reader) Stop() {
	r.cancel()
	r.reading.Wait()
}
