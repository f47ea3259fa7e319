// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rights keeps callers from reaching through this server what they may not
// reach by themselves. The server may change every VMCluster, VMUser and VMAgent of
// the cluster; so whoever has it change one must be allowed to.
package rights

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/client-go/kubernetes"

	frontdoor "github.com/vmdistributed/vmdistributed-apiserver/pkg/admission"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/callerrights"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/inventory"
)

// PluginName is the name in --disable-admission-plugins.
const PluginName = "CallerRights"

// maxNamed is how many of the objects that are out of reach a refusal names.
const maxNamed = 5

// Register makes the plugin known.
func Register(plugins *admission.Plugins) {
	plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) { return newPlugin(), nil })
}

// plugin validates; it changes nothing.
type plugin struct {
	*admission.Handler
	authorizer authorizer.Authorizer
	host       kubernetes.Interface
	inventory  *inventory.Inventory
}

var (
	_ admission.ValidationInterface          = &plugin{}
	_ frontdoor.WantsInventory               = &plugin{}
	_ initializer.WantsAuthorizer            = &plugin{}
	_ initializer.WantsExternalKubeClientSet = &plugin{}
	_ admission.InitializationValidator      = &plugin{}
)

func newPlugin() *plugin {
	return &plugin{Handler: admission.NewHandler(admission.Create, admission.Update, admission.Delete)}
}

// SetAuthorizer is called once, before the first request.
func (p *plugin) SetAuthorizer(a authorizer.Authorizer) { p.authorizer = a }

// SetExternalKubeClientSet is called once, before the first request.
func (p *plugin) SetExternalKubeClientSet(client kubernetes.Interface) { p.host = client }

// SetInventory is called once, before the first request.
func (p *plugin) SetInventory(known *inventory.Inventory) { p.inventory = known }

// ValidateInitialization tells whether nothing is missing.
func (p *plugin) ValidateInitialization() error {
	if p.authorizer == nil || p.host == nil || p.inventory == nil {
		return errors.New(PluginName + " needs an authorizer, a client for the host cluster and an inventory")
	}
	return nil
}

// Validate refuses with 403 what would have the server touch objects that the
// caller may not touch in the same way.
func (p *plugin) Validate(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	object, old := frontdoor.Objects(a)
	if object == nil && old == nil {
		return nil
	}
	var wanted []touch
	switch {
	case a.GetOperation() == admission.Delete:
		wanted = ofDelete(old)
	case a.GetSubresource() == "status":
		wanted = ofStatus(object, old)
	case a.GetSubresource() == "":
		wanted = ofWrite(object, old, p.mayExist(ctx))
	}
	if len(wanted) == 0 {
		return nil
	}
	name, namespace := a.GetName(), a.GetNamespace()
	if name == "" && old != nil {
		name = old.Name // one of a collection
	} else if name == "" {
		name = object.Name
	}
	denied, err := outOfReach(ctx, callerrights.Caller{Authorizer: p.authorizer, User: a.GetUserInfo(), Namespace: namespace}, wanted)
	switch {
	case err != nil:
		return apierrors.NewInternalError(err)
	case len(denied) == 0:
		return nil
	}
	if a.GetOperation() == admission.Delete {
		// Who empties a namespace need not be allowed anything else: nothing is touched.
		if terminates, err := p.terminates(ctx, namespace); err != nil || terminates {
			return err
		}
	}
	return apierrors.NewForbidden(a.GetResource().GroupResource(), name, refusal(a.GetUserInfo().GetName(), namespace, denied))
}

// mayExist tells whether there is a VMCluster, as far as is known.
func (p *plugin) mayExist(ctx context.Context) func(namespace, name string) bool {
	return func(namespace, name string) bool {
		cluster, err := p.inventory.Cluster(ctx, namespace, name)
		return err != nil || cluster != nil || !p.inventory.HasSynced()
	}
}

// terminates reads the namespace itself: whoever deletes what is in one that has
// just begun to terminate knows it before any cache does.
func (p *plugin) terminates(ctx context.Context, name string) (bool, error) {
	namespace, err := p.host.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return true, nil
	case err != nil:
		return false, apierrors.NewInternalError(fmt.Errorf("reading namespace %q to see whether it terminates: %w", name, err))
	}
	return namespace.DeletionTimestamp != nil, nil
}

// denial is one thing that the caller may not do, and what of the request does it.
type denial struct {
	callerrights.Question
	reason string
}

// outOfReach returns what of the wanted the caller may not do, in its order.
func outOfReach(ctx context.Context, caller callerrights.Caller, wanted []touch) ([]denial, error) {
	var questions []callerrights.Question
	reasons := map[callerrights.Question]string{}
	for _, t := range wanted {
		for _, verb := range t.verbs {
			question := callerrights.Question{Verb: verb, Resource: t.resource, Name: t.name}
			if _, known := reasons[question]; !known {
				questions, reasons[question] = append(questions, question), t.reason
			}
		}
	}
	refused, err := caller.Denied(ctx, questions)
	denied := make([]denial, len(refused))
	for i, question := range refused {
		denied[i] = denial{question, reasons[question]}
	}
	return denied, err
}

// refusal names what is out of the caller's reach.
func refusal(user, namespace string, denied []denial) error {
	var reasons []string
	for _, d := range denied[:min(len(denied), maxNamed)] {
		reasons = append(reasons, fmt.Sprintf("User %q cannot %s resource %q named %q in API group %q in the namespace %q, which %s would have done on their behalf",
			user, d.Verb, d.Resource.Resource, d.Name, d.Resource.Group, namespace, d.reason))
	}
	if more := len(denied) - maxNamed; more > 0 {
		reasons = append(reasons, fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(reasons, "; "))
}
