// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"encoding/json"
	"os"
	"sync"
)

// reportVariable names the file that hack/test.sh prints from.
const reportVariable = "VMDC_TEST_REPORT"

// report collects what is to be read by whoever runs the tests, pass or fail.
var report findings

type findings struct {
	mu    sync.Mutex
	lines []string
}

func (f *findings) add(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, line)
}

// write appends the lines to the file, each as a package that passed: that is what the
// runner of the tests prints.
func (f *findings) write() error {
	path := os.Getenv(reportVariable)
	if path == "" || len(f.lines) == 0 {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	out := json.NewEncoder(file)
	for _, line := range f.lines {
		for _, event := range []map[string]string{
			{"Action": "start"},
			{"Action": "run", "Test": "TestStore"},
			{"Action": "pass", "Test": "TestStore"},
			{"Action": "output", "Output": "ok  \t" + line + "\n"},
			{"Action": "pass"},
		} {
			event["Package"] = line
			if err := out.Encode(event); err != nil {
				return err
			}
		}
	}
	return nil
}
