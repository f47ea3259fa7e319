// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	operatorclient "github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned/typed/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// kept is a server that keeps objects in the cluster, seen from both sides.
type kept struct {
	t         *testing.T
	namespace string
	server    *controlplane.Server
	objects   operatorclient.VMDistributedClusterInterface
	records   dynamic.ResourceInterface
	raw       rest.Interface
	warnings  *heard
}

// heard are warnings that came with answers.
type heard struct {
	mu   sync.Mutex
	said []string
}

// HandleWarningHeader is called for each.
func (h *heard) HandleWarningHeader(_ int, _, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, text)
}

func (h *heard) has(part string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.said, func(text string) bool { return strings.Contains(text, part) })
}

func newKept(t *testing.T) *kept {
	t.Helper()
	k := &kept{t: t, warnings: &heard{}}
	var err error
	k.namespace, err = shared.control.NewServerNamespace(t.Context(), "kept")
	must(t, err)
	k.server, err = shared.control.StartServer(t.Context(), controlplane.ServerOptions{
		Name: k.namespace, Unregistered: true, Store: controlplane.StoreHost, Args: []string{"--namespace=" + k.namespace},
	})
	must(t, err)
	t.Cleanup(func() { must(t, k.server.Stop()) })
	config, err := k.server.ConfigFor("tester", "system:masters")
	must(t, err)
	config.WarningHandler = k.warnings
	client, err := versioned.NewForConfig(config)
	must(t, err)
	k.objects, k.raw = client.OperatorV1alpha1().VMDistributedClusters(k.namespace), client.OperatorV1alpha1().RESTClient()
	k.records = shared.objects.Resource(storagev1.SchemeGroupVersion.WithResource(recordResource)).Namespace(k.namespace)
	return k
}

func (k *kept) create(name string) {
	k.t.Helper()
	o := &object{name: name, count: 1}
	_, err := k.objects.Create(k.t.Context(), o.manifest(), metav1.CreateOptions{})
	must(k.t, err)
}

func (k *kept) record(name string) *unstructured.Unstructured {
	k.t.Helper()
	record, err := k.records.Get(k.t.Context(), name, metav1.GetOptions{})
	must(k.t, err)
	return record
}

func (k *kept) breakRecord(name, payload string) {
	k.t.Helper()
	_, err := k.records.Patch(k.t.Context(), name, types.MergePatchType, fmt.Appendf(nil, `{"payload":%q}`, payload), metav1.PatchOptions{})
	must(k.t, err)
}

// listed is what a list has of an object.
func (k *kept) listed(name string) *v1alpha1.VMDistributedCluster {
	k.t.Helper()
	list, err := k.objects.List(k.t.Context(), metav1.ListOptions{})
	must(k.t, err)
	for i := range list.Items {
		if list.Items[i].Name == name {
			return &list.Items[i]
		}
	}
	k.t.Fatalf("the list has no %s", name)
	return nil
}

// names are those of a list.
func (k *kept) names() []string {
	k.t.Helper()
	list, err := k.objects.List(k.t.Context(), metav1.ListOptions{})
	must(k.t, err)
	var names []string
	for _, item := range list.Items {
		names = append(names, item.Name)
	}
	return names
}

func (k *kept) wantNames(want ...string) {
	k.t.Helper()
	if got := k.names(); !slices.Equal(got, want) {
		k.t.Errorf("the list has %v, want %v", got, want)
	}
}

// TestARecordThatIsBrokenByHandTakesNoOtherAlong: lists have it too, so that nobody takes
// it for deleted, and say what is wrong with it. It can be deleted unread.
func TestARecordThatIsBrokenByHandTakesNoOtherAlong(t *testing.T) {
	k := newKept(t)
	for _, name := range []string{"a", "broken", "c"} {
		k.create(name)
	}
	before, err := k.objects.Get(t.Context(), "broken", metav1.GetOptions{})
	must(t, err)
	for reason, payload := range map[string]string{
		"is not base64":          "%",
		"decoding the payload":   base64.StdEncoding.EncodeToString([]byte(`{"kind":`)),
		"that of " + k.namespace: k.record("a").Object["payload"].(string),
	} {
		k.breakRecord("broken", payload)
		k.wantNames("a", "broken", "c")
		if shown := k.listed("broken"); shown.UID != before.UID || !strings.Contains(shown.Status.Reason, reason) || shown.Annotations[storagev1.UnreadableAnnotation] == "" {
			t.Errorf("shown is %s with the annotations %v and the reason %q, want %s and %q", shown.UID, shown.Annotations, shown.Status.Reason, before.UID, reason)
		}
		if !k.warnings.has(reason) {
			t.Errorf("no warning of the list says %q: %v", reason, k.warnings.said)
		}
		if _, err := k.objects.Get(t.Context(), "broken", metav1.GetOptions{}); err == nil || apierrors.IsNotFound(err) || !strings.Contains(err.Error(), reason) {
			t.Errorf("what is broken is answered with %v, want %q in it", err, reason)
		}
		if err := k.objects.Delete(t.Context(), "broken", metav1.DeleteOptions{}); err == nil {
			t.Error("what can't be read was deleted without anybody having asked for that")
		}
	}
	path := fmt.Sprintf("/apis/operator.victoriametrics.com/v1alpha1/namespaces/%s/vmdistributedclusters/broken", k.namespace)
	must(t, k.raw.Delete().AbsPath(path).Param("ignoreStoreReadErrorWithClusterBreakingPotential", "true").Do(t.Context()).Error())
	if _, err := k.records.Get(t.Context(), "broken", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the record of what was deleted unread is there: %v", err)
	}
	k.create("broken")
	k.wantNames("a", "broken", "c")
}

