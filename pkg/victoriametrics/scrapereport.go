// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// The reasons of a ScrapeReport.
const (
	// ScrapeSelected: the scrapes of all components are selected by labels.
	ScrapeSelected = "Selected"
	// ScrapeSelectsAll: all scrapes are selected, or all of the namespace.
	ScrapeSelectsAll = "SelectsAll"
	// ScrapeSelectorPending: our selector has yet to be written.
	ScrapeSelectorPending = "SelectorPending"
	// ScrapeSelectorMisses: the user's selector leaves components out.
	ScrapeSelectorMisses = "SelectorMisses"
	// ScrapeSelectorInvalid: a selector of the user's cannot be read.
	ScrapeSelectorInvalid = "SelectorInvalid"
	// ScrapeAnnotationUnreadable: components are left out, and whether the selector
	// is ours cannot be told.
	ScrapeAnnotationUnreadable = "AnnotationUnreadable"
	// ScrapeNamespaceNotSelected: the user's namespace selector leaves out the
	// namespace of the zones.
	ScrapeNamespaceNotSelected = "NamespaceNotSelected"
	// ScrapeNamespaceUnknown: it asks for labels of the namespace that we do not
	// know.
	ScrapeNamespaceUnknown = "NamespaceUnknown"
	// ScrapeDisabled: components have disableSelfServiceScrape.
	ScrapeDisabled = "ScrapeDisabled"
	// ScrapeIngestOnlyMode: the VMAgent scrapes nothing.
	ScrapeIngestOnlyMode = "IngestOnlyMode"
	// ScrapeDaemonSetMode: the VMAgent scrapes pods only.
	ScrapeDaemonSetMode = "DaemonSetMode"
	// ScrapeWithdrawn: no zone is to be scraped.
	ScrapeWithdrawn = "Withdrawn"
)

// ScrapeReport says whether a VMAgent is configured to scrape all components of
// all zones.
type ScrapeReport struct {
	Configured bool
	Reason     string
	Message    string
}

