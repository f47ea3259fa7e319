// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxRunes is how long one warning may be: what is longer is cut by the server
	// once all warnings of a request have more than 4096 runes.
	maxRunes = 256
	// maxWarnings is how many there may be. Ten of the greatest length leave room for
	// those of others.
	maxWarnings = 10
	// maxNamed is how many of several objects are named.
	maxNamed = 3
)

// few leaves out what is too much to be read. The first are the most important.
func few(texts []string) []string {
	more := len(texts) - maxWarnings
	if more <= 0 {
		return texts
	}
	return append(slices.Clone(texts[:maxWarnings]), fmt.Sprintf("spec: and %d more %s", more, plural(texts[maxWarnings:], "warning like these", "warnings like these")))
}

// shortest returns the first of several ways to say the same that is short enough,
// or the beginning of the last.
func shortest(ways ...string) string {
	for _, way := range ways {
		if utf8.RuneCountInString(way) <= maxRunes {
			return way
		}
	}
	const end = "..."
	return string([]rune(ways[len(ways)-1])[:maxRunes-len(end)]) + end
}

// say formats a warning.
func say(format string, args ...any) string { return shortest(fmt.Sprintf(format, args...)) }

// quoted names objects: "a", "b" and 3 more.
func quoted(names []string) string {
	words := make([]string, 0, maxNamed)
	for _, name := range names {
		words = append(words, strconv.Quote(name))
	}
	return listed(words)
}

// listed joins words, the first of them where there are many.
func listed(words []string) string {
	last := len(words) - 1
	switch {
	case last < 0:
		return ""
	case last == 0:
		return words[0]
	case len(words) > maxNamed:
		return fmt.Sprintf("%s and %d more", strings.Join(words[:maxNamed-1], ", "), len(words)-maxNamed+1)
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// counted names objects of a kind: VMUser "a", or VMUsers "a" and "b".
func counted(kind string, names []string) string {
	return plural(names, kind, kind+"s") + " " + quoted(names)
}

// plural chooses the word that fits the number of names.
func plural(names []string, one, many string) string {
	if len(names) == 1 {
		return one
	}
	return many
}
