// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package zoneshape

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

const (
	group     = "operator.victoriametrics.com"
	limit     = 1000
	listBody  = `{"spec":{"zones":[{"name":"a"}]}}`
	canonical = `{"spec":{"zones":{"vmclusters":[{"name":"a"}]}}}`
)

// received is what the handler behind the filter saw.
type received struct {
	called           bool
	body             string
	contentLength    int64
	header           http.Header
	transferEncoding []string
}

func (got *received) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	*got = received{true, string(body), r.ContentLength, r.Header, r.TransferEncoding}
}

func options() Options {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	return Options{
		Groups:       sets.New(group, "distributed.victoriametrics.com"),
		MaxBodyBytes: limit,
		Serializer:   serializer.NewCodecFactory(scheme),
	}
}

// write returns the RequestInfo of a request that the filter is concerned with.
func write() *request.RequestInfo {
	return &request.RequestInfo{IsResourceRequest: true, Verb: "create", APIGroup: group, APIVersion: "v1alpha1", Namespace: "ns", Resource: "vmdistributedclusters", Name: "x"}
}

func newRequest(info *request.RequestInfo, contentType string, body io.Reader) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/apis/x", body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r.WithContext(request.WithRequestInfo(r.Context(), info))
}

func serve(r *http.Request) (*received, *httptest.ResponseRecorder) {
	got, w := &received{}, httptest.NewRecorder()
	WithCanonicalZones(got, options()).ServeHTTP(w, r)
	return got, w
}

func TestFilterRewritesWritesOfOurKind(t *testing.T) {
	for name, change := range map[string]func(*request.RequestInfo){
		"create":           func(*request.RequestInfo) {},
		"update":           func(i *request.RequestInfo) { i.Verb = "update" },
		"patch":            func(i *request.RequestInfo) { i.Verb = "patch" },
		"status":           func(i *request.RequestInfo) { i.Verb, i.Subresource = "update", "status" },
		"the second group": func(i *request.RequestInfo) { i.APIGroup = "distributed.victoriametrics.com" },
		"another version":  func(i *request.RequestInfo) { i.APIVersion = "v1" },
	} {
		t.Run(name, func(t *testing.T) {
			info := write()
			change(info)
			got, _ := serve(newRequest(info, jsonType, strings.NewReader(listBody)))
			expectReceived(t, got, canonical, jsonType)
		})
	}
}

func expectReceived(t *testing.T, got *received, body, contentType string) {
	t.Helper()
	if !got.called {
		t.Fatal("the request did not arrive")
	}
	if got.body != body || got.contentLength != int64(len(body)) || got.header.Get("Content-Length") != strconv.Itoa(len(body)) {
		t.Errorf("got %q, length %d, header %q\nwant %q, length %d", got.body, got.contentLength, got.header.Get("Content-Length"), body, len(body))
	}
	if got.header.Get("Content-Type") != contentType {
		t.Errorf("Content-Type: got %q, want %q", got.header.Get("Content-Type"), contentType)
	}
	if got.transferEncoding != nil {
		t.Errorf("Transfer-Encoding: got %q, want none", got.transferEncoding)
	}
}

// Requests that are not the filter's business must arrive with the very body
// that came in, unread.
func TestFilterLeavesOtherRequestsUnread(t *testing.T) {
	for name, change := range map[string]func(*request.RequestInfo, *http.Request){
		"get":                 func(i *request.RequestInfo, _ *http.Request) { i.Verb = "get" },
		"list":                func(i *request.RequestInfo, _ *http.Request) { i.Verb = "list" },
		"delete":              func(i *request.RequestInfo, _ *http.Request) { i.Verb = "delete" },
		"deletecollection":    func(i *request.RequestInfo, _ *http.Request) { i.Verb = "deletecollection" },
		"another group":       func(i *request.RequestInfo, _ *http.Request) { i.APIGroup = "apps" },
		"another resource":    func(i *request.RequestInfo, _ *http.Request) { i.Resource = "vmclusters" },
		"another subresource": func(i *request.RequestInfo, _ *http.Request) { i.Subresource = "promote" },
		"no resource":         func(i *request.RequestInfo, _ *http.Request) { i.IsResourceRequest = false },
		"protobuf": func(_ *request.RequestInfo, r *http.Request) {
			r.Header.Set("Content-Type", runtime.ContentTypeProtobuf)
		},
		"compressed": func(_ *request.RequestInfo, r *http.Request) { r.Header.Set("Content-Encoding", "gzip") },
	} {
		t.Run(name, func(t *testing.T) {
			info := write()
			r := newRequest(info, jsonType, nil)
			r.Body = io.NopCloser(iotest.ErrReader(errors.New("somebody read the body")))
			change(info, r)
			arrived := false
			next := http.HandlerFunc(func(_ http.ResponseWriter, got *http.Request) { arrived = got == r })
			WithCanonicalZones(next, options()).ServeHTTP(httptest.NewRecorder(), r)
			if !arrived {
				t.Error("the request did not arrive as it was")
			}
		})
	}
}

