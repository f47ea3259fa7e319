// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset/typed/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

var (
	recordResource = storagev1.SchemeGroupVersion.WithResource(storagev1.VMDistributedClusterRecords)
	// definitionName is that of the CustomResourceDefinition of records.
	definitionName = recordResource.GroupResource().String()
)

func definitions(t *testing.T) apiextensionsv1.CustomResourceDefinitionInterface {
	t.Helper()
	client, err := apiextensions.NewForConfig(shared.control.Config())
	must(t, err)
	return client.ApiextensionsV1().CustomResourceDefinitions()
}

// records are all that there are, as they can be made again.
func records(t *testing.T) []unstructured.Unstructured {
	t.Helper()
	found, err := shared.objects.Resource(recordResource).List(t.Context(), metav1.ListOptions{})
	must(t, err)
	for i := range found.Items {
		metadata := found.Items[i].Object["metadata"].(map[string]any)
		for _, key := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"} {
			delete(metadata, key)
		}
	}
	return found.Items
}

// freeRecords takes the guard off all records.
func freeRecords(t *testing.T, all []unstructured.Unstructured) {
	t.Helper()
	for i := range all {
		_, err := shared.objects.Resource(recordResource).Namespace(all[i].GetNamespace()).Patch(t.Context(), all[i].GetName(),
			types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		if !apierrors.IsNotFound(err) {
			must(t, err)
		}
	}
}

func makeRecords(t *testing.T, all []unstructured.Unstructured) {
	t.Helper()
	for i := range all {
		_, err := shared.objects.Resource(recordResource).Namespace(all[i].GetNamespace()).Create(t.Context(), &all[i], metav1.CreateOptions{})
		must(t, err)
	}
}

// dependent makes an object that goes when demo does.
func (r *room) dependent() {
	r.t.Helper()
	object, err := r.own.Get(r.t.Context(), "demo", metav1.GetOptions{})
	must(r.t, err)
	_, err = r.site.kubernetes.CoreV1().ConfigMaps(r.namespace).Create(r.t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: "dependent", OwnerReferences: []metav1.OwnerReference{{
			APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "VMDistributedCluster", Name: "demo", UID: object.UID,
		}},
	}}, metav1.CreateOptions{})
	must(r.t, err)
}

func (r *room) expectDependent() {
	r.t.Helper()
	_, err := r.site.kubernetes.CoreV1().ConfigMaps(r.namespace).Get(r.t.Context(), "dependent", metav1.GetOptions{})
	must(r.t, err)
}

// untilRefused waits for a server to refuse its store.
func untilRefused(t *testing.T, server *controlplane.Server) {
	t.Helper()
	poll(t, "the store to be refused", func() string {
		said, err := server.StoreRefusal(t.Context())
		if err != nil || !strings.Contains(said, identity.AcceptAnnotation) {
			return said
		}
		return ""
	})
}

// untilToldThatTheStoreGoes waits for an event of each replica.
func untilToldThatTheStoreGoes(t *testing.T) {
	t.Helper()
	poll(t, "each replica to tell that the store goes", func() string {
		found, err := shared.kubernetes.CoreV1().Events(metav1.NamespaceAll).List(t.Context(), metav1.ListOptions{
			FieldSelector: "involvedObject.kind=ConfigMap,involvedObject.name=" + identity.ConfigMap + ",reason=" + identity.ReasonLeaving,
		})
		if err != nil {
			return err.Error()
		}
		if len(found.Items) != len(shared.replicas) {
			return fmt.Sprintf("there are %d events", len(found.Items))
		}
		return ""
	})
}

// TestDefinitionOfRecordsDeletedInTheMiddleOfARollout while the servers run: as long as the
// guards hold the records all goes on; without records nothing is answered and nothing is
// touched; and from a copy of the records the rollout comes to its end.
func TestDefinitionOfRecordsDeletedInTheMiddleOfARollout(t *testing.T) {
	r := newRoom(t, shared)
	r.dependent()
	r.stick("zone-b")
	r.begin()
	must(t, definitions(t).Delete(t.Context(), definitionName, metav1.DeleteOptions{}))
	poll(t, "all records to be marked as being deleted", func() string {
		found, err := shared.objects.Resource(recordResource).Namespace(r.namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil || found.Items[0].GetDeletionTimestamp() == nil {
			return "one is not"
		}
		return ""
	})
	untilToldThatTheStoreGoes(t)
	r.free("zone-a")
	r.untilStuck("zone-b")

	copied, before := records(t), r.estate()
	freeRecords(t, copied)
	poll(t, "the definition to be gone", func() string {
		if _, err := definitions(t).Get(t.Context(), definitionName, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return "it is there"
		}
		return ""
	})
	r.expectUnserved()
	r.free("zone-b")
	r.expectDependent()

	// The first one to start applies the definition again.
	restarted := make(chan error, 1)
	go func() { restarted <- shared.replicas[0].Restart(context.WithoutCancel(t.Context())) }()
	untilRefused(t, shared.replicas[0])
	r.expectUnserved()
	poll(t, "the other one to end, whose caches are of the former records", func() string {
		if shared.replicas[1].Alive() {
			return "it runs"
		}
		return ""
	})
	r.free("zone-b")
	freed := r.estate()
	expect(t, "zone-a", freed["vmclusters/zone-a"], before["vmclusters/zone-a"])
	expect(t, "the VMUser", freed["vmusers/reader"], before["vmusers/reader"])
	makeRecords(t, copied)
	r.expectUnserved()
	r.expectEstate(freed)
	must(t, shared.replicas[0].AcceptStore(t.Context()))
	must(t, <-restarted)
	must(t, shared.replicas[1].Restart(t.Context()))
	r.expectConcluded()
	r.expectDependent()
}
