// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	etcdkubernetes "go.etcd.io/etcd/client/v3/kubernetes"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/apitesting"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/apis/example"
	examplev1 "k8s.io/apiserver/pkg/apis/example/v1"
	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/etcd3"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
	"k8s.io/apiserver/pkg/storage/value"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/utils/clock"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/compressed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/embeddedetcd"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/host"
)

const prefix = "/pods/"

// backend is one of our stores, empty, with what the suite needs to know of it.
type backend struct {
	storage.Interface
	codec       *breakable
	transformer *exchangeable
	// increase makes the revision of the store higher without touching it.
	increase storagetesting.IncreaseRVFunc
	compact  storagetesting.Compaction
	// forget compacts, and has watchers forget as well.
	forget storagetesting.Compaction
	// stored checks what lies under a key.
	stored storagetesting.KeyValidation
}

// UpdatePrefixTransformer is what some tests of the suite ask for.
func (b *backend) UpdatePrefixTransformer(change storagetesting.PrefixTransformerModifier) func() {
	return b.transformer.exchange(func(now value.Transformer) value.Transformer {
		prefixed := *now.(*storagetesting.PrefixTransformer)
		return change(&prefixed)
	})
}

// exchangeable is a transformer that tests put another in the place of.
type exchangeable struct {
	mu  sync.RWMutex
	now value.Transformer
}

func newExchangeable() *exchangeable {
	return &exchangeable{now: storagetesting.NewPrefixTransformer([]byte(encrypted), false)}
}

func (e *exchangeable) exchange(change func(value.Transformer) value.Transformer) (back func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.now
	e.now = change(before)
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.now = before
	}
}

func (e *exchangeable) current() value.Transformer {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.now
}

func (e *exchangeable) TransformFromStorage(ctx context.Context, data []byte, about value.Context) ([]byte, bool, error) {
	return e.current().TransformFromStorage(ctx, data, about)
}

func (e *exchangeable) TransformToStorage(ctx context.Context, data []byte, about value.Context) ([]byte, error) {
	return e.current().TransformToStorage(ctx, data, about)
}

// breakable is a codec that can be made to understand nothing.
type breakable struct {
	runtime.Codec
	mu     sync.Mutex
	broken bool
}

func (b *breakable) fail(broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = broken
}

func (b *breakable) Decode(data []byte, defaults *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return nil, nil, fmt.Errorf("made not to understand")
	}
	return b.Codec.Decode(data, defaults, into)
}

func newCodec(t *testing.T) *breakable {
	t.Helper()
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion)
	must(t, example.AddToScheme(scheme))
	must(t, examplev1.AddToScheme(scheme))
	return &breakable{Codec: apitesting.TestCodec(serializer.NewCodecFactory(scheme), examplev1.SchemeGroupVersion)}
}

func newPod() runtime.Object     { return &example.Pod{} }
func newPodList() runtime.Object { return &example.PodList{} }

// newEtcd is a store in an embedded etcd.
func newEtcd(t *testing.T) *backend {
	t.Helper()
	member, err := embeddedetcd.Start(t.Context(), embeddedetcd.Config{DataDir: t.TempDir(), UnsafeNoFsync: true})
	must(t, err)
	t.Cleanup(func() { must(t, member.Close()) })
	client, err := etcdkubernetes.New(clientv3.Config{Endpoints: []string{member.Endpoint()}})
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	compactor := etcd3.NewCompactor(client.Client, 0, clock.RealClock{}, nil)
	t.Cleanup(compactor.Stop)
	b := &backend{codec: newCodec(t), transformer: newExchangeable()}
	versioner := storage.APIObjectVersioner{}
	store, err := etcd3.New(client, compactor, b.codec, newPod, newPodList, "/registry", prefix, schema.GroupResource{Resource: "pods"},
		b.transformer, etcd3.NewDefaultLeaseManagerConfig(), etcd3.NewDefaultDecoder(b.codec, versioner), versioner)
	must(t, err)
	t.Cleanup(store.Close)
	b.Interface, b.increase = store, increase(client.Client)
	b.compact = func(ctx context.Context, t *testing.T, version string) {
		compact(ctx, t, client.Client, version)
		if !utilfeature.DefaultFeatureGate.Enabled(features.ListFromCacheSnapshot) {
			return
		}
		// The store hears of it by a watch.
		must(t, wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, wait.ForeverTestTimeout, true, func(context.Context) (bool, error) {
			return fmt.Sprint(store.CompactRevision()) == version, nil
		}))
	}
	b.forget = b.compact
	b.stored = func(ctx context.Context, t *testing.T, key string) {
		found, err := client.KV.Get(ctx, "/registry"+key)
		must(t, err)
		if len(found.Kvs) != 1 {
			t.Fatalf("%d values lie under %s", len(found.Kvs), key)
		}
		checkStored(t, b.codec, withoutPrefix(found.Kvs[0].Value))
	}
	return b
}

