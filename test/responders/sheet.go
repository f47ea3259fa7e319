// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package responders

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// sheet is a page of metrics that is being written.
type sheet struct {
	out io.Writer
}

// show writes one sample; labels are pairs of name and value.
func (s *sheet) show(name string, value float64, labels ...string) {
	var pairs []string
	for i := 0; i+1 < len(labels); i += 2 {
		pairs = append(pairs, fmt.Sprintf("%s=%q", labels[i], labels[i+1]))
	}
	if len(pairs) > 0 {
		name += "{" + strings.Join(pairs, ",") + "}"
	}
	// Who has gone away meanwhile misses nothing.
	_, _ = fmt.Fprintf(s.out, "%s %f\n", name, value)
}

func (s *sheet) process(started time.Time) {
	s.show("process_start_time_seconds", float64(started.Unix()))
}
