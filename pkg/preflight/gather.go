// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	aggregator "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"

	storagev1 "github.com/vmdistributed/vmdistributed-apiserver/apis/storage/v1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"
)

const (
	operatorGroup = "operator.victoriametrics.com"
	// takenVersion is the one that the server serves.
	takenVersion = "v1alpha1"

	firstAPIService  = takenVersion + "." + operatorGroup
	secondAPIService = takenVersion + ".distributed.victoriametrics.com"
	// serverName is that of the server's Service, Deployment and account.
	serverName = "vmdistributed-apiserver"
	// ownKind is the resource that the server serves.
	ownKind = "vmdistributedclusters"
	// recordsDefinition defines the records.
	recordsDefinition = storagev1.VMDistributedClusterRecords + "." + storagev1.GroupName
)

// gatherer looks at one cluster.
type gatherer struct {
	kubernetes    kubernetes.Interface
	definitions   apiextensions.Interface
	registrations aggregator.Interface
	objects       metadata.Interface
	plan          Plan
	facts         Facts
}

// Gather finds out about a cluster, in which the server is to run in a namespace. Which
// rights it asks about, the plan tells. It changes nothing. What is forbidden, or fails by itself, is told in Facts.Unknown; an
// error means that nothing can be told.
func Gather(ctx context.Context, config *rest.Config, namespace string, plan Plan) (Facts, error) {
	g := &gatherer{plan: plan, facts: Facts{Namespace: namespace}}
	if err := g.connect(config); err != nil {
		return Facts{}, err
	}
	if err := g.discover(); err != nil {
		return Facts{}, err
	}
	for _, look := range g.looks() {
		if err := look.at(ctx); err != nil {
			if ctx.Err() != nil {
				return Facts{}, fmt.Errorf("looking at %s: %w", look.what, err)
			}
			g.facts.Unknown = append(g.facts.Unknown, look.failed(err))
		}
	}
	return g.facts, nil
}

// look is one thing to find out.
type look struct {
	what string
	at   func(context.Context) error
	// takes are the rights to do so.
	takes string
}

// failed is what to tell of an error.
func (l look) failed(err error) Unknown {
	unknown := Unknown{What: l.what, Why: err.Error()}
	var lacks lacking
	switch {
	case errors.As(err, &lacks):
		unknown.Right = right(lacks).String()
	case apierrors.IsForbidden(err):
		unknown.Right = l.takes
	}
	return unknown
}

// lacking is the error of a right that whoever asks does not have.
type lacking right

func (l lacking) Error() string { return "you may not " + right(l).String() }

// looks are all of them, in their order.
func (g *gatherer) looks() []look {
	return []look{
		{whatAPIServices, g.lookAtAPIServices, "list apiservices.apiregistration.k8s.io"},
		// After these, which tell whether discovery shows the operator's kinds.
		{whatCRDs, g.lookAtKinds, "get, list customresourcedefinitions.apiextensions.k8s.io"},
		{whatDeployments, g.lookAtDeployments, "list deployments.apps"},
		{whatHeaderCA, g.lookAtHeaderCA, "get configmaps extension-apiserver-authentication in kube-system"},
		{whatNamespace, g.lookAtNamespace, "get namespaces " + g.facts.Namespace},
		{whatRecords, g.lookAtRecords, "list vmdistributedclusterrecords." + storagev1.GroupName},
		{whatDefinition, g.lookAtDefinition, "get customresourcedefinitions.apiextensions.k8s.io " + recordsDefinition},
		{whatStore, g.lookAtStore, "get configmaps " + identity.ConfigMap + " in " + g.facts.Namespace},
		{whatMarks, g.lookAtMarks, "list vmclusters, vmusers and vmagents." + operatorGroup},
		{whatRights, g.lookAtRights, "create selfsubjectaccessreviews.authorization.k8s.io"},
		{whatAccount, g.lookAtAccount, "get serviceaccounts " + serverName + " in " + g.facts.Namespace},
	}
}

func (g *gatherer) connect(config *rest.Config) (err error) {
	if g.kubernetes, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if g.definitions, err = apiextensions.NewForConfig(config); err != nil {
		return err
	}
	if g.registrations, err = aggregator.NewForConfig(config); err != nil {
		return err
	}
	g.objects, err = metadata.NewForConfig(config)
	return err
}