// untilForgotten returns once nobody answers for what was before a revision.
func untilForgotten(ctx context.Context, t *testing.T, store storage.Interface, version string) {
	t.Helper()
	revision, err := storage.APIObjectVersioner{}.ParseResourceVersion(version)
	must(t, err)
	before := storage.ListOptions{
		Recursive: true, Predicate: storage.Everything,
		ResourceVersion: strconv.FormatUint(revision-1, 10), ResourceVersionMatch: metav1.ResourceVersionMatchExact,
	}
	must(t, wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, wait.ForeverTestTimeout, true, func(ctx context.Context) (bool, error) {
		return apierrors.IsResourceExpired(store.GetList(ctx, prefix, before, newPodList())), nil
	}))
}

func increase(client *clientv3.Client) storagetesting.IncreaseRVFunc {
	return func(ctx context.Context, t *testing.T) int64 {
		put, err := client.Put(ctx, "/elsewhere", "")
		must(t, err)
		return put.Header.Revision
	}
}

// compact forgets what was before a revision. Who compacts has to know how often that
// was done before, and is told at the first try.
func compact(ctx context.Context, t *testing.T, client *clientv3.Client, version string) {
	t.Helper()
	revision, err := storage.APIObjectVersioner{}.ParseResourceVersion(version)
	must(t, err)
	known, _, compacted, err := etcd3.Compact(ctx, client, 0, int64(revision))
	must(t, err)
	if compacted != int64(revision) {
		_, _, _, err = etcd3.Compact(ctx, client, known, int64(revision))
		must(t, err)
	}
}

// encrypted begins what the transformer of these tests has made of a value.
const encrypted = "test!"

func withoutPrefix(value []byte) []byte { return bytes.TrimPrefix(value, []byte(encrypted)) }

// checkStored sees that what is stored has no version in itself.
func checkStored(t *testing.T, codec runtime.Codec, data []byte) {
	t.Helper()
	object, err := runtime.Decode(codec, data)
	must(t, err)
	if version := object.(*example.Pod).ResourceVersion; version != "" {
		t.Errorf("what is stored has resourceVersion %s in it", version)
	}
}

// newHost is a store in records, of which there are none.
func newHost(t *testing.T) *backend {
	t.Helper()
	shared.removeRecords(t)
	records, err := host.NewRecords(shared.config, recordKind, recordResource)
	must(t, err)
	b := &backend{codec: newCodec(t), transformer: newExchangeable()}
	store, err := host.New(host.Config{Records: records, Codec: b.codec, Transformer: b.transformer, ResourcePrefix: prefix, NewFunc: newPod})
	must(t, err)
	begin, err := store.GetCurrentResourceVersion(t.Context())
	must(t, err)
	b.Interface = &inNamespaces{Interface: store, begin: strconv.FormatUint(begin, 10), made: map[string]bool{}}
	b.increase = increase(shared.below)
	b.compact = func(ctx context.Context, t *testing.T, version string) {
		compact(ctx, t, shared.below, version)
		untilForgotten(ctx, t, b, version)
	}
	// kube-apiserver keeps events in memory of which etcd has forgotten.
	b.forget = func(ctx context.Context, t *testing.T, version string) {
		compact(ctx, t, shared.below, version)
		must(t, shared.control.Restart(ctx, "kube-apiserver"))
		must(t, wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, wait.ForeverTestTimeout, true, func(ctx context.Context) (bool, error) {
			return b.GetList(ctx, prefix, storage.ListOptions{Recursive: true, Predicate: storage.Everything}, newPodList()) == nil, nil
		}))
	}
	b.stored = func(ctx context.Context, t *testing.T, key string) {
		parts := strings.Split(key, "/")
		record := &storagev1.Record{}
		path := fmt.Sprintf("/apis/%s/namespaces/%s/%s/%s", storagev1.SchemeGroupVersion, parts[2], recordResource, parts[3])
		found, err := shared.kubernetes.Discovery().RESTClient().Get().AbsPath(path).Do(ctx).Raw()
		must(t, err)
		must(t, json.Unmarshal(found, record))
		data, err := base64.StdEncoding.DecodeString(record.Payload)
		must(t, err)
		data, _, err = compressed.New(nil).TransformFromStorage(ctx, withoutPrefix(data), nil)
		must(t, err)
		checkStored(t, b.codec, data)
	}
	return b
}

