// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// right is one verb on one resource, in a namespace or, with "", everywhere.
type right struct {
	namespace, group, resource, verb string
	// names, if any, are the objects that it is for.
	names []string
}

func (r right) String() string {
	return strings.TrimSpace(strings.Join(append([]string{r.namespace, r.verb, r.resource}, r.names...), " "))
}

// usually is how many of its rights are taken from the server where there is no time
// for all: which ones, is another question each time.
const usually = 6

// TestServerSaysWhichOfItsRightsIsMissing takes each from it in turn: none is spare,
// and what the server can't do for the lack of it is told with the verb and the
// resource, in an answer or in its log.
func TestServerSaysWhichOfItsRightsIsMissing(t *testing.T) {
	t.Parallel()
	rights := serverRights(t)
	if len(rights) < 40 {
		t.Fatalf("the server has the rights %v only", rights)
	}
	missing := slices.Clone(rights)
	if !long {
		dice := dice(t)
		dice.Shuffle(len(missing), func(i, j int) { missing[i], missing[j] = missing[j], missing[i] })
		missing = missing[:usually]
	}
	// Servers that keep objects in the cluster keep the same ones.
	inTurn := slices.DeleteFunc(slices.Clone(missing), func(lost right) bool { return storeOf(lost) != controlplane.StoreHost })
	t.Run("records", func(t *testing.T) {
		t.Parallel()
		for _, lost := range inTurn {
			t.Run(lost.String(), func(t *testing.T) { isNamed(t, rights, lost) })
		}
	})
	for _, lost := range missing {
		if slices.ContainsFunc(inTurn, func(r right) bool { return r.String() == lost.String() }) {
			continue
		}
		t.Run(lost.String(), func(t *testing.T) {
			t.Parallel()
			isNamed(t, rights, lost)
		})
	}
}

// isNamed runs a server without a right until it has said that it lacks it.
func isNamed(t *testing.T, rights []right, lost right) {
	t.Helper()
	s := startPoor(t, rights, lost)
	want := fmt.Sprintf("cannot %s resource %q", lost.verb, lost.resource)
	poll(t, "it to say that it "+want, func(context.Context) string {
		if s.says(t, want) {
			return ""
		}
		select {
		case err := <-s.done:
			s.done <- err
			if s.says(t, want) {
				return ""
			}
			t.Fatalf("it has not said so when all was done: %v", err)
		default:
		}
		return "it does not"
	})
}

// embeddedStoreRole is what a server needs besides that keeps objects in an embedded etcd.
const embeddedStoreRole = "vmdistributed-apiserver-embedded-store"

// serverRights are those of artifacts/base, and those that it delegates authentication
// and authorization with. How the latter's ConfigMap is read, is Kubernetes' own. Those that
// a server needs that makes its own certificate, which these do not, are taken from it in
// test/integration/certs.
func serverRights(t *testing.T) []right {
	t.Helper()
	var rights []right
	add := func(namespace string, rules []rbacv1.PolicyRule) {
		for _, rule := range rules {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					rights = append(rights, right{namespace, rule.APIGroups[0], resource, verb, rule.ResourceNames})
				}
			}
		}
	}
	roles := shared.kubernetes.RbacV1()
	for _, name := range []string{"vmdistributed-apiserver", "vmdistributed-apiserver-records", "system:auth-delegator"} {
		role, err := roles.ClusterRoles().Get(t.Context(), name, metav1.GetOptions{})
		must(t, err)
		add("", role.Rules)
	}
	for _, name := range []string{"vmdistributed-apiserver", embeddedStoreRole} {
		role, err := roles.Roles(controlplane.ServerNamespace).Get(t.Context(), name, metav1.GetOptions{})
		must(t, err)
		add(controlplane.ServerNamespace, role.Rules)
	}
	return rights
}

// poor is a server that lacks a right, with somebody who uses it in a room.
type poor struct {
	*room
	log string
	// done is what came of all that a server is for.
	done chan error

	mutex sync.Mutex
	// said is all that answers have said so far.
	said []byte
}

