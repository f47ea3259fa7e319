// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

func TestErrorsThatComeBackArePermanent(t *testing.T) {
	resource := victoriametrics.VMClusterResource.GroupResource()
	answer := func(code int32, text string) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Message: text}}
	}
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"invalid":                  {apierrors.NewInvalid(victoriametrics.VMClusterKind.GroupKind(), "a", nil), true},
		"a bad request":            {apierrors.NewBadRequest("unknown field"), true},
		"forbidden":                {apierrors.NewForbidden(resource, "a", errors.New("no")), true},
		"an apply of a wrong type": {answer(http.StatusInternalServerError, "failed to create typed patch object (n/a; v1, Kind=VMCluster): .spec.x: expected map"), true},
		"a conflict":               {apierrors.NewConflict(resource, "a", errors.New("newer")), false},
		"too many requests":        {apierrors.NewTooManyRequests("later", 1), false},
		"an unknown error":         {answer(http.StatusInternalServerError, "etcdserver: leader changed"), false},
		"a webhook that fails":     {apierrors.NewInternalError(errors.New("failed calling webhook")), false},
		"no answer":                {errors.New("connection refused"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := permanent(fmt.Errorf("changing a VMCluster: %w", test.err)); got != test.want {
				t.Errorf("permanent: %v, want %v", got, test.want)
			}
		})
	}
}
