// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import "strings"

// maxQuoted is how many bytes of the user's own text an error repeats.
const maxQuoted = 300

// brief cuts text that came with the request for use in an error, which would
// otherwise grow as large as the body, or larger.
func brief(text string) string {
	if len(text) <= maxQuoted {
		return text
	}
	return strings.ToValidUTF8(text[:maxQuoted], "") + "..."
}