const (
	recordKind     = storagev1.VMDistributedClusterRecord
	recordResource = storagev1.VMDistributedClusterRecords
)

// removeRecords takes away what another test has left.
func (l *lab) removeRecords(t *testing.T) {
	t.Helper()
	client := l.objects.Resource(storagev1.SchemeGroupVersion.WithResource(recordResource))
	list, err := client.List(t.Context(), metav1.ListOptions{})
	must(t, err)
	for _, record := range list.Items {
		one := client.Namespace(record.GetNamespace())
		record.SetFinalizers(nil)
		_, err := one.Update(t.Context(), &record, metav1.UpdateOptions{})
		must(t, err)
		if err := one.Delete(t.Context(), record.GetName(), metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
			must(t, err)
		}
	}
}

// inNamespaces makes the namespaces that the suite takes for granted. What it has
// without a namespace lies in one. The first version, from which the suite takes
// everything to have happened, is that of the store when it is new: the cluster is
// older. And a list that may be of any version is the newest: a cluster answers that
// from its cache, in which there are no pages.
type inNamespaces struct {
	storage.Interface
	begin string
	mu    sync.Mutex
	made  map[string]bool
}

func (s *inNamespaces) fix(key string) string {
	below, ours := strings.CutPrefix(key, prefix)
	namespace, name, namespaced := strings.Cut(below, "/")
	switch {
	case ours && namespaced && namespace == "" && name != "":
		return prefix + metav1.NamespaceDefault + "/" + name
	case ours && below == "":
		return prefix + metav1.NamespaceDefault + "/unnamed"
	case ours && !namespaced && below[0] != '.':
		return prefix + metav1.NamespaceDefault + "/" + below
	}
	return key
}

func (s *inNamespaces) ensure(ctx context.Context, key string) error {
	namespace, _, _ := strings.Cut(strings.TrimPrefix(key, prefix), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := storage.PrepareKey(prefix, key, false); err != nil || namespace == "" || s.made[namespace] {
		return nil
	}
	_, err := shared.kubernetes.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	s.made[namespace] = true
	return nil
}

func (s *inNamespaces) Create(ctx context.Context, key string, object, out runtime.Object, ttl uint64) error {
	key = s.fix(key)
	if err := s.ensure(ctx, key); err != nil {
		return err
	}
	return s.Interface.Create(ctx, key, object, out, ttl)
}

func (s *inNamespaces) Get(ctx context.Context, key string, options storage.GetOptions, out runtime.Object) error {
	return s.Interface.Get(ctx, s.fix(key), options, out)
}

func (s *inNamespaces) GetList(ctx context.Context, key string, options storage.ListOptions, out runtime.Object) error {
	if !options.Recursive {
		key = s.fix(key)
	}
	if options.ResourceVersion == "0" && (options.ResourceVersionMatch == "" || options.ResourceVersionMatch == metav1.ResourceVersionMatchNotOlderThan) {
		options.ResourceVersion, options.ResourceVersionMatch = "", ""
	}
	if err := s.Interface.GetList(ctx, key, options, out); err != nil {
		return err
	}
	list, err := meta.ListAccessor(out)
	if err != nil {
		return err
	}
	list.SetContinue(withoutSlash(list.GetContinue()))
	return nil
}

// withoutSlash takes the slash off where the next page starts. A cluster puts one there,
// and takes either; the suite compares texts.
func withoutSlash(token string) string {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return token
	}
	return base64.RawURLEncoding.EncodeToString(bytes.Replace(text, []byte(`"start":"/`), []byte(`"start":"`), 1))
}

func (s *inNamespaces) Watch(ctx context.Context, key string, options storage.ListOptions) (watch.Interface, error) {
	if options.ResourceVersion == "1" {
		options.ResourceVersion = s.begin
	}
	if !options.Recursive {
		key = s.fix(key)
	}
	return s.Interface.Watch(ctx, key, options)
}

func (s *inNamespaces) Delete(ctx context.Context, key string, out runtime.Object, preconditions *storage.Preconditions,
	validate storage.ValidateObjectFunc, cached runtime.Object, options storage.DeleteOptions,
) error {
	return s.Interface.Delete(ctx, s.fix(key), out, preconditions, validate, cached, options)
}

func (s *inNamespaces) GuaranteedUpdate(ctx context.Context, key string, out runtime.Object, ignoreNotFound bool,
	preconditions *storage.Preconditions, update storage.UpdateFunc, cached runtime.Object,
) error {
	key = s.fix(key)
	if err := s.ensure(ctx, key); err != nil {
		return err
	}
	return s.Interface.GuaranteedUpdate(ctx, key, out, ignoreNotFound, preconditions, update, cached)
}
