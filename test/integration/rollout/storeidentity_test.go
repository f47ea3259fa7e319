// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	clocks "k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed/install"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// restart restarts a server, and tells when it is ready.
func restart(t *testing.T, server *controlplane.Server) <-chan error {
	t.Helper()
	restarted := make(chan error, 1)
	go func() { restarted <- server.Restart(context.WithoutCancel(t.Context())) }()
	return restarted
}

// untilRefused waits for a server to refuse its store, and returns what it says.
func untilRefused(t *testing.T, server *controlplane.Server) string {
	t.Helper()
	var refusal string
	poll(t, "the store to be refused", func(ctx context.Context) string {
		said, err := server.StoreRefusal(ctx)
		if err != nil {
			return err.Error()
		}
		if refusal = said; !strings.Contains(said, identity.AcceptAnnotation) {
			return fmt.Sprintf("it says %q", said)
		}
		return ""
	})
	return refusal
}

func untilServed(t *testing.T, server *controlplane.Server) {
	t.Helper()
	poll(t, "the store to be taken", func(ctx context.Context) string {
		refusal, err := server.StoreRefusal(ctx)
		if err != nil {
			return err.Error()
		}
		return refusal
	})
}

// connectTo has a server answer the requests of the room.
func (r *room) connectTo(server *controlplane.Server) error {
	config, err := server.ConfigFor("tester", "system:masters")
	if err != nil {
		return err
	}
	return r.connect(config)
}

// expectNothingAnswered wants a server to live and to answer 503 to whatever it is asked
// of its kind, discovery included.
func (r *room) expectNothingAnswered(server *controlplane.Server) {
	r.t.Helper()
	config, err := server.ConfigFor("tester", "system:masters")
	must(r.t, err)
	client, err := kubernetes.NewForConfig(config)
	must(r.t, err)
	ask := client.CoreV1().RESTClient()
	_, err = ask.Get().AbsPath("/livez").DoRaw(r.t.Context())
	must(r.t, err)
	for _, version := range install.GroupVersions() {
		path := "/apis/" + version.String()
		objects := path + "/namespaces/" + r.namespace + "/vmdistributedclusters"
		for what, request := range map[string]*rest.Request{
			"get":      ask.Get().AbsPath(objects, "demo"),
			"list":     ask.Get().AbsPath(objects),
			"watch":    ask.Get().AbsPath(objects).Param("watch", "true"),
			"delete":   ask.Delete().AbsPath(objects, "demo"),
			"create":   ask.Post().AbsPath(objects).Body([]byte("{}")).SetHeader("Content-Type", "application/json"),
			"zones":    ask.Get().AbsPath(objects, "demo", "zones"),
			"discover": ask.Get().AbsPath(path),
		} {
			if _, err := request.MaxRetries(0).DoRaw(r.t.Context()); !apierrors.IsServiceUnavailable(err) {
				r.t.Errorf("%s in %s: %v, want that the service is unavailable", what, version, err)
			}
		}
	}
}

// dependent makes an object of somebody's that goes when a VMDistributedCluster does.
func (r *room) dependent(name string) string {
	r.t.Helper()
	made, err := shared.kubernetes.CoreV1().ConfigMaps(r.namespace).Create(r.t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "dependent-",
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "VMDistributedCluster", Name: name, UID: r.get(name).UID,
		}},
	}}, metav1.CreateOptions{})
	must(r.t, err)
	return made.Name
}

// expectThere wants a dependent not to have been collected.
func (r *room) expectThere(dependent string) {
	r.t.Helper()
	_, err := shared.kubernetes.CoreV1().ConfigMaps(r.namespace).Get(r.t.Context(), dependent, metav1.GetOptions{})
	must(r.t, err)
}