// discover lists what is served.
func (g *gatherer) discover() error {
	version, err := g.kubernetes.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("asking the cluster for its version: %w", err)
	}
	g.facts.Version = version.GitVersion
	_, lists, err := g.kubernetes.Discovery().ServerGroupsAndResources()
	var incomplete *discovery.ErrGroupDiscoveryFailed
	if err != nil && !errors.As(err, &incomplete) {
		return fmt.Errorf("asking the cluster for what it serves: %w", err)
	}
	if incomplete != nil {
		g.facts.Incomplete = map[string]string{}
		for group, why := range incomplete.Groups {
			g.facts.Incomplete[group.String()] = why.Error()
		}
	}
	g.facts.Served = map[string]bool{}
	for _, list := range lists {
		for _, resource := range list.APIResources {
			g.facts.Served[list.GroupVersion+"/"+resource.Name] = true
		}
	}
	return nil
}

func (g *gatherer) lookAtAPIServices(ctx context.Context) error {
	g.facts.First.Name, g.facts.Second.Name = firstAPIService, secondAPIService
	all, err := g.registrations.ApiregistrationV1().APIServices().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	g.facts.First.Standing, g.facts.Second.Standing = Absent, Absent
	for i := range all.Items {
		found := &all.Items[i]
		switch {
		case found.Name == firstAPIService:
			g.facts.First = describe(found, g.facts.Namespace)
		case found.Name == secondAPIService:
			g.facts.Second = describe(found, g.facts.Namespace)
		case found.Spec.Service != nil:
			g.facts.OtherAPIServices = append(g.facts.OtherAPIServices, describeOther(found))
		}
	}
	return nil
}

// lookAtKinds finds the operator's kinds in the version that the server serves. Where
// our APIService hides them, their definitions alone tell; where these are not to be
// read, discovery alone does.
func (g *gatherer) lookAtKinds(ctx context.Context) error {
	found, err := g.definedKinds(ctx)
	if err != nil {
		found = g.discoveredKinds()
	}
	slices.Sort(found)
	for _, resource := range found {
		g.facts.Kinds = append(g.facts.Kinds, Kind{Resource: resource, Objects: g.count(ctx, resource)})
	}
	return err
}

func (g *gatherer) discoveredKinds() (found []string) {
	for served := range g.facts.Served {
		resource, ours := strings.CutPrefix(served, operatorGroup+"/"+takenVersion+"/")
		if ours && resource != ownKind && !strings.Contains(resource, "/") {
			found = append(found, resource)
		}
	}
	return found
}

// definedKinds reads the definitions of the operator's group. They are large, and there
// may be many of others: so it asks for their names first.
func (g *gatherer) definedKinds(ctx context.Context) (found []string, err error) {
	definitions := apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions")
	all, err := g.objects.Resource(definitions).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, object := range all.Items {
		resource, ours := strings.CutSuffix(object.Name, "."+operatorGroup)
		if !ours {
			continue
		}
		definition, err := g.definitions.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, object.Name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		taken := func(version apiextensionsv1.CustomResourceDefinitionVersion) bool {
			return version.Name == takenVersion && version.Served
		}
		if slices.ContainsFunc(definition.Spec.Versions, taken) {
			found = append(found, resource)
		}
	}
	return found, nil
}

// count is how many objects of one of the operator's kinds there are, at least; -1
// where that can't be told.
func (g *gatherer) count(ctx context.Context, resource string) int {
	if g.facts.First.Standing == Ours || g.facts.First.Standing == Foreign {
		return -1
	}
	count, err := g.countOf(ctx, schema.GroupVersionResource{Group: operatorGroup, Version: takenVersion, Resource: resource})
	if err != nil {
		return -1
	}
	return count
}

func (g *gatherer) countOf(ctx context.Context, resource schema.GroupVersionResource) (int, error) {
	some, err := g.objects.Resource(resource).List(ctx, metav1.ListOptions{Limit: 100})
	if err != nil {
		return -1, err
	}
	return len(some.Items), nil
}

