// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// ScrapeAnnotation on a VMAgent says for whom spec.serviceScrapeSelector was
// written: {"name of a VMDistributedCluster":["zone-a","zone-b"],...}. Several
// share a VMAgent, all in its namespace. The selector is ours exactly as long as
// it is the one that follows from this annotation. The annotation reaches no
// workload and no pod (FinalAnnotations and PodAnnotations,
// types/vmagent_types.go).
const ScrapeAnnotation = AnnotationPrefix + "scrape"

// ScrapedZone is a zone whose components a VMAgent is to scrape.
type ScrapedZone struct {
	// Name of the zone's VMCluster, in the namespace of the VMAgent.
	Name string
	// Spec of the VMCluster: says which components there are, which labels their
	// scrapes have, and whether they are scraped at all. Nil counts as a cluster
	// with vmstorage, vmselect and vminsert and nothing special.
	Spec map[string]any
}

// PlanScrape makes a VMAgent scrape the zones of one VMDistributedCluster, or
// withdraws it, when there are none. It returns the JSON merge patch to write,
// guarded by the resourceVersion of vmagent, nil when there is nothing to do;
// and a report on vmagent as it is now, before the patch.
//
// The rules:
//   - spec.serviceScrapeSelector is written only where the user left it unset and
//     nothing is selected without it, that is, neither selectAllByDefault nor
//     serviceScrapeNamespaceSelector is set. The operator reads the two selectors
//     as: none set, nothing, or everything under selectAllByDefault; one set, the
//     scrapes with these labels in the VMAgent's own namespace, or all in these
//     namespaces; both, what fits both (VisitSelected and discoverNamespaces in
//     factory/k8stools/selectors.go). So a selector of ours would narrow down
//     what such a user has, and is taken away again, with the annotation, when
//     the user sets one of the two later.
//   - It selects the union of everybody's zones, and never the scrapes of users:
//     only the operator's own carry part-of=vmcluster and the cluster's name as
//     instance (see ClusterSelectorLabels, types/vmextra_types.go).
//   - A selector of the user's is never changed. Our entry in the annotation goes,
//     since it would say that the selector was written for us; a user's selector
//     that happens to equal what a stale entry asks for would count as ours.
//   - Under ingestOnlyMode and daemonSetMode no VMServiceScrape is selected at all
//     (isServiceScrapeUnmanaged, types/common_scrapeparams.go, and IsUnmanaged,
//     types/vmagent_types.go), and nothing is written but a withdrawal.
//   - An annotation that cannot be read is written anew where there is no
//     selector; the others add themselves again. Where there is one, nobody can
//     tell whose it is, and nothing is written.
//
// namespaceLabels are those of the VMAgent's namespace, for
// serviceScrapeNamespaceSelector; nil when they are not known. Where the operator
// runs with WATCH_NAMESPACE it does not look at that selector.
func PlanScrape(vmagent *unstructured.Unstructured, owner string, zones []ScrapedZone, namespaceLabels map[string]string) (patch map[string]any, report ScrapeReport) {
	agent := readScrape(vmagent)
	claims, selector := agent.plan(owner, zoneNames(zones))
	patch = agent.patch(vmagent, claims, selector)
	return patch, agent.report(zones, namespaceLabels, patch["spec"] != nil)
}

func zoneNames(zones []ScrapedZone) []string {
	var names []string
	for _, zone := range zones {
		names = append(names, zone.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// scraper is a VMAgent as far as its selection of VMServiceScrapes goes.
type scraper struct {
	namespace string
	// selector and namespaceSelector are nil where they are not set; an empty one
	// selects everything.
	selector, namespaceSelector any
	selectAll                   bool
	ingestOnly, daemonSet       bool

	annotated bool
	claims    scrapeClaims
	// claimsErr says why the annotation cannot be read.
	claimsErr error
}

func readScrape(vmagent *unstructured.Unstructured) scraper {
	spec := object(vmagent.Object, "spec")
	s := scraper{
		namespace:         vmagent.GetNamespace(),
		selector:          spec["serviceScrapeSelector"],
		namespaceSelector: spec["serviceScrapeNamespaceSelector"],
		selectAll:         flag(spec, "selectAllByDefault"),
		ingestOnly:        flag(spec, "ingestOnlyMode"),
		daemonSet:         flag(spec, "daemonSetMode"),
	}
	var value string
	if value, s.annotated = vmagent.GetAnnotations()[ScrapeAnnotation]; s.annotated {
		s.claims, s.claimsErr = parseScrapeClaims(value)
	}
	return s
}

// ours reports whether the selector is one that we wrote.
func (s scraper) ours() bool {
	generated := s.claims.selector()
	return generated != nil && override.Equal(s.selector, generated)
}

// plan returns the claims and the selector that are to be there.
func (s scraper) plan(owner string, zones []string) (scrapeClaims, any) {
	ours, free := s.ours(), s.selector == nil
	without := s.claims.with(owner, nil)
	switch {
	case s.claimsErr != nil && (!free || len(zones) == 0):
		return s.claims, s.selector
	case len(zones) == 0 && ours:
		return without, without.selector()
	case len(zones) == 0:
		return without, s.selector
	case s.ingestOnly || s.daemonSet:
		return s.claims, s.selector
	case s.selectAll || s.namespaceSelector != nil:
		if ours || free {
			return nil, nil
		}
		return without, s.selector
	case ours || free:
		with := s.claims.with(owner, zones)
		return with, with.selector()
	}
	return without, s.selector
}

// patch returns what turns the VMAgent into the one with these claims and this
// selector.
func (s scraper) patch(vmagent *unstructured.Unstructured, claims scrapeClaims, selector any) map[string]any {
	annotations := map[string]any{}
	if !claims.equal(s.claims) {
		annotations[ScrapeAnnotation] = claims.annotation()
	} else if s.annotated && s.claimsErr == nil && len(claims) == 0 {
		annotations[ScrapeAnnotation] = nil
	}
	sameSelector := override.Equal(s.selector, selector)
	if len(annotations) == 0 && sameSelector {
		return nil
	}
	patch := map[string]any{"metadata": guarded(vmagent, annotations)}
	if !sameSelector {
		patch["spec"] = map[string]any{"serviceScrapeSelector": selector}
	}
	return patch
}