// keys is the etcd of the control plane.
func keys(t *testing.T) *clientv3.Client {
	t.Helper()
	access := shared.control.EtcdAccess()
	files := transport.TLSInfo{CertFile: access.CertFile, KeyFile: access.KeyFile, TrustedCAFile: access.CAFile}
	config, err := files.ClientConfig()
	must(t, err)
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{access.URL}, TLS: config})
	must(t, err)
	t.Cleanup(func() { must(t, client.Close()) })
	return client
}

// TestStoreEmptiedWhileTheServerRunsIsNeverSaidToLackAnything: not even in the moment
// before the server notices, which then ends, since its caches are of the former store.
func TestStoreEmptiedWhileTheServerRunsIsNeverSaidToLackAnything(t *testing.T) {
	t.Parallel()
	namespace, err := shared.control.NewServerNamespace(t.Context(), "emptied")
	must(t, err)
	prefix := "/" + namespace + "/"
	server, err := shared.control.StartServer(t.Context(), controlplane.ServerOptions{
		Name: namespace, Unregistered: true, Store: controlplane.StoreEtcd, Args: []string{"--etcd-prefix=" + prefix, "--namespace=" + namespace},
	})
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	r := newRoomAt(t, config)
	r.apply(threeZones("v1"))
	r.untilReady("demo")
	r.settle("demo")
	before := r.versions()

	etcd := keys(t)
	held, err := etcd.Get(t.Context(), prefix, clientv3.WithPrefix())
	must(t, err)
	_, err = etcd.Delete(t.Context(), prefix, clientv3.WithPrefix())
	must(t, err)
	poll(t, "the server to end", func(ctx context.Context) string {
		if _, err := r.own.Get(ctx, "demo", metav1.GetOptions{}); apierrors.IsNotFound(err) {
			t.Fatalf("the server says: %v", err)
		}
		if server.Alive() {
			return "it runs"
		}
		return ""
	})
	restarted := restart(t, server)
	expectContains(t, "the refusal", untilRefused(t, server), "is not the store that the cluster knows")
	r.expectNothingAnswered(server)
	r.expectVersions(before)

	// What was there comes back, and so does its identity: no word is needed for that.
	for _, kv := range held.Kvs {
		_, err := etcd.Put(t.Context(), string(kv.Key), string(kv.Value))
		must(t, err)
	}
	t.Logf("the server that began with the other store ended with: %v", <-restarted)
	must(t, server.Restart(t.Context()))
	r.untilReady("demo")
	r.settle("demo")
	r.expectVersions(before)
	r.expectUpdates()
}

