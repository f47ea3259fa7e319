// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"fmt"
	"strings"
)

// Text is the plan for people who want to know it beforehand.
func (p Plan) Text() string {
	var b strings.Builder
	for _, why := range p.Refused {
		fmt.Fprintf(&b, "refused  %s\n", why)
	}
	for _, step := range p.Steps {
		fmt.Fprintf(&b, "%-8s %s\n", words(step)[0], step.What)
	}
	b.WriteString(p.keptText())
	return b.String()
}

// DoneText says that a step was taken.
func (s Step) DoneText() string { return fmt.Sprintf("%-8s %s\n", words(s)[1], s.What) }

// keptText tells what stays.
func (p Plan) keptText() string {
	var b strings.Builder
	for _, note := range p.Kept {
		fmt.Fprintf(&b, "keep     %s: %s\n", note.What, note.Why)
	}
	return b.String()
}

// KeptText is what is said in the end, when nothing is planned any more.
func (p Plan) KeptText() string {
	return strings.ReplaceAll("\n"+p.keptText(), "\nkeep ", "\nkept ")[1:]
}

// words say what a step does, and that it is done.
func words(step Step) [2]string {
	switch step.Do {
	case Delete, DeleteRecords, DeleteRevisions:
		return [2]string{"delete", "deleted"}
	case CheckDrains:
		return [2]string{"check", "checked"}
	}
	return [2]string{"wait", "waited"}
}
