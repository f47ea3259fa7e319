// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package wording

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOfSeveralObjectsFewAreNamed(t *testing.T) {
	for want, names := range map[string][]string{
		`zone "a"`:                    {"a"},
		`zones "a" and "b"`:           {"a", "b"},
		`zones "a", "b" and "c"`:      {"a", "b", "c"},
		`zones "a", "b" and 2 more`:   {"a", "b", "c", "d"},
		`zones "\"", "\n" and 3 more`: {"\"", "\n", "c", "d", "e"},
	} {
		if got := Counted("zone", names); got != want {
			t.Errorf("of %q it says %s, want %s", names, got, want)
		}
	}
}

func TestWhatIsTooLongIsSaidShorterOrCut(t *testing.T) {
	long := strings.Repeat("ä", MaxRunes+1)
	if got := Shortest(long, "short", "shorter"); got != "short" {
		t.Errorf("says %s", got)
	}
	if got := Say("%s", long); utf8.RuneCountInString(got) != MaxRunes || !strings.HasSuffix(got, "ä...") {
		t.Errorf("says %s", got)
	}
}