// TestWhatIsShownOfABrokenRecordIsNoObject that could be stored.
func TestWhatIsShownOfABrokenRecordIsNoObject(t *testing.T) {
	k := newKept(t)
	k.create("broken")
	k.breakRecord("broken", "%")
	shown := k.listed("broken")
	shown.ResourceVersion = ""
	for name, write := range map[string]func(*v1alpha1.VMDistributedCluster) error{
		"broken": func(object *v1alpha1.VMDistributedCluster) error {
			_, err := k.objects.Update(t.Context(), object, metav1.UpdateOptions{})
			return err
		},
		"copy": func(object *v1alpha1.VMDistributedCluster) error {
			_, err := k.objects.Create(t.Context(), object, metav1.CreateOptions{})
			return err
		},
	} {
		if shown.Name = name; write(shown) == nil {
			t.Errorf("%s was stored", name)
		}
	}
}

// TestARecordThatIsDeletedBesideTheAPIStaysAndSoDoesTheObject until it is deleted
// through the API, or its guard is taken off too.
func TestARecordThatIsDeletedBesideTheAPIStaysAndSoDoesTheObject(t *testing.T) {
	k := newKept(t)
	for _, name := range []string{"a", "b"} {
		k.create(name)
		must(t, k.records.Delete(t.Context(), name, metav1.DeleteOptions{}))
		if k.record(name).GetDeletionTimestamp() == nil {
			t.Errorf("the record %s is not marked as deleted", name)
		}
		got, err := k.objects.Patch(t.Context(), name, types.MergePatchType, []byte(`{"metadata":{"labels":{"still":"there"}}}`), metav1.PatchOptions{})
		must(t, err)
		if got.DeletionTimestamp != nil {
			t.Errorf("the object %s counts as deleted", name)
		}
		if labels := k.record(name).GetLabels(); labels["still"] != "there" {
			t.Errorf("the record %s has the labels %v, and not those of its object", name, labels)
		}
	}
	k.wantNames("a", "b")

	must(t, k.objects.Delete(t.Context(), "a", metav1.DeleteOptions{}))
	_, err := k.objects.Patch(t.Context(), "a", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	must(t, err)
	_, err = k.records.Patch(t.Context(), "b", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	must(t, err)
	for _, name := range []string{"a", "b"} {
		if _, err := k.records.Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("the record %s is there: %v", name, err)
		}
	}
	k.wantNames()
}

// TestTheLargestObjectFitsIntoARecord, as incompressible as JSON can be, and comes back
// as it was.
func TestTheLargestObjectFitsIntoARecord(t *testing.T) {
	k := newKept(t)
	o := &object{name: "large", count: 1}
	manifest := o.manifest()
	manifest.Spec.Zones.VMClusters[0].Spec.Raw = noise(1<<20 - 4096)
	created, err := k.objects.Create(t.Context(), manifest, metav1.CreateOptions{})
	must(t, err)
	found, err := k.objects.Get(t.Context(), "large", metav1.GetOptions{})
	must(t, err)
	for _, got := range [][]byte{created.Spec.Zones.VMClusters[0].Spec.Raw, found.Spec.Zones.VMClusters[0].Spec.Raw} {
		if string(got) != string(manifest.Spec.Zones.VMClusters[0].Spec.Raw) {
			t.Error("what was stored comes back as something else")
		}
	}
}

// TestNobodyServesRecordsIsNotThatThereAreNone: it is 503 for everybody.
func TestNobodyServesRecordsIsNotThatThereAreNone(t *testing.T) {
	k := newKept(t)
	k.create("a")
	k.hide(true)
	defer k.hide(false)
	all := "/apis/operator.victoriametrics.com/v1alpha1/namespaces/" + k.namespace + "/vmdistributedclusters"
	for asked, request := range map[string]*rest.Request{
		"get":   k.raw.Get().AbsPath(all + "/a"),
		"list":  k.raw.Get().AbsPath(all),
		"watch": k.raw.Get().AbsPath(all).Param("watch", "true"),
	} {
		err := request.MaxRetries(0).Do(t.Context()).Error()
		if !apierrors.IsServiceUnavailable(err) || !strings.Contains(err.Error(), "CustomResourceDefinition") {
			t.Errorf("%s is answered with %v", asked, err)
		}
	}
	if err := k.raw.Get().AbsPath("/readyz/records").MaxRetries(0).Do(t.Context()).Error(); err == nil {
		t.Error("the server says that it is ready")
	}
	k.hide(false)
	k.wantNames("a")
}

// hide has the cluster stop serving records, or serve them again.
func (k *kept) hide(hidden bool) {
	k.t.Helper()
	definitions := shared.objects.Resource(apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions"))
	name := recordResource + "." + storagev1.GroupName
	patch := fmt.Sprintf(`[{"op":"replace","path":"/spec/versions/0/served","value":%t}]`, !hidden)
	_, err := definitions.Patch(k.t.Context(), name, types.JSONPatchType, []byte(patch), metav1.PatchOptions{})
	must(k.t, err)
	must(k.t, wait.PollUntilContextTimeout(k.t.Context(), 10*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		_, err := k.records.List(ctx, metav1.ListOptions{})
		return (err != nil) == hidden, nil
	}))
}

// noise is an object of that many bytes with one text of random letters.
func noise(size int) []byte {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	text := make([]byte, size)
	for i := range text {
		for text[i] < ' ' || text[i] > '~' || strings.ContainsRune(`"\<>&`, rune(text[i])) {
			text[i] = byte(random.IntN(256))
		}
	}
	return fmt.Appendf(nil, `{"serviceAccountName":%q}`, text)
}
