// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package spawn

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestTailShowsThisRunOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log", "it.log")
	write := func(lines ...string) Log {
		t.Helper()
		log, file, err := OpenLog(path)
		must(t, err)
		_, err = fmt.Fprintln(file, strings.Join(lines, "\n"))
		must(t, err)
		must(t, file.Close())
		return log
	}
	write("an earlier run", "panic: long ago")
	write("one", "two", "three")
	panicked := write("zero", "panic: now", "goroutine 1", "main.main()")

	if got := panicked.Tail(2); !strings.HasSuffix(got, "\n  | panic: now\n  | goroutine 1") {
		t.Errorf("tail of a run that panicked: %s", got)
	}
	if panicked.Contains("long ago") || !panicked.Contains("main.main") {
		t.Error("a run is not told from an earlier one")
	}
	if got := (Log{Path: path + ".absent"}).Tail(2); !strings.Contains(got, "does not exist") {
		t.Errorf("tail of a log that is not there: %s", got)
	}
	last := write("four", "five", "six")
	if got := last.Tail(2); !strings.HasSuffix(got, "\n  | five\n  | six") {
		t.Errorf("tail: %s", got)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
