// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package callerrights

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// rules allows what it lists, each as "verb name", name being empty for all, and
// remembers what it was asked.
type rules struct {
	allowed []string
	mutex   sync.Mutex
	asked   []string
}

func (r *rules) decide(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	question := a.GetVerb() + " " + a.GetName()
	r.asked = append(r.asked, question)
	if a.GetUser().GetName() != "bob" || a.GetNamespace() != "ns" || a.GetAPIGroup() != victoriametrics.GroupVersion.Group || !a.IsResourceRequest() {
		return authorizer.DecisionDeny, "", fmt.Errorf("asked about %v", a)
	}
	if slices.Contains(r.allowed, question) || slices.Contains(r.allowed, a.GetVerb()+" ") {
		return authorizer.DecisionAllow, "", nil
	}
	return authorizer.DecisionNoOpinion, "", nil
}

func bob(decide authorizer.AuthorizerFunc) Caller {
	return Caller{decide, &user.DefaultInfo{Name: "bob"}, "ns"}
}

func cluster(verb, name string) Question {
	return Question{verb, victoriametrics.VMClusterResource, name}
}

func TestOnlyWhatIsAllowedPasses(t *testing.T) {
	questions := []Question{cluster("update", "a"), cluster("patch", "a"), cluster("update", "b"), cluster("patch", "b"), cluster("patch", "b")}
	for _, test := range []struct {
		name    string
		of      []Question
		allowed []string
		denied  string
		asked   int
	}{
		{"nothing", questions, nil, "update a, patch a, update b, patch b", 6},
		{"all of them", questions, []string{"update ", "patch "}, "", 2},
		{"one of them", questions, []string{"update a", "patch a"}, "update b, patch b", 6},
		{"one verb", questions, []string{"patch "}, "update a, update b", 4},
		{"each by name", questions, []string{"update a", "patch a", "update b", "patch b"}, "", 6},
		{"all, when all are asked about", []Question{cluster("update", "")}, []string{"update "}, "", 1},
		{"some, when all are asked about", []Question{cluster("update", ""), cluster("update", "a")}, []string{"update a"}, "update ", 2},
		{"whatever, when nothing is asked", nil, nil, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &rules{allowed: test.allowed}
			denied, err := bob(r.decide).Denied(t.Context(), test.of)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range denied {
				got = append(got, d.Verb+" "+d.Name)
			}
			if strings.Join(got, ", ") != test.denied {
				t.Errorf("denied %v, want %s", got, test.denied)
			}
			if len(r.asked) != test.asked {
				t.Errorf("asked %v, want %d questions", r.asked, test.asked)
			}
		})
	}
}

// TestKindsAreToldApart: all of one kind are not all of another.
func TestKindsAreToldApart(t *testing.T) {
	allowed := func(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
		if a.GetResource() == victoriametrics.VMClusterResource.Resource {
			return authorizer.DecisionAllow, "", nil
		}
		return authorizer.DecisionNoOpinion, "", nil
	}
	reader := Question{"update", victoriametrics.VMUserResource, "a"}
	denied, err := bob(allowed).Denied(t.Context(), []Question{cluster("update", "a"), reader})
	if err != nil || !slices.Equal(denied, []Question{reader}) {
		t.Errorf("denied %v, %v, want %v", denied, err, reader)
	}
}

func TestNoAnswerIsNoLeave(t *testing.T) {
	silent := func(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
		return authorizer.DecisionNoOpinion, "", errors.New("the host cluster is gone")
	}
	_, err := bob(silent).Denied(t.Context(), []Question{cluster("patch", "a")})
	if want := `asking the host cluster whether user "bob" may patch vmclusters.operator.victoriametrics.com in namespace "ns": the host cluster is gone`; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// TestReviewCarriesAllThatTheCallerIsKnownBy: rules may be about groups and extras.
func TestReviewCarriesAllThatTheCallerIsKnownBy(t *testing.T) {
	reviews := make(chan authorizationv1.SubjectAccessReviewSpec, 2)
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		review := authorizationv1.SubjectAccessReview{}
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			t.Errorf("reading a review: %v", err)
		}
		reviews <- review.Spec
		review.Status.Allowed = review.Spec.ResourceAttributes.Name != ""
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(review); err != nil {
			t.Errorf("answering a review: %v", err)
		}
	}))
	defer host.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: host.URL})
	if err != nil {
		t.Fatal(err)
	}
	delegating, err := authorizerfactory.DelegatingAuthorizerConfig{
		SubjectAccessReviewClient: client.AuthorizationV1(), WebhookRetryBackoff: &wait.Backoff{Steps: 1},
	}.New()
	if err != nil {
		t.Fatal(err)
	}
	caller := Caller{delegating, &user.DefaultInfo{
		Name: "bob", UID: "7", Groups: []string{"sre", "system:authenticated"}, Extra: map[string][]string{"example.com/scopes": {"a", "b"}},
	}, "ns"}
	denied, err := caller.Denied(t.Context(), []Question{cluster("patch", "a")})
	if err != nil || len(denied) > 0 {
		t.Fatalf("denied %v, %v", denied, err)
	}
	for _, name := range []string{"", "a"} {
		want := authorizationv1.SubjectAccessReviewSpec{
			User: "bob", UID: "7", Groups: []string{"sre", "system:authenticated"},
			Extra: map[string]authorizationv1.ExtraValue{"example.com/scopes": {"a", "b"}},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: "ns", Verb: "patch", Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: "vmclusters", Name: name,
			},
		}
		if got := <-reviews; !reflect.DeepEqual(got, want) {
			t.Errorf("reviewed %+v\nwant %+v", got, want)
		}
	}
}

// TestSeveralAreAskedAboutAtOnce: an answer takes a round trip, and there may be
// hundreds of questions.
func TestSeveralAreAskedAboutAtOnce(t *testing.T) {
	var arrived sync.WaitGroup
	arrived.Add(askedAtOnce)
	together := func(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
		if a.GetName() == "" {
			return authorizer.DecisionNoOpinion, "", nil
		}
		arrived.Done()
		everybody := make(chan struct{})
		go func() { arrived.Wait(); close(everybody) }()
		select {
		case <-everybody:
			return authorizer.DecisionAllow, "", nil
		case <-ctx.Done():
			return authorizer.DecisionNoOpinion, "", ctx.Err()
		}
	}
	var questions []Question
	for i := range askedAtOnce {
		questions = append(questions, cluster("get", fmt.Sprint(i)))
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second) // only where it fails
	defer stop()
	if denied, err := bob(together).Denied(ctx, questions); err != nil || len(denied) > 0 {
		t.Errorf("denied %v, %v", denied, err)
	}
}
