// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package garbage

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// TestObjectThatCanNotBeReadIsNotDeleted: who watches is told that it is there, and so is
// who begins anew, also where nothing but its record is left to say so.
func TestObjectThatCanNotBeReadIsNotDeleted(t *testing.T) {
	r := newRoom(t, controlplane.StoreHost)
	r.create("other")
	sound, err := r.records().Get(t.Context(), "owner", metav1.GetOptions{})
	must(t, err)
	for _, patch := range []string{
		`{"payload":"%"}`,
		fmt.Sprintf(`{"payload":"%%","metadata":{"annotations":{%q:null}}}`, storagev1.ObjectAnnotation),
	} {
		r.patchRecord("owner", patch)
		for range 2 {
			r.untilCollected("other")
			r.expectThere()
			r.expectUnreadable()
			must(t, r.server.Restart(t.Context())) // which ends all watches
		}
		r.patchRecord("owner", fmt.Sprintf(`{"payload":%q}`, sound.Object["payload"]))
		again, err := r.own.Get(t.Context(), "owner", metav1.GetOptions{})
		must(t, err)
		if again.UID != r.uid {
			t.Errorf("the uid is %s, and was %s", again.UID, r.uid)
		}
		r.untilCollected("owner")
		r.expectThere()
	}
	must(t, r.own.Delete(t.Context(), "owner", metav1.DeleteOptions{}))
	r.untilGone("dependent")
}

// TestNamespaceWithAnObjectThatCanNotBeReadSaysHowToEndIt: by its condition, with a command
// that does, and deletes no VMCluster of another namespace.
func TestNamespaceWithAnObjectThatCanNotBeReadSaysHowToEndIt(t *testing.T) {
	r := newRoom(t, controlplane.StoreHost)
	namespace, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "ending-"}}, metav1.CreateOptions{})
	must(t, err)
	ending := &room{t: t, namespace: namespace.Name, own: versioned.NewForConfigOrDie(shared.control.Config()).OperatorV1alpha1().VMDistributedClusters(namespace.Name)}
	ending.create("broken")
	ending.patchRecord("broken", `{"payload":"%"}`)
	must(t, shared.kubernetes.CoreV1().Namespaces().Delete(t.Context(), namespace.Name, metav1.DeleteOptions{}))

	command := regexp.MustCompile(`kubectl delete --raw '([^']+)'`)
	var path string
	ending.poll("the namespace to say how to end it", func(ctx context.Context) bool {
		found, err := shared.kubernetes.CoreV1().Namespaces().Get(ctx, namespace.Name, metav1.GetOptions{})
		must(t, err)
		for _, condition := range found.Status.Conditions {
			if said := command.FindStringSubmatch(condition.Message); said != nil && strings.Contains(condition.Message, "the record "+namespace.Name+"/broken can't be read") {
				path = said[1]
				return true
			}
		}
		t.Logf("it says %v", found.Status.Conditions)
		return false
	})
	kubectl := exec.CommandContext(t.Context(), filepath.Join(shared.control.BinDir(), "kubectl"), "--kubeconfig", shared.control.Kubeconfig(), "delete", "--raw", path)
	if out, err := kubectl.CombinedOutput(); err != nil {
		t.Fatalf("the command that it says: %v: %s", err, out)
	}
	ending.poll("the namespace to be gone", func(ctx context.Context) bool {
		_, err := shared.kubernetes.CoreV1().Namespaces().Get(ctx, namespace.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	r.expectThere()
}

func (r *room) patchRecord(name, patch string) {
	r.t.Helper()
	_, err := r.records().Patch(r.t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	must(r.t, err)
}

// expectUnreadable wants a list to have both, and to say of one that it can't be read.
func (r *room) expectUnreadable() {
	r.t.Helper()
	r.poll("a list with both", func(ctx context.Context) bool {
		found, err := r.own.List(ctx, metav1.ListOptions{})
		if err != nil {
			return false
		}
		said := map[string]bool{}
		for i := range found.Items {
			_, said[found.Items[i].Name] = found.Items[i].Annotations[storagev1.UnreadableAnnotation]
		}
		return len(said) == 2 && said["owner"] && !said["other"]
	})
	if _, err := r.own.Get(r.t.Context(), "owner", metav1.GetOptions{}); err == nil || apierrors.IsNotFound(err) {
		r.t.Errorf("what can't be read is answered with %v", err)
	}
}