// TestRecordsThatWereMadeAnewAreAnotherStore: their CustomResourceDefinition was deleted,
// and applied again.
func TestRecordsThatWereMadeAnewAreAnotherStore(t *testing.T) {
	namespace, err := shared.control.NewServerNamespace(t.Context(), "records")
	must(t, err)
	server, err := shared.control.StartServer(t.Context(), controlplane.ServerOptions{
		Name: namespace, Unregistered: true, Store: controlplane.StoreHost, Args: []string{"--namespace=" + namespace},
	})
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	config, err := server.ConfigFor("tester", "system:masters")
	must(t, err)
	r := newRoomAt(t, config)
	r.inlineAndReferenced()
	before := r.everything()
	must(t, server.Stop())
	loseRecords(t)
	// Beside other tests the first start was refused too: there were marks of theirs.
	told := len(storeEvents(t.Context(), t, namespace))

	restarted := restart(t, server) // which applies the definition again
	expectContains(t, "the refusal", untilRefused(t, server), "the records of CustomResourceDefinition", "is not the store that the cluster knows")
	r.expectNothingAnswered(server)
	r.expectEverything(before)
	untilToldOfStore(t, namespace, told, identity.ReasonRefused, "is not the store that the cluster knows", identity.AcceptAnnotation+"=")
	must(t, server.AcceptStore(t.Context()))
	must(t, <-restarted)
	untilToldOfStore(t, namespace, told+1, identity.ReasonServed)
	r.expectAdoptedAgain(before)
	known, err := shared.kubernetes.CoreV1().ConfigMaps(namespace).Get(t.Context(), identity.ConfigMap, metav1.GetOptions{})
	must(t, err)
	if _, there := known.Annotations[identity.AcceptAnnotation]; there {
		t.Error("the word is there though it was heeded")
	}

	// The definition stays and the records go: the identity is the same, and what was left
	// in the cluster tells. What was accepted stays so until the store holds something.
	untilAcceptedNoMore(t, namespace)
	must(t, server.Stop())
	emptyRecords(t)
	restarted = restart(t, server)
	expectContains(t, "the refusal", untilRefused(t, server), "is empty, and VMCluster", "which did not go in the ordinary way")
	r.expectNothingAnswered(server)
	must(t, server.AcceptStore(t.Context()))
	must(t, <-restarted)
	must(t, server.Stop())
	must(t, server.Restart(t.Context()))
	r.expectAdoptedAgain(before)

	// Its memory is lost too.
	must(t, server.Stop())
	loseRecords(t)
	must(t, shared.kubernetes.CoreV1().ConfigMaps(namespace).Delete(t.Context(), identity.ConfigMap, metav1.DeleteOptions{}))
	restarted = restart(t, server)
	expectContains(t, "the refusal", untilRefused(t, server), "is empty, and VMCluster", "carries the mark of a VMDistributedCluster")
	r.expectNothingAnswered(server)
	must(t, server.AcceptStore(t.Context()))
	must(t, <-restarted)
}

// storeEvents are those about the ConfigMap that say which store the cluster knows, as
// kubectl describe looks for them.
func storeEvents(ctx context.Context, t *testing.T, namespace string) []corev1.Event {
	t.Helper()
	known, err := shared.kubernetes.CoreV1().ConfigMaps(namespace).Get(ctx, identity.ConfigMap, metav1.GetOptions{})
	must(t, err)
	found, err := shared.kubernetes.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{
		FieldSelector: fmt.Sprintf("involvedObject.kind=ConfigMap,involvedObject.name=%s,involvedObject.uid=%s", known.Name, known.UID),
	})
	must(t, err)
	return found.Items
}

// untilToldOfStore waits for what is told of a store after some events: just this, once,
// with the words in its message.
func untilToldOfStore(t *testing.T, namespace string, after int, reason string, words ...string) {
	t.Helper()
	poll(t, "one event "+reason+" about the ConfigMap", func(ctx context.Context) string {
		found := storeEvents(ctx, t, namespace)
		if len(found) < after+1 {
			return fmt.Sprintf("there are %d events, want %d", len(found), after+1)
		}
		slices.SortFunc(found, func(a, b corev1.Event) int { return strings.Compare(a.Name, b.Name) }) // as they were made
		if told := found[after]; len(found) > after+1 || told.Reason != reason || told.Count != 1 || !containsAll(told.Message, words) {
			t.Fatalf("after %d events were told: %+v", after, found[after:])
		}
		return ""
	})
}

// loseRecords deletes the definition of records with all that there are, and waits until
// it is gone.
func loseRecords(t *testing.T) {
	t.Helper()
	client, err := apiextensions.NewForConfig(shared.control.Config())
	must(t, err)
	definitions, name := client.ApiextensionsV1().CustomResourceDefinitions(), recordsDefinition
	must(t, definitions.Delete(t.Context(), name, metav1.DeleteOptions{}))
	records := shared.objects.Resource(storagev1.SchemeGroupVersion.WithResource(storagev1.VMDistributedClusterRecords))
	poll(t, "the records to be gone", func(ctx context.Context) string {
		_, _ = letRecordsGo(ctx, records) // the definition may be gone
		if _, err := definitions.Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Sprintf("the definition is there: %v", err)
		}
		return ""
	})
}