// note keeps what an answer says, in status or as an error.
func (s *poor) note(object *own, err error) {
	said := []byte(fmt.Sprint(err))
	if err == nil {
		if said, err = json.Marshal(object.Status); err != nil {
			return // what was decoded can be encoded
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.said = append(s.said, said...)
}

// says tells whether the server has said a text in its log or in an answer.
func (s *poor) says(t *testing.T, text string) bool {
	t.Helper()
	raw, err := os.ReadFile(s.log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	s.mutex.Lock()
	raw = append(raw, s.said...)
	s.mutex.Unlock()
	// Both quote what is quoted.
	return bytes.Contains(bytes.ReplaceAll(raw, []byte(`\"`), []byte(`"`)), []byte(text))
}

// startPoor runs a server as a user of its own, and has it do all that a server does.
func startPoor(t *testing.T, rights []right, lost right) *poor {
	t.Helper()
	namespace, err := shared.kubernetes.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "poor-"}}, metav1.CreateOptions{})
	must(t, err)
	name := namespace.Name
	grantAll(t, name, slices.DeleteFunc(slices.Clone(rights), func(r right) bool { return r.String() == lost.String() }))
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, shared.control.WriteKubeconfig(kubeconfig, name))
	r := newRoom(t)
	s := &poor{room: r, log: shared.control.LogOf(name), done: make(chan error, 1)}
	r.existing("zone-a", small("v1"))
	r.existing("other", small("v1"))
	r.create(agentResource, "VMAgent", "agent", fields{"remoteWrite": list{fields{"url": "http://vminsert-other:8480/insert/0/prometheus/api/v1/write"}}})
	r.reader("zone-a", "zone-b")
	sre := "sre-of-" + r.namespace
	r.grant(sre, rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server, err := shared.control.StartServer(ctx, controlplane.ServerOptions{
			Name: name, Unregistered: true, Store: storeOf(lost), Args: []string{"--kubeconfig=" + kubeconfig, "--namespace=" + name},
			// Where kube-apiserver can't stream them, lists are asked for.
			Env: []string{"KUBE_FEATURE_WatchListClient=false"},
		})
		if err != nil {
			s.done <- fmt.Errorf("the server does not start: %w", err)
			return
		}
		s.done <- s.live(ctx, server, sre)
		// Asked to end, it would wait for what it asks for in vain.
		if err := server.Kill(); err != nil {
			t.Errorf("ending %s: %v", name, err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return s
}

// storeOf is the store for which a right is needed.
func storeOf(lost right) controlplane.Store {
	if lost.group == storagev1.GroupName || slices.Contains(lost.names, recordsDefinition) {
		return controlplane.StoreHost
	}
	return controlplane.StoreEmbedded
}

// recordsDefinition is the name of the CustomResourceDefinition of records.
const recordsDefinition = storagev1.VMDistributedClusterRecords + "." + storagev1.GroupName

// grantAll gives the user of that name the rights. What the server has in its own
// namespace, it has in that of the user's name.
func grantAll(t *testing.T, user string, rights []right) {
	t.Helper()
	rules := map[string][]rbacv1.PolicyRule{}
	for _, r := range rights {
		namespace := strings.Replace(r.namespace, controlplane.ServerNamespace, user, 1)
		rules[namespace] = append(rules[namespace], rbacv1.PolicyRule{
			APIGroups: []string{r.group}, Resources: []string{r.resource}, Verbs: []string{r.verb}, ResourceNames: r.names,
		})
	}
	ctx, roles := t.Context(), shared.kubernetes.RbacV1()
	called := metav1.ObjectMeta{Name: user}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}}
	_, err := roles.RoleBindings(metav1.NamespaceSystem).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: called, Subjects: subjects,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "extension-apiserver-authentication-reader"}}, metav1.CreateOptions{})
	must(t, err)
	for namespace, rules := range rules {
		if namespace == "" {
			_, err := roles.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: called, Rules: rules}, metav1.CreateOptions{})
			must(t, err)
			_, err = roles.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: called, Subjects: subjects,
				RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user}}, metav1.CreateOptions{})
			must(t, err)
			continue
		}
		_, err := roles.Roles(namespace).Create(ctx, &rbacv1.Role{ObjectMeta: called, Rules: rules}, metav1.CreateOptions{})
		must(t, err)
		_, err = roles.RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: called, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user}}, metav1.CreateOptions{})
		must(t, err)
	}
}

