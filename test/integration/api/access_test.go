// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bufio"
	"net/http"
	"os"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// allow gives a user rights on our resources in a namespace.
func allow(t *testing.T, namespace, user string, verbs []string, resources ...string) {
	t.Helper()
	role, err := shared.admin.kubernetes.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "tester-"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"operator.victoriametrics.com"}, Resources: resources, Verbs: verbs}},
	}, metav1.CreateOptions{})
	must(t, err)
	_, err = shared.admin.kubernetes.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "tester-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}, metav1.CreateOptions{})
	must(t, err)
}

// TestRightsOnSubresourcesAreGivenApart, through the aggregator and past it.
func TestRightsOnSubresourcesAreGivenApart(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	user := "reader-of-" + namespace
	alice, aliceDirect := as(t, user), direct(t, user)

	for _, c := range []*caller{alice, aliceDirect} {
		c.get(t, in(namespace, "x")).want(t, http.StatusForbidden).problem(t)
	}
	allow(t, namespace, user, []string{"get"}, "vmdistributedclusters")
	for _, c := range []*caller{alice, aliceDirect} {
		// Authorizers remember a refusal for some seconds.
		eventually(t, "the user may read the object", func() bool { return c.get(t, in(namespace, "x")).code == http.StatusOK })
		got := c.get(t, in(namespace, "x", "zones")).want(t, http.StatusForbidden).problem(t)
		if !strings.Contains(got.Message, "vmdistributedclusters/zones") || !strings.Contains(got.Message, user) {
			t.Errorf("the message is %s", got.Message)
		}
		for _, path := range []string{in(namespace), in(namespace, "x", "status")} {
			c.get(t, path).want(t, http.StatusForbidden)
		}
		c.create(t, namespace, paused("y", one("y"))).want(t, http.StatusForbidden)
	}
	allow(t, namespace, user, []string{"get"}, "vmdistributedclusters/zones")
	for _, c := range []*caller{alice, aliceDirect} {
		eventually(t, "the user may read the zones", func() bool { return c.get(t, in(namespace, "x", "zones")).code == http.StatusOK })
		c.send(t, http.MethodPatch, in(namespace, "x", "status"), mergeType, `{}`).want(t, http.StatusForbidden)
	}

	// And the other way round: who may read zones may not read the object.
	other := "zones-of-" + namespace
	allow(t, namespace, other, []string{"get"}, "vmdistributedclusters/zones")
	bob := as(t, other)
	eventually(t, "the other user may read the zones", func() bool { return bob.get(t, in(namespace, "x", "zones")).code == http.StatusOK })
	bob.get(t, in(namespace, "x")).want(t, http.StatusForbidden)
}

// TestUserIsWhoTheAggregatorSays reads the server's own audit log, which also
// holds the object as the server saw it: canonical.
func TestUserIsWhoTheAggregatorSays(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	user := "carol-of-" + namespace
	carol := as(t, user, "auditees", "friends")
	allow(t, namespace, user, []string{"*"}, "vmdistributedclusters", "vmclusters")
	eventually(t, "the user may write", func() bool {
		return carol.create(t, namespace, paused("x", shapes[1].zones)).code == http.StatusCreated
	})

	var seen *auditv1.Event
	eventually(t, "the server has logged it", func() bool {
		seen = logged(t, func(event *auditv1.Event) bool {
			return event.User.Username == user && event.Verb == "create" && event.ResponseStatus != nil && event.ResponseStatus.Code == http.StatusCreated
		})
		return seen != nil
	})
	if got := strings.Join(seen.User.Groups, " "); !strings.Contains(got, "friends") || !strings.Contains(got, "system:authenticated") {
		t.Errorf("the groups are %s", got)
	}
	if ref := seen.ObjectRef; ref == nil || ref.Resource != "vmdistributedclusters" || ref.Namespace != namespace {
		t.Errorf("the object is %+v", seen.ObjectRef)
	}
	if seen.RequestObject == nil || !strings.Contains(string(seen.RequestObject.Raw), `"zones":{"vmclusters":[`) {
		t.Errorf("the request is logged as %+v", seen.RequestObject)
	}
	if seen.ResponseObject == nil || !strings.Contains(string(seen.ResponseObject.Raw), `"uid"`) {
		t.Errorf("the answer is logged as %+v", seen.ResponseObject)
	}
}

// logged looks an event up in the server's audit log.
func logged(t *testing.T, matches func(*auditv1.Event) bool) *auditv1.Event {
	t.Helper()
	log, err := os.Open(shared.audit)
	must(t, err)
	defer log.Close()
	scanner := bufio.NewScanner(log)
	scanner.Buffer(nil, 8<<20)
	for scanner.Scan() {
		var event auditv1.Event
		if json.Unmarshal(scanner.Bytes(), &event) != nil {
			continue // the last line may be half written
		}
		if matches(&event) {
			return &event
		}
	}
	must(t, scanner.Err())
	return nil
}

// TestNobodyGetsPastAuthentication: who shows no certificate is nobody, whatever
// the headers say.
func TestNobodyGetsPastAuthentication(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	nobody := *direct(t, "nobody")
	config, err := shared.server.ConfigFor("nobody")
	must(t, err)
	config.CertData, config.KeyData = nil, nil
	anonymous, err := newCaller(config)
	must(t, err)
	forged := http.Header{"X-Remote-User": []string{"controlplane-admin"}, "X-Remote-Group": []string{"system:masters"}}
	for name, test := range map[string]struct {
		c      *caller
		header http.Header
		want   []int
	}{
		"anonymous":                    {anonymous, http.Header{}, []int{401, 403}},
		"forged by anonymous":          {anonymous, forged, []int{401, 403}},
		"forged by a user":             {&nobody, forged, []int{403}},
		"token that nobody has issued": {anonymous, http.Header{"Authorization": []string{"Bearer nonsense"}}, []int{401}},
		"anonymous through aggregator": {through(t), http.Header{}, []int{401, 403}},
	} {
		t.Run(name, func(t *testing.T) {
			test.c.sendWith(t, http.MethodGet, in(namespace), test.header.Clone(), nil).want(t, test.want...).problem(t)
		})
	}
	// Masters through the front door of the server itself.
	direct(t, "somebody", "system:masters").get(t, in(namespace)).want(t, http.StatusOK)
}

// through returns a caller of the aggregator that shows no certificate.
func through(t *testing.T) *caller {
	t.Helper()
	config := shared.cp.Config()
	config.CertData, config.KeyData = nil, nil
	c, err := newCaller(config)
	must(t, err)
	return c
}

// TestServiceAccountTokensAreAccepted by the server itself: it asks the host
// cluster whose they are.
func TestServiceAccountTokensAreAccepted(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	shared.admin.create(t, namespace, paused("x", canonical)).want(t, http.StatusCreated)
	allow(t, namespace, "system:serviceaccount:"+namespace+":default", []string{"get"}, "vmdistributedclusters")
	token := serviceAccountToken(t, namespace)
	config, err := shared.server.ConfigFor("nobody")
	must(t, err)
	config.CertData, config.KeyData, config.BearerToken = nil, nil, token
	account, err := newCaller(config)
	must(t, err)
	eventually(t, "the service account may read", func() bool { return account.get(t, in(namespace, "x")).code == http.StatusOK })
	account.get(t, in(namespace)).want(t, http.StatusForbidden)
}