func notConfigured(reason, format string, args ...any) ScrapeReport {
	return ScrapeReport{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// report looks at the VMAgent as it is. pending says that a selector is about to
// be written or taken away.
func (s scraper) report(zones []ScrapedZone, namespaceLabels map[string]string, pending bool) ScrapeReport {
	switch {
	case len(zones) == 0:
		return notConfigured(ScrapeWithdrawn, "no zone is to be scraped")
	case s.ingestOnly:
		return notConfigured(ScrapeIngestOnlyMode, "spec.ingestOnlyMode is true, so the VMAgent scrapes nothing")
	case s.daemonSet:
		return notConfigured(ScrapeDaemonSetMode, "spec.daemonSetMode is true, and a VMAgent in this mode does not scrape VMServiceScrapes")
	case s.selector == nil && s.namespaceSelector == nil && !s.selectAll:
		return notConfigured(ScrapeSelectorPending, "spec.serviceScrapeSelector is not set and selects nothing; ours is to be written")
	}
	if report, ok := s.reportNamespace(namespaceLabels); !ok {
		return report
	}
	return s.reportLabels(zones, pending)
}

// reportNamespace is false where the namespace of the zones is not selected.
func (s scraper) reportNamespace(namespaceLabels map[string]string) (ScrapeReport, bool) {
	if s.namespaceSelector == nil {
		return ScrapeReport{}, true
	}
	selector, err := labelSelector(s.namespaceSelector)
	if err != nil {
		return notConfigured(ScrapeSelectorInvalid, "cannot read spec.serviceScrapeNamespaceSelector: %v", err), false
	}
	known := labels.Set{corev1.LabelMetadataName: s.namespace}
	requirements, _ := selector.Requirements()
	for _, requirement := range requirements {
		if namespaceLabels == nil && !known.Has(requirement.Key()) {
			return notConfigured(ScrapeNamespaceUnknown,
				"spec.serviceScrapeNamespaceSelector asks for label %s, and the labels of namespace %s are not known", requirement.Key(), s.namespace), false
		}
	}
	if !selector.Matches(labels.Merge(known, namespaceLabels)) {
		return notConfigured(ScrapeNamespaceNotSelected,
			"spec.serviceScrapeNamespaceSelector (%s) does not select namespace %s, where the zones are", selector, s.namespace), false
	}
	return ScrapeReport{}, true
}

func (s scraper) reportLabels(zones []ScrapedZone, pending bool) ScrapeReport {
	selector, err := labelSelector(s.selector)
	if err != nil {
		return notConfigured(ScrapeSelectorInvalid, "cannot read spec.serviceScrapeSelector: %v", err)
	}
	missed, disabled := unscraped(zones, selector)
	switch {
	case len(missed) > 0 && pending:
		return notConfigured(ScrapeSelectorPending, "spec.serviceScrapeSelector does not select %s yet; a change of it is to be written", strings.Join(missed, ", "))
	case len(missed) > 0 && s.claimsErr != nil:
		return notConfigured(ScrapeAnnotationUnreadable, "spec.serviceScrapeSelector does not select %s, and whether it is ours cannot be told: %v; "+
			"remove the annotation and the selector to have it written anew", strings.Join(missed, ", "), s.claimsErr)
	case len(missed) > 0:
		return notConfigured(ScrapeSelectorMisses, "spec.serviceScrapeSelector (%s) is not ours and does not select %s", selector, strings.Join(missed, ", "))
	case len(disabled) > 0:
		return notConfigured(ScrapeDisabled, "disableSelfServiceScrape is set, so that there is no VMServiceScrape, for %s", strings.Join(disabled, ", "))
	case s.selector == nil:
		return ScrapeReport{Configured: true, Reason: ScrapeSelectsAll, Message: "all VMServiceScrapes of the namespace are selected"}
	}
	return ScrapeReport{Configured: true, Reason: ScrapeSelected, Message: "the VMServiceScrapes of all components are selected"}
}

// labelSelector reads a selector of the VMAgent; one that is not set selects
// everything here.
func labelSelector(value any) (labels.Selector, error) {
	if value == nil {
		return labels.Everything(), nil
	}
	document, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("it must be of type object, not %T", value)
	}
	parsed := &metav1.LabelSelector{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(document, parsed); err != nil {
		return nil, err
	}
	return metav1.LabelSelectorAsSelector(parsed)
}

// unscraped returns the components whose scrape is not selected, and those that
// have none, as zone/component.
func unscraped(zones []ScrapedZone, selector labels.Selector) (missed, disabled []string) {
	for _, zone := range zones {
		for _, part := range zone.components() {
			name := zone.Name + "/" + part.name
			switch {
			case flag(part.settings(zone.Spec), "disableSelfServiceScrape"):
				disabled = append(disabled, name)
			case !selector.Matches(zone.scrapeLabels(part)):
				missed = append(missed, name)
			}
		}
	}
	return missed, disabled
}

func (z ScrapedZone) components() []component {
	if z.Spec == nil {
		return []component{vmstorage, vmselect, vminsert}
	}
	return componentsOf(z.Spec)
}

// scrapeLabels are the labels of a component's VMServiceScrape, which has those
// of its Service (VMServiceScrape, factory/build/vmscrape.go): the operator's
// own; those of spec.managedMetadata; those of serviceSpec where it shapes the
// Service itself (Service, factory/build/service.go), which it always does for
// the load balancer (addRequestsLoadBalancerDefaults, factory/build/defaults.go);
// and those of load balancing (factory/vmcluster/vmcluster.go). Labels that the
// operator is configured to put on everything are not known here.
func (z ScrapedZone) scrapeLabels(part component) labels.Set {
	set := labels.Set{}
	add := func(more map[string]any) {
		for key, value := range more {
			set[key] = fmt.Sprint(value)
		}
	}
	settings := part.settings(z.Spec)
	if part == balancer || flag(settings, "serviceSpec", "useAsDefault") {
		add(object(settings, "serviceSpec", "metadata", "labels"))
	}
	add(object(z.Spec, "managedMetadata", "labels"))
	add(map[string]any{
		labelName: part.label, labelInstance: z.Name, labelComponent: componentValue,
		labelPartOf: partOfValue, labelManagedBy: managedByValue,
	})
	if part == balancer {
		add(map[string]any{labelProxyName: "vmauth"})
	} else if z.balanced(part) {
		add(map[string]any{labelProxyJobName: part.objectName(z.Name, z.Spec)})
	}
	return set
}

// balanced reports whether requests to a component go through the load balancer.
func (z ScrapedZone) balanced(part component) bool {
	section := object(z.Spec, balancer.field)
	switch part {
	case vmselect:
		return flag(section, "enabled") && !flag(section, "disableSelectBalancing")
	case vminsert:
		return flag(section, "enabled") && !flag(section, "disableInsertBalancing")
	}
	return false
}
