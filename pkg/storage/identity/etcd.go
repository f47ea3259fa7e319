// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"fmt"
	"path"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apiserver/pkg/storage/storagebackend"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/etcdclient"
)

// etcdKey is where the identity of a store is, below the prefix of its keys.
const etcdKey = "store-identity"

// Etcd is a store in an etcd. Its identity is a key among those of the objects, so that
// an etcd that was emptied has another one, as has another prefix.
type Etcd struct {
	kind, called string
	prefix       string
	objects      string
	transport    func() storagebackend.TransportConfig

	mutex  sync.Mutex
	client *clientv3.Client
}

// NewEtcd returns a store under a prefix, with its objects in a folder of that, which
// people know by what it is called. The etcd is asked for when it is needed first.
func NewEtcd(kind, called, prefix, objects string, transport func() storagebackend.TransportConfig) *Etcd {
	return &Etcd{kind: kind, called: called, prefix: path.Join("/", prefix), objects: objects, transport: transport}
}

// Kind is what sort of a store it is.
func (e *Etcd) Kind() string { return e.kind }

// String names it.
func (e *Etcd) String() string { return e.called }

func (e *Etcd) key() string { return path.Join(e.prefix, etcdKey) }

// Close lets go of the connection.
func (e *Etcd) Close() error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.client == nil {
		return nil
	}
	client := e.client
	e.client = nil
	return client.Close()
}

func (e *Etcd) connected() (*clientv3.Client, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.client != nil {
		return e.client, nil
	}
	client, err := etcdclient.New(e.transport())
	if err != nil {
		return nil, err
	}
	e.client = client
	return client, nil
}

// ID is the identity that the store has now, "" for none. It is never leaving.
func (e *Etcd) ID(ctx context.Context) (id string, leaving bool, err error) {
	client, err := e.connected()
	if err != nil {
		return "", false, err
	}
	found, err := client.Get(ctx, e.key())
	if err != nil {
		return "", false, fmt.Errorf("reading the identity of %s: %w", e, err)
	}
	if len(found.Kvs) == 0 {
		return "", false, nil
	}
	return string(found.Kvs[0].Value), false, nil
}

// Name gives the store an identity unless it has one, and returns the one that it has.
// Of several servers that do so, one does. It writes only where there is none: an etcd
// without space left refuses whatever could be a write.
func (e *Etcd) Name(ctx context.Context) (string, error) {
	if id, _, err := e.ID(ctx); err != nil || id != "" {
		return id, err
	}
	client, err := e.connected()
	if err != nil {
		return "", err
	}
	id, key := string(uuid.NewUUID()), e.key()
	done, err := client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, id)).
		Else(clientv3.OpGet(key)).Commit()
	if err != nil {
		return "", fmt.Errorf("giving %s an identity: %w", e, err)
	}
	if done.Succeeded {
		return id, nil
	}
	return string(done.Responses[0].GetResponseRange().Kvs[0].Value), nil
}

// Empty tells whether the store holds nothing but its identity.
func (e *Etcd) Empty(ctx context.Context) (bool, error) {
	client, err := e.connected()
	if err != nil {
		return false, err
	}
	found, err := client.Get(ctx, e.prefix+"/", clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(2))
	if err != nil {
		return false, fmt.Errorf("looking whether %s is empty: %w", e, err)
	}
	for _, each := range found.Kvs {
		if string(each.Key) != e.key() {
			return false, nil
		}
	}
	return true, nil
}

// Has tells whether there is the key of an object.
func (e *Etcd) Has(ctx context.Context, object types.NamespacedName) (bool, error) {
	client, err := e.connected()
	if err != nil {
		return false, err
	}
	found, err := client.Get(ctx, path.Join(e.prefix, e.objects, object.Namespace, object.Name), clientv3.WithCountOnly())
	if err != nil {
		return false, fmt.Errorf("looking whether %s has %s: %w", e, object, err)
	}
	return found.Count > 0, nil
}
