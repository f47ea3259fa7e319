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

// other is the one that this one is not.
func (o Overlay) other() Overlay {
	if o == Base {
		return Beside
	}
	return Base
}

// Plan is what somebody wants to install.
type Plan struct {
	// Manifests are those that they want; an Overlay that is open leaves the choice to
	// Judge.
	Manifests
	// WithoutPlugins are the admission plugins that the server will run without.
	WithoutPlugins []string
}

// judged are the manifests that a verdict about the facts is about.
func (p Plan) judged(facts Facts) Manifests {
	recommended, _ := recommend(facts)
	return p.decided(recommended)
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
	// Manifests are those that this verdict is about, and Apply the folders that they are in.
	Manifests
	Apply []string `json:"apply"`
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