// live has a server do all that it ever does, for somebody who may do everything in
// the room.
func (s *poor) live(ctx context.Context, server *controlplane.Server, sre string) error {
	config, err := server.ConfigFor(sre)
	if err != nil {
		return err
	}
	withToken := rest.AnonymousClientConfig(config)
	withToken.BearerToken = "nobody's"
	if client, err := versioned.NewForConfig(withToken); err != nil {
		return err
	} else if _, err := client.OperatorV1alpha1().VMDistributedClusters(s.namespace).List(ctx, metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		return fmt.Errorf("a token that is nobody's is answered with %w", err)
	}
	if err := s.connect(config); err != nil {
		return err
	}
	if err := s.ask(ctx); err != nil {
		return err
	}
	for _, version := range []string{"v1", "v2", "v3"} {
		if err := s.rollOut(ctx, whole(version)); err != nil {
			return err
		}
	}
	if _, err := s.own.Abort(ctx, "demo", &v1alpha1.VMDistributedClusterAbort{}, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := s.own.Retry(ctx, "demo", &v1alpha1.VMDistributedClusterRetry{}, metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := s.goBackAndForth(ctx); err != nil {
		return err
	}
	if err := s.waitForReplicas(ctx); err != nil {
		return err
	}
	if err := shared.objects.Resource(userResource).Namespace(s.namespace).Delete(ctx, "reader", metav1.DeleteOptions{}); err != nil {
		return err
	}
	if err := s.own.Delete(ctx, "demo", metav1.DeleteOptions{}); err != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := s.own.Get(ctx, "demo", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

// goBackAndForth has the present revision undone, and that taken back, while nothing is
// written for it: what is begun would have to be brought to its end.
func (s *poor) goBackAndForth(ctx context.Context) error {
	pause := func(paused bool) error {
		_, err := s.own.Patch(ctx, "demo", types.MergePatchType, fmt.Appendf(nil, `{"spec":{"paused":%t}}`, paused), metav1.PatchOptions{})
		return err
	}
	if err := pause(true); err != nil {
		return err
	}
	var said *v1alpha1.VMDistributedClusterUndo
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (done bool, err error) {
		said, err = s.own.Undo(ctx, "demo", &v1alpha1.VMDistributedClusterUndo{}, metav1.CreateOptions{})
		if err != nil {
			s.note(nil, err)
		}
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	err = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		object, err := s.own.Get(ctx, "demo", metav1.GetOptions{})
		s.note(object, err)
		return err == nil && object.Status.Undo != nil, nil
	})
	if err != nil {
		return err
	}
	if _, err := s.own.Undo(ctx, "demo", &v1alpha1.VMDistributedClusterUndo{ToRevision: said.Revision}, metav1.CreateOptions{}); err != nil {
		return err
	}
	return pause(false)
}

// ask tries out an object that names what is not there: nobody knows that by heart.
func (s *poor) ask(ctx context.Context) error {
	body, err := json.Marshal(with(whole("v1"), "metadata.name", "tried"))
	if err != nil {
		return err
	}
	for _, name := range []string{"zone-a", "agent", "reader"} {
		body = bytes.ReplaceAll(body, []byte(strconv.Quote(name)), []byte(strconv.Quote("no-"+name)))
	}
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		tried, err := s.own.Patch(ctx, "tried", types.ApplyYAMLPatchType, body,
			metav1.PatchOptions{FieldManager: user, Force: ptr.To(true), DryRun: []string{metav1.DryRunAll}})
		s.note(tried, err)
		return err == nil, nil
	})
}

// waitForReplicas has a zone wait for the queues of a VMAgent that has no replica.
func (s *poor) waitForReplicas(ctx context.Context) error {
	agents := shared.objects.Resource(agentResource).Namespace(s.namespace)
	here := fmt.Sprintf(`{"spec":{"remoteWrite":[{"url":"http://vminsert-zone-a.%s.svc:8480/insert/0/prometheus/api/v1/write"}]}}`, s.namespace)
	if _, err := agents.Patch(ctx, "agent", types.MergePatchType, []byte(here), metav1.PatchOptions{}); err != nil {
		return err
	}
	body, err := json.Marshal(whole("v4"))
	if err != nil {
		return err
	}
	if _, err := s.own.Patch(ctx, "demo", types.ApplyYAMLPatchType, body, metav1.PatchOptions{FieldManager: user, Force: ptr.To(true)}); err != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		now, err := s.own.Get(ctx, "demo", metav1.GetOptions{})
		s.note(now, err)
		if err != nil {
			return false, nil //nolint:nilerr // asked again
		}
		zone := zoneOf(now, "zone-a")
		return zone.Reason == "QueuesUnknown" && !strings.HasSuffix(zone.WaitingFor, "to be read"), nil
	})
}

// rollOut applies an object until it is accepted, and waits until it is Ready.
func (s *poor) rollOut(ctx context.Context, object fields) error {
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	if err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		applied, err := s.own.Patch(ctx, nameIn(object), types.ApplyYAMLPatchType, body, metav1.PatchOptions{FieldManager: user, Force: ptr.To(true)})
		s.note(applied, err)
		return err == nil, nil
	}); err != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		now, err := s.own.Get(ctx, nameIn(object), metav1.GetOptions{})
		s.note(now, err)
		return err == nil && now.Status.ObservedGeneration == now.Generation && meta.IsStatusConditionTrue(now.Status.Conditions, "Ready"), nil
	})
}
