// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package figures collects what a benchmark measures, and writes it as tables for
// people and as lines for programs.
package figures

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Peer is the side that the others are held against.
const Peer = "CRD"

// Figure is the median of what several rounds found of one thing on one side.
type Figure struct {
	// Of names what was measured, such as "get, 3 zones, 1 client, p50".
	Of string
	// Side is who was measured: a column of the table.
	Side string
	// Unit is that of Value.
	Unit string
	// Value is the median, Low and High the extremes.
	Value, Low, High float64
}

// Book holds figures. The zero value is usable.
type Book struct{ figures []Figure }

// Add writes down the median of values.
func (b *Book) Add(of, side, unit string, values ...float64) {
	if len(values) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(values))
	b.figures = append(b.figures, Figure{Of: of, Side: side, Unit: unit, Value: median(sorted), Low: sorted[0], High: sorted[len(sorted)-1]})
}

func median(sorted []float64) float64 {
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Empty is true before the first figure.
func (b *Book) Empty() bool { return len(b.figures) == 0 }

// find returns a figure, or nil.
func (b *Book) find(of, side string) *Figure {
	for i := range b.figures {
		if f := &b.figures[i]; f.Of == of && f.Side == side {
			return f
		}
	}
	return nil
}

// Value returns a figure's median, NaN where there is none.
func (b *Book) Value(of, side string) float64 {
	if f := b.find(of, side); f != nil {
		return f.Value
	}
	return math.NaN()
}

// ratio is a figure's to that of the peer, NaN where there is none.
func (b *Book) ratio(f Figure) float64 {
	if peer := b.find(f.Of, Peer); peer != nil && peer.Value != 0 && f.Side != Peer {
		return f.Value / peer.Value
	}
	return math.NaN()
}

// WriteLines writes "name value unit ratio-to-peer" for each figure, a name being
// without spaces; "-" stands where there is no peer.
func (b *Book) WriteLines(w io.Writer) error {
	for _, f := range b.figures {
		ratio := "-"
		if r := b.ratio(f); !math.IsNaN(r) {
			ratio = fmt.Sprintf("%.3f", r)
		}
		if _, err := fmt.Fprintln(w, name(f), number(f.Value), f.Unit, ratio); err != nil {
			return err
		}
	}
	return nil
}

func name(f Figure) string {
	return strings.NewReplacer(", ", ".", " ", "-").Replace(f.Of + ", " + f.Side)
}

// WriteTable writes a Markdown table with a line for each thing measured and a column
// for each side: the median, half of the distance between the extremes, and the ratio to
// the peer.
func (b *Book) WriteTable(w io.Writer) error {
	var sides, things []string
	for _, f := range b.figures {
		if !slices.Contains(sides, f.Side) {
			sides = append(sides, f.Side)
		}
		if !slices.Contains(things, f.Of) {
			things = append(things, f.Of)
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "| | | %s |\n| --- | --- |%s\n", strings.Join(sides, " | "), strings.Repeat(" --- |", len(sides)))
	for _, of := range things {
		cells, unit := make([]string, len(sides)), ""
		for i, side := range sides {
			if f := b.find(of, side); f != nil {
				unit, cells[i] = f.Unit, b.cell(*f)
			}
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", of, unit, strings.Join(cells, " | "))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func (b *Book) cell(f Figure) string {
	text := number(f.Value)
	if f.High > f.Low {
		text += " ± " + number((f.High-f.Low)/2)
	}
	if r := b.ratio(f); !math.IsNaN(r) {
		text += fmt.Sprintf(" (%.2f)", r)
	}
	return text
}

// number is a value in three significant digits, unless it has more before the point.
func number(value float64) string {
	switch size := math.Abs(value); {
	case size >= 100 || size == 0:
		return fmt.Sprintf("%.0f", value)
	case size >= 10:
		return fmt.Sprintf("%.1f", value)
	case size >= 1:
		return fmt.Sprintf("%.2f", value)
	default:
		return fmt.Sprintf("%.3f", value)
	}
}