func (g *gatherer) lookAtDeployments(ctx context.Context) error {
	options := metav1.ListOptions{Limit: 500}
	for {
		some, err := g.kubernetes.AppsV1().Deployments("").List(ctx, options)
		if err != nil {
			return err
		}
		for i := range some.Items {
			if operator, ok := asOperator(&some.Items[i]); ok {
				g.facts.Operators = append(g.facts.Operators, operator)
			}
		}
		if options.Continue = some.Continue; options.Continue == "" {
			return nil
		}
	}
}

func (g *gatherer) lookAtHeaderCA(ctx context.Context) error {
	found, err := g.kubernetes.CoreV1().ConfigMaps("kube-system").Get(ctx, "extension-apiserver-authentication", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	g.facts.RequestHeaderCA = found.Data["requestheader-client-ca-file"] != ""
	return nil
}

func (g *gatherer) lookAtNamespace(ctx context.Context) error {
	found, err := g.kubernetes.CoreV1().Namespaces().Get(ctx, g.facts.Namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	g.facts.NamespacePhase = string(found.Status.Phase)
	return nil
}

func (g *gatherer) lookAtRecords(ctx context.Context) (err error) {
	records := storagev1.SchemeGroupVersion.WithResource(storagev1.VMDistributedClusterRecords)
	if g.facts.Records.Defined = g.facts.Served[records.GroupVersion().String()+"/"+records.Resource]; !g.facts.Records.Defined {
		return nil
	}
	g.facts.Records.Count, err = g.countOf(ctx, records)
	return err
}

func (g *gatherer) lookAtDefinition(ctx context.Context) error {
	found, err := g.definitions.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, recordsDefinition, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	g.facts.Records.ID, g.facts.Records.Leaving = string(found.UID), found.DeletionTimestamp != nil
	return nil
}

func (g *gatherer) lookAtStore(ctx context.Context) error {
	found, err := g.kubernetes.CoreV1().ConfigMaps(g.facts.Namespace).Get(ctx, identity.ConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	g.facts.Store = identity.KnownBy(found)
	return nil
}

// lookAtMarks finds what tells an empty store from one that was emptied.
func (g *gatherer) lookAtMarks(ctx context.Context) error {
	if g.facts.Records.Count != 0 {
		return nil
	}
	found, err := identity.NewMarks(g.objects).Find(ctx)
	if err != nil {
		return err
	}
	for _, mark := range found {
		if mark.Owner.Name != "" {
			g.facts.Marks = append(g.facts.Marks, fmt.Sprintf("%s carries the mark of VMDistributedCluster %s", mark.On, mark.Owner))
		}
	}
	return nil
}

func (g *gatherer) lookAtRights(ctx context.Context) error {
	may, manifests := mayI(g.kubernetes), g.plan.judged(g.facts)
	unapplied, err := denied(ctx, manifests.applying(g.facts.Namespace), may)
	if err != nil {
		return err
	}
	// Whoever may hand out what they don't have needs nothing else.
	unable, err := denied(ctx, handing(), may)
	if err != nil {
		return err
	}
	if len(unable) > 0 {
		ungiven, err := denied(ctx, manifests.given(g.facts.Namespace), may)
		if err != nil {
			return err
		}
		if len(ungiven) > 0 {
			g.facts.MayNot = append(g.facts.MayNot, "give others what you lack yourself (to escalate and bind roles and clusterroles would do): "+
				strings.Join(tell(ungiven), ", "))
		}
	}
	g.facts.MayNot = append(tell(unapplied), g.facts.MayNot...)
	return nil
}

// lookAtAccount asks about the server's account where it exists. Nobody is asked who
// says no: a review of others is a right of its own.
func (g *gatherer) lookAtAccount(ctx context.Context) error {
	_, err := g.kubernetes.CoreV1().ServiceAccounts(g.facts.Namespace).Get(ctx, serverName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	g.facts.ServerAccount = true
	review := right{verb: "create", group: "authorization.k8s.io", resource: "subjectaccessreviews"}
	allowed, err := mayI(g.kubernetes)(ctx, review)
	if err != nil {
		return err
	}
	if !allowed {
		return lacking(review)
	}
	denials, err := denied(ctx, g.plan.judged(g.facts).serverRights(g.facts.Namespace), mayAccount(g.kubernetes, g.facts.Namespace, serverName))
	g.facts.ServerMayNot = tell(denials)
	return err
}