func TestFilterReadsTheMediaTypeLikeTheServer(t *testing.T) {
	const yamlBody = "spec: {zones: [{name: a}]}\n"
	const patchBody, canonicalPatch = `[{"op":"add","path":"/spec/zones","value":[]}]`, `[{"op":"add","path":"/spec/zones","value":{"vmclusters":[]}}]`
	for contentType, c := range map[string]struct{ body, want, wantType string }{
		"":                                   {listBody, canonical, ""},
		jsonType:                             {listBody, canonical, jsonType},
		"application/json; charset=utf-8":    {listBody, canonical, "application/json; charset=utf-8"},
		"Application/JSON ;charset=utf-8":    {listBody, canonical, "Application/JSON ;charset=utf-8"},
		"application/json; = broken":         {listBody, canonical, "application/json; = broken"},
		mergeType + ";charset=utf-8":         {listBody, canonical, mergeType + ";charset=utf-8"},
		strategicType:                        {listBody, canonical, strategicType},
		patchType + "; charset=utf-8":        {patchBody, canonicalPatch, patchType + "; charset=utf-8"},
		applyType:                            {yamlBody, canonical, applyType},
		applyType + "; charset=utf-8":        {yamlBody, canonical, applyType + "; charset=utf-8"},
		yamlType + "; charset=utf-8":         {yamlBody, canonical, jsonType},
		yamlType + ";":                       {listBody, canonical, yamlType + ";"},
		"application/yaml;canonical=already": {"spec: {}", "spec: {}", "application/yaml;canonical=already"},
	} {
		t.Run(contentType, func(t *testing.T) {
			got, _ := serve(newRequest(write(), contentType, strings.NewReader(c.body)))
			expectReceived(t, got, c.want, c.wantType)
		})
	}
}

func TestFilterHandsOnCanonicalAndMalformedBodies(t *testing.T) {
	for _, body := range []string{canonical, `{"spec":`, ``} {
		got, _ := serve(newRequest(write(), jsonType, strings.NewReader(body)))
		expectReceived(t, got, body, jsonType)
	}
}

func TestFilterDoesNotChangeTheRequestItWasGiven(t *testing.T) {
	r := newRequest(write(), yamlType, strings.NewReader("spec: {zones: []}"))
	r.Header.Set("Content-Length", "17")
	r.TransferEncoding = []string{"chunked"}
	got, _ := serve(r)
	expectReceived(t, got, `{"spec":{"zones":{"vmclusters":[]}}}`, jsonType)
	if r.ContentLength != 17 || r.Header.Get("Content-Length") != "17" || r.Header.Get("Content-Type") != yamlType || len(r.TransferEncoding) != 1 {
		t.Errorf("the request was changed: %+v", r)
	}
}

func TestFilterReadsUpToTheLimit(t *testing.T) {
	for length, code := range map[int]int{limit: http.StatusOK, limit + 1: http.StatusRequestEntityTooLarge} {
		body := listBody + strings.Repeat(" ", length-len(listBody))
		for name, reader := range map[string]io.Reader{
			"with a length":  strings.NewReader(body),
			"without length": io.MultiReader(strings.NewReader(body)),
		} {
			t.Run(strconv.Itoa(length)+" bytes "+name, func(t *testing.T) {
				got, w := serve(newRequest(write(), jsonType, reader))
				if w.Code != code || got.called != (code == http.StatusOK) {
					t.Errorf("got %d, arrived: %v; want %d", w.Code, got.called, code)
				}
			})
		}
	}
}

