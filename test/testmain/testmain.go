// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package testmain runs the tests of a package that share what takes long to start.
package testmain

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"testing"
)

// Shared says what the tests of a package share.
type Shared struct {
	// Name begins that of the folder for what is thrown away in the end. A short one:
	// programs make unix sockets below it, whose paths have a limit of about 100 bytes.
	Name string
	// Together is how many tests run at the same time unless -test.parallel says so:
	// most wait for others, and need no core of their own. Zero leaves it to go test.
	Together int
	// Start brings up what is shared. What it has started when it fails, it stops. Out
	// gets the progress of that; nil where nobody wants to know.
	Start func(dir string, out io.Writer) (stop func() error, err error)
}

// Run starts what is shared, runs the tests, stops it, and ends the process with the
// status of all that.
func Run(m *testing.M, shared Shared) {
	flag.Parse()
	status, err := shared.run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func (s Shared) run(m *testing.M) (status int, err error) {
	if parallel := flag.Lookup("test.parallel"); s.Together > 0 && parallel.Value.String() == parallel.DefValue {
		if err := flag.Set("test.parallel", strconv.Itoa(s.Together)); err != nil {
			return 0, err
		}
	}
	dir, err := os.MkdirTemp("", s.Name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var out io.Writer
	if testing.Verbose() {
		out = os.Stderr
	}
	stop, err := s.Start(dir, out)
	if err != nil {
		return 0, fmt.Errorf("starting what the tests share (make tools build standin builds the programs): %w", err)
	}
	defer func() { err = errors.Join(err, stop()) }()
	return m.Run(), nil
}
