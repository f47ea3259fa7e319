// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wording puts warnings into words: of several objects few are named, and
// no warning is long.
package wording

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxRunes is how long one warning may be: what is longer is cut by the server
	// once all warnings of a request have more than 4096 runes.
	MaxRunes = 256
	// maxNamed is how many of several objects are named.
	maxNamed = 3
)

// Shortest returns the first of several ways to say the same that is short enough,
// or the beginning of the last.
func Shortest(ways ...string) string {
	for _, way := range ways {
		if utf8.RuneCountInString(way) <= MaxRunes {
			return way
		}
	}
	const end = "..."
	return string([]rune(ways[len(ways)-1])[:MaxRunes-len(end)]) + end
}

// Say formats a warning.
func Say(format string, args ...any) string { return Shortest(fmt.Sprintf(format, args...)) }

// Quoted names objects: "a", "b" and 3 more.
func Quoted(names []string) string {
	words := make([]string, 0, maxNamed)
	for _, name := range names {
		words = append(words, strconv.Quote(name))
	}
	return Listed(words)
}

// Listed joins words, the first of them where there are many.
func Listed(words []string) string {
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

// Counted names objects of a kind: VMUser "a", or VMUsers "a" and "b".
func Counted(kind string, names []string) string {
	return Plural(names, kind, kind+"s") + " " + Quoted(names)
}

// Plural chooses the word that fits the number of names.
func Plural(names []string, one, many string) string {
	if len(names) == 1 {
		return one
	}
	return many
}
