// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

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

func cluster(name string, verbs ...string) touch {
	return touch{victoriametrics.VMClusterResource, name, verbs, "a test"}
}

func TestOnlyWhatIsAllowedPasses(t *testing.T) {
	wanted := []touch{cluster("a", "update", "patch"), cluster("b", "update", "patch"), cluster("b", "patch")}
	for _, test := range []struct {
		name    string
		allowed []string
		denied  string
		asked   int
	}{
		{"nothing", nil, "update a, patch a, update b, patch b", 6},
		{"all of them", []string{"update ", "patch "}, "", 2},
		{"one of them", []string{"update a", "patch a"}, "update b, patch b", 6},
		{"one verb", []string{"patch "}, "update a, update b", 4},
		{"each by name", []string{"update a", "patch a", "update b", "patch b"}, "", 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &rules{allowed: test.allowed}
			denied, err := asking{authorizer.AuthorizerFunc(r.decide), &user.DefaultInfo{Name: "bob"}, "ns"}.denied(t.Context(), wanted)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range denied {
				got = append(got, d.verb+" "+d.name)
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

// TestNoAnswerIsNoLeave.
func TestNoAnswerIsNoLeave(t *testing.T) {
	silent := authorizer.AuthorizerFunc(func(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
		return authorizer.DecisionNoOpinion, "", errors.New("the host cluster is gone")
	})
	if _, err := (asking{silent, &user.DefaultInfo{Name: "bob"}, "ns"}).denied(t.Context(), []touch{cluster("a", "patch")}); err == nil {
		t.Error("nothing was denied")
	}
}
