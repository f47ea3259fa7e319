// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package baddays

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestNamespaceOfTheServersDeletedInTheMiddleOfARollout ends only once the APIService is
// deleted too: while that names a Service which is gone, nobody can tell what of ours is in
// any namespace. Objects lie in namespaces of their own.
func TestNamespaceOfTheServersDeletedInTheMiddleOfARollout(t *testing.T) {
	r := newRoom(t, shared)
	r.begin()
	must(t, shared.kubernetes.CoreV1().Namespaces().Delete(t.Context(), controlplane.ServerNamespace, metav1.DeleteOptions{}))
	shared.goDown(t, r) // as the pods there would
	r.free("zone-a")
	before := r.estate()
	shared.untilDiscoveryFails(t, controlplane.ServerNamespace)
	r.expectUnserved()

	client, err := aggregator.NewForConfig(shared.control.Config())
	must(t, err)
	must(t, client.ApiregistrationV1().APIServices().Delete(t.Context(), "v1alpha1.operator.victoriametrics.com", metav1.DeleteOptions{}))
	t.Logf("the namespace was gone %s after the APIService", shared.untilNamespaceGone(t, controlplane.ServerNamespace))
	r.expectEstate(before)
	shared.restartReplicas(t) // which applies the manifests
	r.expectConcluded()
}
