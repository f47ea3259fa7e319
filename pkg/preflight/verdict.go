// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

// Overlay is a way to install the server.
type Overlay string

const (
	// Base serves the kind in the operator's group.
	Base Overlay = "artifacts/base"
	// Beside serves it in a group of its own.
	Beside Overlay = "artifacts/overlays/beside-the-operator"
	// Undecided stands for none, where it can't be told which one fits.
	Undecided Overlay = ""
)

// Overlays are all there are.
func Overlays() []Overlay { return []Overlay{Base, Beside} }

// other is the one that this one is not.
func (o Overlay) other() Overlay {
	if o == Base {
		return Beside
	}
	return Base
}

// Plan is what somebody wants to install.
type Plan struct {
	// Overlay is the one that they want; "" leaves the choice to Judge.
	Overlay Overlay
	// WithoutPlugins are the admission plugins that the server will run without.
	WithoutPlugins []string
}

// Level says how bad a finding is.
type Level string

const (
	// Blocking has to be mended first.
	Blocking Level = "blocking"
	// Warning may go wrong, or can't be told.
	Warning Level = "warning"
	// Note is good to know.
	Note Level = "note"
)

// Finding is one thing to know before an installation.
type Finding struct {
	Level Level `json:"level"`
	// Topic is a word for programs, such as OperatorKinds.
	Topic string `json:"topic"`
	// Message says what there is, and what that leads to.
	Message string `json:"message"`
	// Remedy says what to do about it.
	Remedy string `json:"remedy,omitempty"`
}

// Verdict is what to make of Facts.
type Verdict struct {
	// Overlay is the one that this verdict is about.
	Overlay Overlay `json:"overlay"`
	// Recommended is the one that fits, and Why says so. It is Undecided where what could
	// not be read would tell.
	Recommended Overlay `json:"recommended"`
	Why         string  `json:"why"`
	// Ready tells whether nothing stands against Overlay.
	Ready bool `json:"ready"`
	// Findings are about Overlay, the worst first.
	Findings []Finding `json:"findings,omitempty"`
	// Instead says what the other overlay would take.
	Instead string `json:"instead"`
}
