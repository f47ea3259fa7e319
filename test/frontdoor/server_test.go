// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package frontdoor

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/apiserver"
)

const (
	jsonType      = "application/json"
	yamlType      = "application/yaml"
	patchType     = "application/json-patch+json"
	mergeType     = "application/merge-patch+json"
	strategicType = "application/strategic-merge-patch+json"
	applyType     = "application/apply-patch+yaml"
)

// server is the server, and the one object that is in its store.
type server struct {
	handler http.Handler
	store   *oneObject
	// validation is what requests want done about unknown fields.
	validation string
}

// newServer puts the server together as its program does, and with admission if
// guarded.
func newServer(tb testing.TB, guarded bool) *server {
	tb.Helper()
	config := apiserver.NewConfig(compatibility.DefaultBuildEffectiveVersion(), utilfeature.DefaultFeatureGate)
	store := &oneObject{codec: config.Codecs.LegacyCodec(v1alpha1.SchemeGroupVersion)}
	config.ExtraConfig.Zones, config.ExtraConfig.Aborts = idle{}, forgetful{}
	config.GenericConfig.RESTOptionsGetter = store
	config.GenericConfig.LoopbackClientConfig = &rest.Config{}
	config.GenericConfig.ExternalAddress = "localhost:443"
	allowed := authorizerfactory.NewAlwaysAllowAuthorizer()
	config.GenericConfig.Authorization.Authorizer = allowed
	if guarded {
		config.GenericConfig.AdmissionControl = newChain(tb, allowed)
	}
	config.GenericConfig.Authentication.Authenticator = authenticator.RequestFunc(func(*http.Request) (*authenticator.Response, bool, error) {
		return &authenticator.Response{User: &user.DefaultInfo{Name: "somebody"}}, true, nil
	})
	made, err := config.Complete().New()
	if err != nil {
		tb.Fatal(err)
	}
	return &server{handler: made.Handler, store: store, validation: "Strict"}
}

// idle tells of no zones: nobody asks.
type idle struct{}

func (idle) ReportZones(context.Context, *vmdistributed.VMDistributedCluster) ([]vmdistributed.ZoneReport, error) {
	return nil, nil
}

// forgetful remembers nothing: no change is called off.
type forgetful struct{}

func (forgetful) Recall(context.Context, types.NamespacedName) ([]vmdistributed.Word, error) {
	return nil, nil
}

func (forgetful) Keep(context.Context, types.NamespacedName, func(context.Context) ([]vmdistributed.Word, error)) error {
	return nil
}

// oneObject is a store with one object, or none. All requests are dry runs, which
// read and never write.
type oneObject struct {
	storage.Interface
	codec   runtime.Codec
	content []byte // empty for none
}

func (s *oneObject) GetRESTOptions(resource schema.GroupResource, _ runtime.Object) (generic.RESTOptions, error) {
	config := &storagebackend.ConfigForResource{Config: storagebackend.Config{Codec: s.codec}, GroupResource: resource}
	return generic.RESTOptions{StorageConfig: config, Decorator: s.decorate, ResourcePrefix: resource.Resource}, nil
}

func (s *oneObject) decorate(*storagebackend.ConfigForResource, string, func(runtime.Object) (string, error), func() runtime.Object, func() runtime.Object, storage.AttrFunc, storage.IndexerFuncs, *cache.Indexers) (storage.Interface, factory.DestroyFunc, error) {
	return s, func() {}, nil
}

func (*oneObject) Versioner() storage.Versioner { return storage.APIObjectVersioner{} }

func (s *oneObject) Get(_ context.Context, key string, options storage.GetOptions, into runtime.Object) error {
	if len(s.content) == 0 {
		if options.IgnoreNotFound {
			return runtime.SetZeroValue(into)
		}
		return storage.NewKeyNotFoundError(key, 0)
	}
	_, _, err := s.codec.Decode(s.content, nil, into)
	return err
}

// GetList finds no other object that claims a zone.
func (*oneObject) GetList(context.Context, string, storage.ListOptions, runtime.Object) error {
	return nil
}

// answer is what a request got.
type answer struct {
	code   int
	body   []byte
	status metav1.Status // of a refusal
	object v1alpha1.VMDistributedCluster
	// spec is the object's, decoded.
	spec any
}

func (a *answer) accepted() bool { return a.code < http.StatusMultipleChoices }

const (
	// The groups and versions that serve the kind.
	firstGroup  = "operator.victoriametrics.com/v1alpha1"
	secondGroup = "distributed.victoriametrics.com/v1alpha1"

	dryRun = "?dryRun=All&fieldManager=somebody&fieldValidation="
)

// send sends a request as a dry run, and checks what holds for every answer.
func (s *server) send(tb testing.TB, method, path, mediaType string, body []byte) *answer {
	tb.Helper()
	return s.sendTo(tb, firstGroup, method, path, mediaType, body)
}

// sendTo is send, for one of the groups.
func (s *server) sendTo(tb testing.TB, group, method, path, mediaType string, body []byte) *answer {
	tb.Helper()
	url := "/apis/" + group + "/namespaces/monitoring/vmdistributedclusters" + path + dryRun + s.validation
	if mediaType == applyType {
		url += "&force=true"
	}
	request := httptest.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(body))
	request.Header.Set("Content-Type", mediaType)
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, request)
	got := &answer{code: recorder.Code, body: recorder.Body.Bytes()}
	if !got.accepted() {
		checkRefusal(tb, got)
		return got
	}
	var document map[string]any
	if err := json.Unmarshal(got.body, &document); err != nil {
		tb.Fatalf("%s\nis no JSON: %v", got.body, err)
	}
	if err := json.Unmarshal(got.body, &got.object); err != nil {
		tb.Fatalf("%s\nis no object: %v", got.body, err)
	}
	got.spec = document["spec"]
	return got
}

// checkRefusal wants the client to be at fault, and to be told where.
func checkRefusal(tb testing.TB, got *answer) {
	tb.Helper()
	if err := json.Unmarshal(got.body, &got.status); err != nil || got.status.Kind != "Status" {
		tb.Fatalf("code %d: %s\nis no status: %v", got.code, got.body, err)
	}
	if got.code >= http.StatusInternalServerError {
		tb.Fatalf("code %d: %s", got.code, got.status.Message)
	}
	if got.status.Details == nil {
		return
	}
	for _, cause := range got.status.Details.Causes {
		top, _, _ := strings.Cut(cause.Field, ".")
		top, _, _ = strings.Cut(top, "[")
		if top != "spec" && top != "metadata" && top != "patch" {
			tb.Fatalf("code %d, and the field is %q: %s", got.code, cause.Field, got.status.Message)
		}
	}
}
