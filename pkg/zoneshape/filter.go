// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/apiserver/pkg/endpoints/request"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// Options says which requests WithCanonicalZones looks into, and how it answers
// those that it refuses.
type Options struct {
	// Groups are the API groups that serve VMDistributedClusters.
	Groups sets.Set[string]
	// MaxBodyBytes is the largest request body to read, the server's own
	// MaxRequestBodyBytes. As there, zero means no limit.
	MaxBodyBytes int64
	// Serializer writes errors in the form that the client asks for.
	Serializer runtime.NegotiatedSerializer
	// CheckApplied, if set, may refuse the canonical body of a server-side apply.
	CheckApplied func(body []byte) error
}

// WithCanonicalZones rewrites the body of every request that writes a
// VMDistributedCluster so that next finds spec.zones in the canonical shape.
//
// It belongs around the API handler and inside the server's handler chain: it
// needs the RequestInfo, reads bodies of authorized callers only, and audit and
// admission see what it has made.
func WithCanonicalZones(next http.Handler, options Options) http.Handler {
	return &filter{next: next, Options: options}
}

type filter struct {
	next http.Handler
	Options
}

func (f *filter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	info, ok := request.RequestInfoFrom(r.Context())
	if !ok {
		responsewriters.InternalError(w, r, errors.New("normalising zones: the request has no RequestInfo; the filter has to be inside the server's handler chain"))
		return
	}
	if !f.concerns(info) || !readable(r) {
		f.next.ServeHTTP(w, r)
		return
	}
	rewritten, err := f.rewrite(w, r)
	if err != nil {
		responsewriters.ErrorNegotiated(status(err, info), f.Serializer, metav1.Unversioned, w, r)
		return
	}
	f.next.ServeHTTP(w, rewritten)
}

// concerns reports whether the request writes a VMDistributedCluster, or would. The other
// subresources take bodies of other kinds.
func (f *filter) concerns(info *request.RequestInfo) bool {
	if !info.IsResourceRequest || info.Resource != vmdistributed.Resource || !f.Groups.Has(info.APIGroup) {
		return false
	}
	switch info.Subresource {
	case "", "status", "plan":
	default:
		return false
	}
	switch info.Verb {
	case "create", "update", "patch":
		return true
	}
	return false
}

// readable reports whether the body is in a form that may hold a list of zones.
// The server decodes no Content-Encoding, so neither does the filter.
func readable(r *http.Request) bool {
	return r.Body != nil && r.Header.Get("Content-Encoding") == "" && rewriterOf(mediaType(r)) != nil
}

// mediaType returns the media type of the body without parameters, which are
// the server's to judge. Where none is given the server takes the body for JSON.
func mediaType(r *http.Request) string {
	header := r.Header.Get("Content-Type")
	if header == "" {
		return runtime.ContentTypeJSON
	}
	bare, _, _ := strings.Cut(header, ";")
	return strings.ToLower(strings.TrimSpace(bare))
}

// rewrite returns a copy of the request with the canonical body.
func (f *filter) rewrite(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	body, err := f.read(w, r)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(body) {
		// The server's decoder would put other characters in the place of these,
		// but not inside of spec and overrideSpec, which nobody decodes.
		return nil, errors.New("reading the request body: it is not valid UTF-8")
	}
	from := mediaType(r)
	result, err := Normalise(from, body)
	if err != nil {
		return nil, err
	}
	if err := checkTexts(result.Body); err != nil {
		return nil, err
	}
	if f.CheckApplied != nil && from == string(types.ApplyYAMLPatchType) {
		if err := f.CheckApplied(result.Body); err != nil {
			return nil, err
		}
	}
	out := r.Clone(r.Context())
	out.Body = io.NopCloser(bytes.NewReader(result.Body))
	out.ContentLength = int64(len(result.Body))
	out.TransferEncoding = nil
	out.Header.Set("Content-Length", strconv.Itoa(len(result.Body)))
	if result.MediaType != from {
		out.Header.Set("Content-Type", result.MediaType)
	}
	return out, nil
}

// read reads the body as the server would, up to the same limit and with the
// same error above it.
func (f *filter) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	defer r.Body.Close()
	body := r.Body
	if f.MaxBodyBytes > 0 {
		body = http.MaxBytesReader(w, body, f.MaxBodyBytes)
	}
	data, err := io.ReadAll(body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("limit is %d", f.MaxBodyBytes))
	case err != nil:
		return nil, fmt.Errorf("reading the request body: %w", err)
	}
	return data, nil
}

// status turns an error of Normalise, or of reading the body, into one that has
// a metav1.Status.
func status(err error, info *request.RequestInfo) error {
	var known apierrors.APIStatus
	if errors.As(err, &known) {
		return err
	}
	var invalid *field.Error
	if errors.As(err, &invalid) {
		return apierrors.NewInvalid(schema.GroupKind{Group: info.APIGroup, Kind: vmdistributed.Kind}, info.Name, field.ErrorList{invalid})
	}
	return apierrors.NewBadRequest(err.Error())
}
