// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"slices"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/wording"
)

// maxWarnings is how many there may be. Ten of the greatest length leave room for
// those of others.
const maxWarnings = 10

// few leaves out what is too much to be read. The first are the most important.
func few(texts []string) []string {
	if len(texts) <= maxWarnings {
		return texts
	}
	more := texts[maxWarnings:]
	return append(slices.Clone(texts[:maxWarnings]), wording.Say("spec: and %d more %s like these", len(more), wording.Plural(more, "warning", "warnings")))
}
