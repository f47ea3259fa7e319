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
	line("judged:   %s", v.Manifests)
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
	switch {
	case !v.Ready:
		line("not ready: mend what is blocking, and run this again")
	case len(v.Apply) == 1:
		line("ready: kubectl apply -k %s", v.Apply[0])
	default:
		line("ready: apply a kustomization of %s", strings.Join(v.Apply, ", "))
	}
	return b.String()
}