// untilAcceptedNoMore waits for the server to notice that a store which was accepted as an
// empty one holds something.
func untilAcceptedNoMore(t *testing.T, namespace string) {
	t.Helper()
	poll(t, "the store to be taken for one that holds something", func(ctx context.Context) string {
		known, err := shared.kubernetes.CoreV1().ConfigMaps(namespace).Get(ctx, identity.ConfigMap, metav1.GetOptions{})
		switch {
		case err != nil:
			return err.Error()
		case known.Data["empty"] != "":
			return fmt.Sprintf("it says %v", known.Data)
		}
		return ""
	})
}

// emptyRecords deletes all records, guarded as they are, and leaves their definition.
func emptyRecords(t *testing.T) {
	t.Helper()
	records := shared.objects.Resource(storagev1.SchemeGroupVersion.WithResource(storagev1.VMDistributedClusterRecords))
	poll(t, "the records to be gone", func(ctx context.Context) string {
		left, err := letRecordsGo(ctx, records)
		if err != nil {
			return err.Error()
		}
		for _, record := range left {
			_ = records.Namespace(record.GetNamespace()).Delete(ctx, record.GetName(), metav1.DeleteOptions{})
		}
		if len(left) > 0 {
			return fmt.Sprintf("there are %d", len(left))
		}
		return ""
	})
}

// letRecordsGo takes their guards off those that there are.
func letRecordsGo(ctx context.Context, records dynamic.NamespaceableResourceInterface) ([]unstructured.Unstructured, error) {
	found, err := records.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, record := range found.Items {
		_, _ = records.Namespace(record.GetNamespace()).Patch(ctx, record.GetName(), types.MergePatchType,
			[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	}
	return found.Items, nil
}

// kept is a store in memory.
type kept struct{ id string }

func (*kept) Kind() string     { return "kept" }
func (k *kept) String() string { return "store " + k.id }
func (k *kept) ID(context.Context) (string, bool, error) {
	return k.id, false, nil
}
func (k *kept) Name(context.Context) (string, error) { return k.id, nil }
func (*kept) Empty(context.Context) (bool, error)    { return true, nil }
func (*kept) Close() error                           { return nil }
func (*kept) Has(context.Context, types.NamespacedName) (bool, error) {
	return false, nil
}

// guards runs one for each store, all in one namespace, and waits until each knows what
// to think of its store.
func guards(t *testing.T, namespace string, ids ...string) map[string][]error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var all []*identity.Guard
	for _, id := range ids {
		guard := identity.New(identity.Config{
			Store: &kept{id}, ConfigMaps: shared.kubernetes.CoreV1(), Namespace: namespace, Clock: clocks.RealClock{},
			Marks: func(context.Context) ([]identity.Mark, error) { return nil, nil }, Changed: func(error) {},
		})
		all = append(all, guard)
		group.Go(func() { _ = guard.Run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	verdicts := map[string][]error{}
	poll(t, "all guards to know", func(context.Context) string {
		clear(verdicts)
		for i, guard := range all {
			err := guard.Admitted()
			var refusal *identity.Refusal
			if err != nil && !errors.As(err, &refusal) {
				return err.Error()
			}
			verdicts[ids[i]] = append(verdicts[ids[i]], err)
		}
		return ""
	})
	return verdicts
}

// TestOfTwoThatStartFirstOneStoreIsRemembered, whoever is faster: replicas with one store
// serve both.
func TestOfTwoThatStartFirstOneStoreIsRemembered(t *testing.T) {
	t.Parallel()
	for range 5 {
		namespace, err := shared.control.NewServerNamespace(t.Context(), "race")
		must(t, err)
		served := map[string]int{}
		for id, verdicts := range guards(t, namespace, "a", "b", "a", "b") {
			for _, err := range verdicts {
				if err == nil {
					served[id]++
				}
			}
		}
		if served["a"]+served["b"] != 2 || served["a"] == 1 {
			t.Errorf("of two servers on each store served %v, want two on one", served)
		}
	}
}
