// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
)

const (
	groupVersion = "operator.victoriametrics.com/v1alpha1"
	// otherGroupVersion serves the same objects.
	otherGroupVersion = "distributed.victoriametrics.com/v1alpha1"

	jsonType      = "application/json"
	yamlType      = "application/yaml"
	mergeType     = string(types.MergePatchType)
	jsonPatchType = string(types.JSONPatchType)
	strategicType = string(types.StrategicMergePatchType)
	applyType     = string(types.ApplyYAMLPatchType)

	// patience bounds every wait. No test depends on its length.
	patience = time.Minute
)

// caller sends requests as one user.
type caller struct {
	host       string
	http       *http.Client
	kubernetes kubernetes.Interface
	vmdc       versioned.Interface
}

func newCaller(config *rest.Config) (*caller, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	c := &caller{host: config.Host, http: client}
	if c.kubernetes, err = kubernetes.NewForConfigAndClient(config, client); err != nil {
		return nil, err
	}
	c.vmdc, err = versioned.NewForConfigAndClient(config, client)
	return c, err
}

// as returns a caller with no rights but those given to the user or groups.
func as(t *testing.T, user string, groups ...string) *caller {
	t.Helper()
	config, err := shared.cp.ConfigFor(user, groups...)
	must(t, err)
	c, err := newCaller(config)
	must(t, err)
	return c
}

// direct returns a caller that goes past the aggregator.
func direct(t *testing.T, user string, groups ...string) *caller {
	t.Helper()
	config, err := shared.server.ConfigFor(user, groups...)
	must(t, err)
	c, err := newCaller(config)
	must(t, err)
	return c
}

// answer is what came back.
type answer struct {
	code   int
	header http.Header
	body   []byte
}

// send sends a request whose body, if any, has the given content type.
func (c *caller) send(t *testing.T, method, path, contentType, body string) answer {
	t.Helper()
	header := http.Header{}
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	return c.sendWith(t, method, path, header, []byte(body))
}

func (c *caller) sendWith(t *testing.T, method, path string, header http.Header, body []byte) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.host+path, bytes.NewReader(body))
	must(t, err)
	request.Header = header
	response, err := c.http.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: reading the answer: %v", method, path, err)
	}
	return answer{code: response.StatusCode, header: response.Header, body: read}
}

func (c *caller) get(t *testing.T, path string) answer {
	t.Helper()
	return c.send(t, http.MethodGet, path, "", "")
}

func (c *caller) create(t *testing.T, namespace, body string) answer {
	t.Helper()
	return c.send(t, http.MethodPost, in(namespace), jsonType, body)
}

// want fails the test unless the answer has one of the codes.
func (a answer) want(t *testing.T, codes ...int) answer {
	t.Helper()
	for _, code := range codes {
		if a.code == code {
			return a
		}
	}
	t.Fatalf("answered %d, want %v: %.2000s", a.code, codes, a.body)
	return a
}

func (a answer) object(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	var object unstructured.Unstructured
	if err := json.Unmarshal(a.body, &object.Object); err != nil {
		t.Fatalf("reading %.2000s: %v", a.body, err)
	}
	return &object
}

// problem returns the Status of an answer that refuses.
func (a answer) problem(t *testing.T) metav1.Status {
	t.Helper()
	var status metav1.Status
	if err := json.Unmarshal(a.body, &status); err != nil || status.Kind != "Status" {
		t.Fatalf("answered %d with something that is no Status (%v): %.2000s", a.code, err, a.body)
	}
	if int(status.Code) != a.code || status.Status != metav1.StatusFailure || status.Message == "" {
		t.Errorf("answered %d with a Status of code %d, status %q and message %q", a.code, status.Code, status.Status, status.Message)
	}
	return status
}

// warnings returns the texts of the headers Warning.
func (a answer) warnings(t *testing.T) []string {
	t.Helper()
	parsed, errs := utilnet.ParseWarningHeaders(a.header.Values("Warning"))
	for _, err := range errs {
		t.Errorf("header Warning: %v", err)
	}
	var texts []string
	for _, warning := range parsed {
		texts = append(texts, warning.Text)
	}
	return texts
}

// in returns the path of a namespace's objects, of one of them, or of its
// subresource.
func in(namespace string, elements ...string) string {
	return inGroup(groupVersion, namespace, elements...)
}

// inGroup is in, for one of the groups that serve the kind.
func inGroup(version, namespace string, elements ...string) string {
	return strings.Join(append([]string{"/apis", version, "namespaces", namespace, "vmdistributedclusters"}, elements...), "/")
}

// newNamespace makes a namespace that nobody else uses.
func newNamespace(t *testing.T) string {
	t.Helper()
	namespace, err := shared.admin.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "t-"}}, metav1.CreateOptions{})
	must(t, err)
	return namespace.Name
}

// read returns an object as it is stored.
func read(t *testing.T, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	return shared.admin.get(t, in(namespace, name)).want(t, http.StatusOK).object(t)
}

// settled returns an object once the controller has reported on its present
// generation. A paused object then stays as it is.
func settled(t *testing.T, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	var object *unstructured.Unstructured
	eventually(t, "the controller reports on the present generation", func() bool {
		object = read(t, namespace, name)
		observed, _, err := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
		must(t, err)
		return observed == object.GetGeneration()
	})
	return object
}

// typed returns an object as the generated client reads it.
func typed(t *testing.T, namespace, name string) *v1alpha1.VMDistributedCluster {
	t.Helper()
	object, err := shared.admin.vmdc.OperatorV1alpha1().VMDistributedClusters(namespace).Get(t.Context(), name, metav1.GetOptions{})
	must(t, err)
	return object
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return ask(), nil
	})
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// encode writes a value as JSON.
func encode(t testing.TB, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	must(t, err)
	return string(raw)
}

// typedSettled is settled, as the generated client reads it.
func typedSettled(t *testing.T, namespace, name string) *v1alpha1.VMDistributedCluster {
	t.Helper()
	settled(t, namespace, name)
	return typed(t, namespace, name)
}
