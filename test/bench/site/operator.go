// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"

	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// operate plays the operator, which finishes with everything at once. What Stop ends is
// in this process, so that it takes nothing from those that are measured.
func (s *Site) operate() error {
	operator, err := standin.New(s.Control.Config(), standin.Options{Lag: -1})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- operator.Run(ctx) }()
	s.stopOperator = func() error { cancel(); return <-ended }
	select {
	case <-operator.Ready():
		return nil
	case err := <-ended:
		ended <- nil
		return err
	}
}
