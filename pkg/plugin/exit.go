// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"errors"
	"fmt"
)

// What the program ends with, for scripts to rely on.
const (
	// ExitDone is for what was asked for and came to be.
	ExitDone = 0
	// ExitError is for a wrong call, or a request that failed.
	ExitError = 1
	// ExitBlocked is for a rollout that waits for the user, or for something that will
	// not come by itself.
	ExitBlocked = 2
	// ExitTimeout is for one that took longer than was to be waited for.
	ExitTimeout = 3
)

// exitError is an error that the program ends with another code for than ExitError.
type exitError struct {
	code    int
	message string
}

func (e *exitError) Error() string { return e.message }

func exitf(code int, format string, args ...any) error {
	return &exitError{code: code, message: fmt.Sprintf(format, args...)}
}

// exitCode is what the program ends with after an error.
func exitCode(err error) int {
	var coded *exitError
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &coded):
		return coded.code
	}
	return ExitError
}
