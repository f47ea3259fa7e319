// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"reflect"
	"testing"
)

const rounds = 20000

// checkLaws holds for every base without nulls, every patch, and every live
// document that somebody may have made of the two.
func checkLaws(t testing.TB, base, patch, live map[string]any) {
	t.Helper()
	applied, inverse := Apply(base, patch), Inverse(base, patch)
	if got := Apply(applied, inverse); !reflect.DeepEqual(got, base) {
		t.Errorf("the inverse does not bring base back\n base %s\npatch %s\n  inv %s\n  got %s",
			render(t, base), render(t, patch), render(t, inverse), render(t, got))
	}
	if again := Apply(applied, patch); !reflect.DeepEqual(again, applied) {
		t.Errorf("applying twice is not applying once\n base %s\npatch %s\n  got %s", render(t, base), render(t, patch), render(t, again))
	}
	if got, foreign := Rebase(applied, patch, inverse); !reflect.DeepEqual(got, base) || foreign != nil {
		t.Errorf("an untouched document does not rebase to base\n base %s\npatch %s\n  got %s\nforeign %q",
			render(t, base), render(t, patch), render(t, got), foreign)
	}
	checkRebase(t, live, patch, inverse)
}

// checkRebase holds for any live document, whatever its history.
func checkRebase(t testing.TB, live, applied, inverse map[string]any) {
	t.Helper()
	original, foreign := Rebase(live, applied, inverse)
	if foreign == nil && !Equal(Apply(original, applied), copyMap(live)) {
		t.Errorf("nothing foreign, yet the override on the original is not live\nlive %s\napplied %s\ninverse %s\noriginal %s",
			render(t, live), render(t, applied), render(t, inverse), render(t, original))
	}
	// The next pass, with the records made anew, finds peace.
	next := Apply(original, applied)
	again, contended := Rebase(next, applied, Inverse(original, applied))
	if !Equal(again, original) || contended != nil {
		t.Errorf("a second pass does not agree with the first\nlive %s\napplied %s\ninverse %s\nfirst %s\nsecond %s\nforeign %q",
			render(t, live), render(t, applied), render(t, inverse), render(t, original), render(t, again), contended)
	}
	// What applied does not name is as it was: mask what it names, and compare.
	mask := masking(applied)
	if l, o := Apply(live, mask), Apply(original, mask); !Equal(withoutEmpty(l), withoutEmpty(o)) {
		t.Errorf("a path outside the override changed\nlive %s\napplied %s\ninverse %s\noriginal %s",
			render(t, live), render(t, applied), render(t, inverse), render(t, original))
	}
}

// masking returns the patch that removes every leaf of applied.
func masking(applied map[string]any) map[string]any {
	mask := map[string]any{}
	for key, value := range applied {
		mask[key] = nil
		if sub, ok := value.(map[string]any); ok && len(sub) > 0 {
			mask[key] = masking(sub)
		}
	}
	return mask
}

// withoutEmpty drops maps that hold nothing: the mask makes them on its way, and
// whether an emptied map stays is the table's business.
func withoutEmpty(doc map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range doc {
		if sub, ok := value.(map[string]any); ok {
			if sub = withoutEmpty(sub); len(sub) > 0 {
				out[key] = sub
			}
		} else if value != nil {
			out[key] = value
		}
	}
	return out
}

func TestLawsHoldForRandomDocuments(t *testing.T) {
	r := seeded(t)
	for i := 0; i < rounds && !t.Failed(); i++ {
		base, patch := randomMap(r, 3, false), randomMap(r, 3, true)
		checkLaws(t, base, patch, mutate(r, Apply(base, patch)))
		checkRebase(t, randomMap(r, 3, true), patch, randomMap(r, 3, true))
	}
}

func TestDiffLeadsThereForRandomDocuments(t *testing.T) {
	r := seeded(t)
	for i := 0; i < rounds && !t.Failed(); i++ {
		checkDiff(t, randomMap(r, 3, false), randomMap(r, 3, false))
	}
}

func checkDiff(t testing.TB, from, to map[string]any) {
	t.Helper()
	patch := Diff(from, to)
	if got := Apply(from, patch); !Equal(got, to) {
		t.Errorf("the difference does not lead there\nfrom %s\n  to %s\npatch %s\n got %s",
			render(t, from), render(t, to), render(t, patch), render(t, got))
	}
	if (patch == nil) != Equal(from, to) {
		t.Errorf("Diff and Equal disagree\nfrom %s\n  to %s\npatch %s", render(t, from), render(t, to), render(t, patch))
	}
}
