// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"strings"
	"unicode/utf8"
)

// style is how a terminal is to show a text: a parameter of the escape sequence
// Select Graphic Rendition (ECMA-48).
type style string

const (
	plain  style = ""
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	blue   style = "34"
)

func (s style) apply(text string, colour bool) string {
	if s == plain || !colour || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// cell is one place of a table.
type cell struct {
	text  string
	style style
}

// row is one line of it. Of a line of prose only the first cell counts, and it takes
// part in no column's width.
type row struct {
	cells []cell
	prose bool
}

func prose(text string, how style) row { return row{cells: []cell{{text, how}}, prose: true} }

// layout puts rows into columns. Lines are cut at the width; 0 is for none.
func layout(rows []row, options Options) string {
	var widths []int
	for _, line := range rows {
		if line.prose {
			continue
		}
		for i, c := range line.cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var out strings.Builder
	for _, line := range rows {
		writeRow(&out, line, widths, options)
		out.WriteByte('\n')
	}
	return out.String()
}

// gap is between two columns.
const gap = "  "

func writeRow(out *strings.Builder, line row, widths []int, options Options) {
	left := options.Width
	for i, c := range line.cells {
		text, last := c.text, i == len(line.cells)-1
		if options.Width > 0 {
			text = cut(text, left)
		}
		out.WriteString(c.style.apply(text, options.Colour))
		if last {
			return
		}
		padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)) + gap
		if left -= widths[i] + len(gap); options.Width > 0 && left <= 0 {
			return
		}
		if !emptyAfter(line.cells, i) {
			out.WriteString(padding)
		}
	}
}

// emptyAfter is true where nothing follows in a line, which is to have no blanks at
// its end then.
func emptyAfter(cells []cell, i int) bool {
	for _, c := range cells[i+1:] {
		if c.text != "" {
			return false
		}
	}
	return true
}

// cut shortens a text to so many characters.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	if width <= 1 {
		return strings.Repeat("…", max(width, 0))
	}
	return string([]rune(text)[:width-1]) + "…"
}
