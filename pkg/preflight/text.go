// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"cmp"
	"fmt"
	"strings"
)

// Text is the verdict for people.
func (v Verdict) Text(facts Facts) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("cluster:  Kubernetes %s", facts.Version)
	line("fits:     %s", cmp.Or(v.Recommended, "can't be told"))
	line("because:  %s", v.Why)
	if v.Overlay != v.Recommended {
		line("asked:    %s", v.Overlay)
	}
	line("instead:  %s", v.Instead)
	if len(v.Findings) > 0 {
		line("")
	}
	for _, finding := range v.Findings {
		line("%-9s %s", finding.Level+":", finding.Message)
		if finding.Remedy != "" {
			line("          -> %s", finding.Remedy)
		}
	}
	line("")
	if v.Ready {
		line("ready: kubectl apply -k %s", v.Overlay)
	} else {
		line("not ready: mend what is blocking, and run this again")
	}
	return b.String()
}
