// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"net/http"
	"strings"
)

// openAPIV3Path begins the path of each OpenAPI document of the newer form.
const openAPIV3Path = "/openapi/v3/"

// withCurrentOpenAPI answers for a document of the newer form with what it is now,
// though the caller may have asked for it by the hash of what it was. The generic
// server answers that with a redirect, which kube-apiserver does not follow: between
// a change of the document and its next look at our hashes, up to a minute later, it
// would turn everybody away.
func withCurrentOpenAPI(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, openAPIV3Path) || !r.URL.Query().Has("hash") {
			next.ServeHTTP(w, r)
			return
		}
		held := &redirectHolder{ResponseWriter: w}
		next.ServeHTTP(held, r)
		if !held.held {
			return
		}
		w.Header().Del("Location")
		current := r.Clone(r.Context())
		query := current.URL.Query()
		query.Del("hash") // without it, nobody is told to keep the answer for ever
		current.URL.RawQuery = query.Encode()
		next.ServeHTTP(w, current)
	})
}

// redirectHolder passes an answer on, unless it is a redirect.
type redirectHolder struct {
	http.ResponseWriter
	held bool
}

// WriteHeader passes the status on.
func (h *redirectHolder) WriteHeader(status int) {
	if status == http.StatusMovedPermanently {
		h.held = true
		return
	}
	h.ResponseWriter.WriteHeader(status)
}

// Write passes a part of the body on.
func (h *redirectHolder) Write(part []byte) (int, error) {
	if h.held {
		return len(part), nil
	}
	return h.ResponseWriter.Write(part)
}
