// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/endpoints/responsewriter"
)

// StoreGuard says whether the store is the one that the cluster knows.
type StoreGuard interface {
	// Admission ends when it is not any more. It is an error where it is not now.
	Admission() (context.Context, error)
	// Verify asks the store itself, after it was called. VerifyAbsence does so for who is
	// about to say that something is not there.
	Verify(ctx context.Context) error
	VerifyAbsence(ctx context.Context) error
}

// withGuardedStore answers 503 to all requests to our groups, whoever makes them, for
// as long as the store is none to answer from: neither that something is absent, which
// the garbage collector would act on, nor a list in which it is.
//
// The guard looks from time to time. What must not be wrong in between is verified: that
// something is absent, or not in a list, after it was found to be, so that it was true of
// a store that was there; and a write before it is made. Events of a watch are verified
// where they can be told from each other, in the registry.
func withGuardedStore(next http.Handler, store StoreGuard, serializer runtime.NegotiatedSerializer) http.Handler {
	if store == nil {
		return next
	}
	return &guarded{next: next, store: store, serializer: serializer, groups: servedGroups()}
}

type guarded struct {
	next       http.Handler
	store      StoreGuard
	serializer runtime.NegotiatedSerializer
	groups     sets.Set[string]
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.concerns(r.URL.Path) {
		g.next.ServeHTTP(w, r)
		return
	}
	admission, err := g.store.Admission()
	if err == nil && writes(r.Method) {
		err = g.store.Verify(r.Context())
	}
	if err != nil {
		g.refuse(w, r, err)
		return
	}
	// Watches end with the admission.
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	stop := context.AfterFunc(admission, func() { cancel(context.Cause(admission)) })
	defer stop()
	r = r.WithContext(ctx)
	g.next.ServeHTTP(responsewriter.WrapForHTTP1Or2(&verified{ResponseWriter: w, guarded: g, request: r}), r)
}

// concerns is true of what is below the path of one of our groups, discovery included.
func (g *guarded) concerns(path string) bool {
	rest, found := strings.CutPrefix(path, "/apis/")
	group, _, _ := strings.Cut(rest, "/")
	return found && g.groups.Has(group)
}

func writes(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return true
}

func (g *guarded) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := apierrors.NewServiceUnavailable(fmt.Sprintf("the store can't be answered from: %v", err))
	status.ErrStatus.Details = &metav1.StatusDetails{RetryAfterSeconds: retrySeconds}
	responsewriters.ErrorNegotiated(status, g.serializer, metav1.Unversioned, w, r)
}

// retrySeconds is when a client may ask again: nothing was done.
const retrySeconds = 1

// verified says of nothing that it is absent before the store was asked what it is.
type verified struct {
	http.ResponseWriter
	guarded *guarded
	request *http.Request
	// begun is true once there was a header, refused where the answer was replaced.
	begun, refused bool
}

var _ responsewriter.UserProvidedDecorator = &verified{}

func (v *verified) Unwrap() http.ResponseWriter { return v.ResponseWriter }

func (v *verified) WriteHeader(code int) {
	v.begun = true
	if v.saysAbsent(code) {
		if err := v.guarded.store.VerifyAbsence(v.request.Context()); err != nil {
			v.refused = true
			v.guarded.refuse(v.ResponseWriter, v.request, err)
			return
		}
	}
	v.ResponseWriter.WriteHeader(code)
}

// saysAbsent is true of an answer from which somebody could conclude that something is
// not there: one that says so, and a list, which was read whole before it is answered.
func (v *verified) saysAbsent(code int) bool {
	if code == http.StatusNotFound {
		return true
	}
	info, found := request.RequestInfoFrom(v.request.Context())
	return found && info.Verb == "list" && code == http.StatusOK
}

func (v *verified) Write(data []byte) (int, error) {
	if !v.begun {
		v.WriteHeader(http.StatusOK)
	}
	if v.refused {
		return len(data), nil
	}
	return v.ResponseWriter.Write(data)
}
