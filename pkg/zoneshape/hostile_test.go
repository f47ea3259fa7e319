// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"fmt"
	"strings"
	"testing"
)

const mebibyte = 1 << 20

// TestHostileBodiesStaySmall: neither the result nor an error holds much more than
// the body did. One that is expanded without a guard does not come to an end.
func TestHostileBodiesStaySmall(t *testing.T) {
	for name, body := range hostileBodies(mebibyte) {
		for _, mediaType := range []string{jsonType, yamlType, patchType} {
			t.Run(name+" as "+mediaType, func(t *testing.T) {
				got, err := Normalise(mediaType, []byte(body))
				if err != nil && len(err.Error()) > 4*maxQuoted {
					t.Errorf("the error is %d bytes long: %.200s", len(err.Error()), err)
				}
				if len(got.Body) > 2*len(body) {
					t.Errorf("%d bytes became %d", len(body), len(got.Body))
				}
			})
		}
	}
}

// hostileBodies returns bodies of about the given size, or that pretend to be
// larger.
func hostileBodies(size int) map[string]string {
	text := strings.Repeat("x", size)
	return map[string]string{
		"open lists":                  strings.Repeat("[", size),
		"open objects":                strings.Repeat(`{"spec":`, size/8),
		"open flow maps":              strings.Repeat("{", size),
		"deep lists":                  strings.Repeat("[", size/2) + strings.Repeat("]", size/2),
		"deep zones":                  `{"spec":{"zones":` + strings.Repeat("[", min(size, 9000)) + strings.Repeat("]", min(size, 9000)) + `}}`,
		"deep zones beyond the limit": `{"spec":{"zones":` + strings.Repeat("[", min(size, 11000)) + strings.Repeat("]", min(size, 11000)) + `}}`,
		"many small zones":            `{"spec":{"zones":[` + strings.Repeat("1,", size/2) + `1]}}`,
		"many wrapped zones":          `{"spec":{"zones":[` + strings.Repeat(`{"vmclusters":{}},`, size/18) + `1]}}`,
		"many keys":                   `{"spec":{` + strings.Repeat(`"zones":1,`, size/10) + `"zones":[]}}`,
		"many keys beside vmclusters": `{"spec":{"zones":[{"vmclusters":{}` + strings.Repeat(`,"x":1`, size/6) + `}]}}`,
		"a long key beside":           `{"spec":{"zones":[{"vmclusters":1,"` + text + `":1}]}}`,
		"a long key inside":           `{"spec":{"zones":[{"vmclusters":{"` + text + `":1},"` + text + `":1}]}}`,
		"a long list path":            `[{"op":"add","path":"/spec/zones/0/` + text + `","value":[]}]`,
		"a long list path, bytes":     "[{\"op\":\"add\",\"path\":\"/spec/zones/0/" + strings.Repeat("\xff", size) + "\",\"value\":[]}]",
		"a long anchor":               "spec: {zones: [*" + text + "]}\n",
		"many operations":             `[` + strings.Repeat(`{"op":"add","path":"/spec/zones","value":[]},`, size/45) + `1]`,
		"a long path":                 `[{"op":"add","path":"` + strings.Repeat("/", size) + `","value":[]}]`,
		"a long string":               `{"spec":{"zones":["` + text + `"]}}`,
		"an open string":              `"` + text,
		"nested sequences":            strings.Repeat("- ", size/2),
		"nested keys":                 strings.Repeat("? ", size/2),
		"many anchors":                strings.Repeat("&a ", size/3),
		"many comments":               "a: '*'\n" + strings.Repeat("# x\n", size/4),
		"many documents":              strings.Repeat("---\n", size/4),
		"many equal YAML keys":        "x: '*'\nspec: {zones: []}\n" + strings.Repeat("a: b\n", size/20),
		"laughs":                      laughs(40),
		"an alias to itself":          "spec: &a {zones: [*a]}\n",
		"a long string, many times":   "a: &a " + text + "\nspec:\n  zones:\n" + strings.Repeat("  - *a\n", size/5),
		"a long string in a key":      "a: &a " + text + "\n? [" + strings.Repeat("*a ,", size/5) + "]\n: 1\n",
		"a long key, many times":      "a: &a " + text + "\nspec: {zones: []}\nb:\n" + strings.Repeat("  *a : 1\n", size/10),
		"a long merge, many times":    "a: &a {b: " + text + "}\nspec: {zones: []}\nc:\n" + strings.Repeat("  - <<: *a\n", size/10),
	}
}

// laughs returns YAML of which every level repeats the one before three times.
func laughs(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [lol]\n")
	for i := 1; i < levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d,*a%d,*a%d]\n", i, i, i-1, i-1, i-1)
	}
	fmt.Fprintf(&b, "spec: {zones: [*a%d]}\n", levels-1)
	return b.String()
}

func TestYAMLBombsAreRefusedWithAReason(t *testing.T) {
	expectError(t, yamlType, laughs(40), "", "expanding the aliases")
	expectError(t, applyType, "a: &a "+strings.Repeat("x", mebibyte)+"\nb: [*a, *a, *a, *a]\n", "", "expanding the aliases")
}
