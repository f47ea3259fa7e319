// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// lackingError is that of a right that whoever runs this does not have.
type lackingError struct {
	right string
	cause error
}

func (e *lackingError) Error() string { return fmt.Sprintf("you may not %s: %v", e.right, e.cause) }

func (e *lackingError) Unwrap() error { return e.cause }

// mayNot names the right that an error is for want of, if it is. The name is "" for all
// objects of the resource.
func mayNot(err error, verb string, resource schema.GroupVersionResource, name string) error {
	if !apierrors.IsForbidden(err) {
		return err
	}
	right := verb + " " + resource.GroupResource().String()
	if name != "" {
		right += " " + name
	}
	return &lackingError{right, err}
}

// unseen is what to tell where a look has failed before anything was changed.
func unseen(at string, err error) error {
	var lacking *lackingError
	if errors.As(err, &lacking) {
		return fmt.Errorf("looking at %s: you may not %s, and nothing was changed: run this as somebody who may (%w)", at, lacking.right, lacking.cause)
	}
	return fmt.Errorf("looking at %s: %w", at, err)
}