func TestFilterWithoutALimitReadsEverything(t *testing.T) {
	o, got := options(), &received{}
	o.MaxBodyBytes = 0
	body := listBody + strings.Repeat(" ", 10*limit)
	WithCanonicalZones(got, o).ServeHTTP(httptest.NewRecorder(), newRequest(write(), jsonType, strings.NewReader(body)))
	if !strings.HasPrefix(got.body, canonical) {
		t.Errorf("got %.100q", got.body)
	}
}

func TestFilterAnswersWithAStatus(t *testing.T) {
	for name, c := range map[string]struct {
		contentType string
		body        io.Reader
		code        int
		reason      metav1.StatusReason
		field       string
		message     string
	}{
		"a field that cannot be understood": {
			jsonType, strings.NewReader(`{"spec":{"zones":[{"name":"a","vmclusters":{}}]}}`),
			http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "spec.zones[0]",
			`VMDistributedCluster.operator.victoriametrics.com "x" is invalid: spec.zones[0]: Invalid value: has both vmclusters and name`,
		},
		"a path into the list shape": {
			patchType, strings.NewReader(`[{"op":"remove","path":"/spec/zones/0"}]`),
			http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "patch[0].path", "use /spec/zones/vmclusters/0",
		},
		"duplicates in YAML": {
			yamlType, strings.NewReader("spec: {zones: [{name: a, name: b}]}"),
			http.StatusBadRequest, metav1.StatusReasonBadRequest, "", "write every key once",
		},
		"a body over the limit": {
			jsonType, strings.NewReader(strings.Repeat(" ", limit+1)),
			http.StatusRequestEntityTooLarge, metav1.StatusReasonRequestEntityTooLarge, "", "limit is 1000",
		},
		"a body that breaks off": {
			jsonType, iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(listBody))),
			http.StatusBadRequest, metav1.StatusReasonBadRequest, "", "reading the request body: timeout",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, w := serve(newRequest(write(), c.contentType, c.body))
			var status metav1.Status
			if err := json.Unmarshal(w.Body.Bytes(), &status); err != nil {
				t.Fatalf("the answer is no JSON: %v: %s", err, w.Body)
			}
			if got.called || w.Code != c.code || status.Code != int32(c.code) || status.Reason != c.reason || status.Kind != "Status" {
				t.Errorf("arrived: %v, code %d, status %+v", got.called, w.Code, status)
			}
			if !strings.Contains(status.Message, c.message) {
				t.Errorf("message: got %q, want %q in it", status.Message, c.message)
			}
			if c.field != "" && (len(status.Details.Causes) != 1 || status.Details.Causes[0].Field != c.field) {
				t.Errorf("causes: got %+v, want field %s", status.Details.Causes, c.field)
			}
		})
	}
}

func TestFilterAnswersInTheFormThatTheClientAsksFor(t *testing.T) {
	for accept, prefix := range map[string]string{
		runtime.ContentTypeJSON:     `{"kind":"Status"`,
		runtime.ContentTypeYAML:     "apiVersion: v1\n",
		runtime.ContentTypeProtobuf: "k8s\x00",
	} {
		r := newRequest(write(), jsonType, strings.NewReader(strings.Repeat(" ", limit+1)))
		r.Header.Set("Accept", accept)
		_, w := serve(r)
		if got := w.Header().Get("Content-Type"); got != accept || !bytes.HasPrefix(w.Body.Bytes(), []byte(prefix)) {
			t.Errorf("asked for %s, got %s: %q", accept, got, w.Body)
		}
	}
}

func TestFilterOutsideTheHandlerChainSaysSo(t *testing.T) {
	got, w := &received{}, httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/apis/x", strings.NewReader(listBody))
	WithCanonicalZones(got, options()).ServeHTTP(w, r)
	if got.called || w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "no RequestInfo") {
		t.Errorf("arrived: %v, code %d: %s", got.called, w.Code, w.Body)
	}
}

// Over a connection, the lengths have to agree with what net/http believes.
func TestFilterWorksOverAConnection(t *testing.T) {
	got := &received{}
	filter := WithCanonicalZones(got, options())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		filter.ServeHTTP(w, r.WithContext(request.WithRequestInfo(r.Context(), write())))
	}))
	defer server.Close()
	for name, body := range map[string]io.Reader{
		"with a length": strings.NewReader(listBody),
		"chunked":       io.MultiReader(strings.NewReader(listBody)),
	} {
		t.Run(name, func(t *testing.T) {
			response, err := server.Client().Post(server.URL, jsonType, body)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			expectReceived(t, got, canonical, jsonType)
		})
	}
}
