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

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
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
		if old = frontdoor.Subject(ctx); old == nil {
			return nil
		}
	}
	subject := object
	if subject == nil {
		subject = old
	}
	around, err := lookAround(ctx, p.inventory, subject)
	if err != nil {
		return apierrors.NewInternalError(fmt.Errorf("looking around VMDistributedCluster %s/%s: %w", subject.Namespace, subject.Name, err))
	}
	namespace := a.GetNamespace()
	caller := callerrights.Caller{Authorizer: p.authorizer, User: a.GetUserInfo(), Namespace: namespace}
	denied, err := outOfReach(ctx, caller, touches(a, object, old, around))
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
	return apierrors.NewForbidden(a.GetResource().GroupResource(), subject.Name, refusal(a.GetUserInfo().GetName(), namespace, denied))
}

// touches lists what a request would have us touch.
func touches(a admission.Attributes, object, old *vmdistributed.VMDistributedCluster, around surroundings) []touch {
	switch {
	case a.GetOperation() == admission.Delete:
		return ofDelete(old, around)
	case a.GetSubresource() == "status":
		return ofStatus(object, old, around)
	case a.GetSubresource() == vmdistributed.SubresourceAbort:
		return ofAbort(old)
	case a.GetSubresource() == vmdistributed.SubresourceUndo:
		return ofUndo(old, around)
	case vmdistributed.IsVerb(a.GetSubresource()):
		return ofAll(old, around, "the verb "+a.GetSubresource())
	case a.GetSubresource() == "":
		return ofWrite(object, old, around)
	}
	return nil
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
		named := ""
		if d.Name != "" {
			named = fmt.Sprintf(" named %q", d.Name)
		}
		reasons = append(reasons, fmt.Sprintf("User %q cannot %s resource %q%s in API group %q in the namespace %q, which %s would have done on their behalf",
			user, d.Verb, d.Resource.Resource, named, d.Resource.Group, namespace, d.reason))
	}
	if more := len(denied) - maxNamed; more > 0 {
		reasons = append(reasons, fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(reasons, "; "))
}
