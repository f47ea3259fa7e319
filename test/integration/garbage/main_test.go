// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package garbage

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	typed "github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned/typed/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/testmain"
)

// patience ends a test that waits for what does not come.
const patience = 5 * time.Minute

// site is a control plane with a garbage collector. The tests register one server after
// the other, and are not parallel.
type site struct {
	control    *controlplane.ControlPlane
	kubernetes kubernetes.Interface
	objects    dynamic.Interface
}

var shared *site

func TestMain(m *testing.M) {
	testmain.Run(m, testmain.Shared{Name: "garbage", Start: start})
}

func start(dir string, out io.Writer) (stop func() error, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	s := &site{}
	s.control, err = controlplane.Start(ctx, controlplane.Options{Dir: dir, Out: out, CRDs: controlplane.CRDsUsed, ControllerManager: true,
		// It begins by a list, as older ones do: one that begins by a watch stays with what it
		// knows for as long as that fails.
		ControllerManagerArgs: []string{"--feature-gates=WatchListClient=false"},
	})
	if err != nil {
		return nil, err
	}
	s.kubernetes = kubernetes.NewForConfigOrDie(s.control.Config())
	s.objects = dynamic.NewForConfigOrDie(s.control.Config())
	shared = s
	return s.control.Stop, nil
}

// room is a registered server and a namespace, in which the ConfigMap dependent belongs
// to the VMDistributedCluster owner.
type room struct {
	t         *testing.T
	server    *controlplane.Server
	namespace string
	own       typed.VMDistributedClusterInterface
	uid       types.UID
}

func newRoom(t *testing.T, store controlplane.Store, flags ...string) *room {
	t.Helper()
	namespace, err := shared.control.NewServerNamespace(t.Context(), "garbage")
	must(t, err)
	r := &room{t: t, namespace: namespace}
	r.server, err = shared.control.StartServer(t.Context(), controlplane.ServerOptions{
		Name: namespace, Store: store, Args: append([]string{"--namespace=" + namespace}, flags...),
	})
	must(t, err)
	t.Cleanup(func() { must(t, r.server.Stop()) })
	r.own = versioned.NewForConfigOrDie(shared.control.Config()).OperatorV1alpha1().VMDistributedClusters(namespace)
	r.uid = r.create("owner").UID
	r.dependent("dependent", "owner", r.uid)
	r.untilCollected("owner")
	return r
}

func (r *room) create(name string) *v1alpha1.VMDistributedCluster {
	r.t.Helper()
	object := &v1alpha1.VMDistributedCluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	object.Spec.Paused = true
	object.Spec.Zones.VMClusters = []v1alpha1.Zone{{Ref: &v1alpha1.ObjectReference{Name: name + "-zone"}}}
	created, err := r.own.Create(r.t.Context(), object, metav1.CreateOptions{})
	must(r.t, err)
	return created
}

// dependent makes a ConfigMap that goes when a VMDistributedCluster does.
func (r *room) dependent(name, owner string, uid types.UID) {
	r.t.Helper()
	_, err := shared.kubernetes.CoreV1().ConfigMaps(r.namespace).Create(r.t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: name,
		OwnerReferences: []metav1.OwnerReference{{
			APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: vmdistributed.Kind, Name: owner, UID: uid,
		}},
	}}, metav1.CreateOptions{})
	must(r.t, err)
}

// untilCollected returns when the garbage collector has collected what belongs to an
// object of the name that is not there: it has looked at all that was made before.
func (r *room) untilCollected(owner string) {
	r.t.Helper()
	name := fmt.Sprintf("garbage-%d", time.Now().UnixNano())
	r.dependent(name, owner, types.UID(name))
	r.untilGone(name)
}

// untilGarbageIsCollected does so where VMDistributedClusters are not answered for.
func (r *room) untilGarbageIsCollected() {
	r.t.Helper()
	garbage, err := shared.kubernetes.CoreV1().ConfigMaps(r.namespace).Create(r.t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		GenerateName:    "garbage-",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "never-there", UID: "never-there"}},
	}}, metav1.CreateOptions{})
	must(r.t, err)
	r.untilGone(garbage.Name)
}

func (r *room) there(dependent string) bool {
	r.t.Helper()
	found, err := shared.kubernetes.CoreV1().ConfigMaps(r.namespace).Get(r.t.Context(), dependent, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false
	}
	must(r.t, err)
	return found.DeletionTimestamp == nil
}

func (r *room) untilGone(dependent string) {
	r.t.Helper()
	r.poll(dependent+" to be collected", func(context.Context) bool { return !r.there(dependent) })
}

func (r *room) expectThere() {
	r.t.Helper()
	if !r.there("dependent") {
		r.t.Fatal("what belongs to the VMDistributedCluster was collected as garbage")
	}
}

func (r *room) poll(what string, done func(context.Context) bool) {
	r.t.Helper()
	err := wait.PollUntilContextTimeout(r.t.Context(), 20*time.Millisecond, patience, true,
		func(ctx context.Context) (bool, error) { return done(ctx), nil })
	if err != nil {
		r.t.Fatalf("waiting for %s: %v", what, err)
	}
}

func (r *room) records() dynamic.ResourceInterface {
	return shared.objects.Resource(storagev1.SchemeGroupVersion.WithResource(storagev1.VMDistributedClusterRecords)).Namespace(r.namespace)
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

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
