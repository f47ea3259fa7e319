// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/value"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/compressed"
)

// Config says what a Store keeps, and where.
type Config struct {
	// Records is where.
	Records *Records
	// Codec makes JSON of objects, in the one version that is stored.
	Codec runtime.Codec
	// Transformer has the last word on what is stored, after objects were compressed.
	// Default: as it is then.
	Transformer value.Transformer
	// ResourcePrefix begins every key, as in /resource/namespace/name.
	ResourcePrefix string
	// Check tells what is wrong with the object that was read from a record. Default:
	// nothing is.
	Check func(*storagev1.Record, runtime.Object) error
	// NewFunc returns an empty object.
	NewFunc func() runtime.Object
	// StandIn tells people why an object can't be read, on what lists and watches show in
	// its place, of which nothing but the metadata is known. Without it, one that can't be
	// read fails all lists that it is in, and ends watches.
	StandIn func(object runtime.Object, why string)
}

// Store keeps the objects of one kind in records.
type Store struct {
	records *Records
	codec   codec
	prefix  string
	newFunc func() runtime.Object
	standIn func(object runtime.Object, why string)
}

var _ storage.Interface = &Store{}

// New returns a Store. It asks for nothing yet.
func New(config Config) (*Store, error) {
	if len(config.ResourcePrefix) < 2 || config.ResourcePrefix[0] != '/' {
		return nil, fmt.Errorf("the prefix of keys is %q: it has to begin with a slash, and to have a name", config.ResourcePrefix)
	}
	if config.Check == nil {
		config.Check = func(*storagev1.Record, runtime.Object) error { return nil }
	}
	return &Store{
		records: config.Records,
		codec: codec{
			Codec: config.Codec, versioner: storage.APIObjectVersioner{}, check: config.Check,
			transformer: compressed.New(config.Transformer), decoded: &decoded{},
		},
		prefix:  strings.TrimSuffix(config.ResourcePrefix, "/") + "/",
		newFunc: config.NewFunc,
		standIn: config.StandIn,
	}, nil
}

// place tells where the record of an object lies.
func (s *Store) place(key string) (place, error) {
	namespace, name, found := strings.Cut(strings.TrimPrefix(key, s.prefix), "/")
	if _, err := storage.PrepareKey(s.prefix, key, false); err != nil {
		return place{}, err
	}
	if !found || namespace == "" || name == "" || strings.Contains(name, "/") {
		return place{}, fmt.Errorf("invalid key: %q is not %sNAMESPACE/NAME", key, s.prefix)
	}
	return place{namespace, name}, nil
}

// key is that of the object in a record.
func (s *Store) key(record *storagev1.Record) string {
	return s.prefix + record.Namespace + "/" + record.Name
}

// Versioner tells how objects carry versions.
func (s *Store) Versioner() storage.Versioner { return s.codec.versioner }

// Create adds an object. A time to live is refused.
func (s *Store) Create(ctx context.Context, key string, object, out runtime.Object, ttl uint64) error {
	at, err := s.place(key)
	if err != nil {
		return err
	}
	if ttl != 0 {
		return fmt.Errorf("creating %s: records do not expire", at)
	}
	if version, err := s.codec.versioner.ObjectResourceVersion(object); err == nil && version != 0 {
		return storage.ErrResourceVersionSetOnCreate
	}
	data, err := s.codec.encode(object)
	if err != nil {
		return err
	}
	record := &storagev1.Record{ObjectMeta: metav1.ObjectMeta{Namespace: at.namespace, Name: at.name}}
	created, err := s.put(ctx, key, record, object, data, s.records.create)
	if apierrors.IsAlreadyExists(err) {
		return storage.NewKeyExistsError(key, 0)
	}
	if err != nil {
		return hostError(err, creating, at, len(data))
	}
	return s.result(created, data, out)
}

// put writes an object into a record.
func (s *Store) put(ctx context.Context, key string, record *storagev1.Record, object runtime.Object, data []byte,
	write func(context.Context, *storagev1.Record) (*storagev1.Record, error),
) (*storagev1.Record, error) {
	payload, err := s.codec.pack(ctx, key, data)
	if err != nil {
		return nil, err
	}
	named, err := meta.Accessor(object)
	if err != nil {
		return nil, err
	}
	record = record.DeepCopy()
	record.Payload, record.Labels = payload, maps.Clone(named.GetLabels())
	sayWhose(record, named)
	// To one that is being deleted, none can be added.
	if record.DeletionTimestamp == nil && !slices.Contains(record.Finalizers, storagev1.GuardFinalizer) {
		record.Finalizers = append(record.Finalizers, storagev1.GuardFinalizer)
	}
	return write(ctx, record)
}

// result tells what was written, if anybody wants to know.
func (s *Store) result(record *storagev1.Record, data []byte, out runtime.Object) error {
	if out == nil {
		return nil
	}
	return s.codec.decode(data, record, out)
}

// Get reads an object.
func (s *Store) Get(ctx context.Context, key string, options storage.GetOptions, out runtime.Object) error {
	at, err := s.place(key)
	if err != nil {
		return err
	}
	record, err := s.records.get(ctx, at, options.ResourceVersion)
	switch {
	case isAbsent(err) && options.IgnoreNotFound:
		return runtime.SetZeroValue(out)
	case isAbsent(err):
		return storage.NewKeyNotFoundError(key, 0)
	case err != nil:
		return hostError(err, reading, at, 0)
	}
	return readError(ctx, key, s.codec.read(ctx, key, record, out, s.codec.decode))
}

// Stats counts objects.
func (s *Store) Stats(ctx context.Context) (storage.Stats, error) {
	list, err := s.records.list(ctx, "", metav1.ListOptions{Limit: 1})
	if err != nil {
		return storage.Stats{}, hostError(err, listing, place{}, 0)
	}
	count := int64(len(list.Items))
	if list.RemainingItemCount != nil {
		count += *list.RemainingItemCount
	}
	return storage.Stats{ObjectCount: count}, nil
}

// GetCurrentResourceVersion is that of a list of everything now.
func (s *Store) GetCurrentResourceVersion(ctx context.Context) (uint64, error) {
	list, err := s.records.list(ctx, "", metav1.ListOptions{Limit: 1})
	if err != nil {
		return 0, hostError(err, listing, place{}, 0)
	}
	return s.codec.versioner.ParseResourceVersion(list.ResourceVersion)
}

// ReadinessCheck has nothing to wait for.
func (s *Store) ReadinessCheck() error { return nil }

// RequestWatchProgress can't be passed on: the cluster sends bookmarks by itself.
func (s *Store) RequestWatchProgress(context.Context) error { return nil }

// CompactRevision is not known: the cluster compacts.
func (s *Store) CompactRevision() int64 { return 0 }

// EnableResourceSizeEstimation is for a cache, which there is not.
func (s *Store) EnableResourceSizeEstimation(keys storage.KeysFunc) error {
	if keys == nil {
		return errors.New("the function that lists keys is missing")
	}
	return nil
}
