// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// agent makes the VMAgent agent, which writes to zone-a alone: an update of that
// zone would wait for queues that no pod shows.
func (r *room) agent(spec fields) {
	r.t.Helper()
	spec = with(spec, "remoteWrite", list{fields{"url": "http://vminsert-zone-a:8480/insert/0/prometheus/api/v1/write"}})
	r.create(agentResource, "VMAgent", "agent", spec)
}

// untilScraped waits for the selector of the VMAgent to select the scrapes of exactly
// these zones; none stands for no selector.
func (r *room) untilScraped(zones ...string) {
	r.t.Helper()
	r.untilObject(agentResource, "agent", fmt.Sprintf("scraping %v", zones), func(object *unstructured.Unstructured) string {
		selector, _ := at(object, "spec.serviceScrapeSelector").(fields)
		var selected []string
		expressions, _ := selector["matchExpressions"].(list)
		for _, expression := range expressions {
			values, _ := expression.(fields)["values"].(list)
			for _, value := range values {
				selected = append(selected, fmt.Sprint(value))
			}
		}
		if slices.Sort(selected); !slices.Equal(selected, zones) {
			return fmt.Sprintf("selector is %v", selector)
		}
		return ""
	})
}

// scraping is a manifest that names the VMAgent.
func scraping(name string, zones ...any) fields {
	return with(manifest(name, zones...), "spec.vmagent.name", "agent")
}

func TestVMAgentScrapesTheZonesOfAllThatShareIt(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.agent(fields{})
	r.apply(scraping("one", inline("zone-a", small("v1")), inline("zone-b", small("v1"))))
	r.untilScraped("zone-a", "zone-b")
	r.apply(scraping("two", inline("zone-c", small("v1"))))
	r.untilScraped("zone-a", "zone-b", "zone-c")
	r.untilCondition("one", "Scraped", metav1.ConditionTrue, "Selected")
	r.untilCondition("two", "Scraped", metav1.ConditionTrue, "Selected")

	// One leaves by a zone less, one by deletion.
	r.apply(scraping("one", inline("zone-a", small("v1"))))
	r.untilScraped("zone-a", "zone-c")
	r.delete("two")
	r.untilScraped("zone-a")
	r.untilGone("two")
	for _, event := range r.eventsOf("two") {
		if event.Type == corev1.EventTypeWarning {
			t.Errorf("deletion complains: %s %s", event.Reason, event.Message)
		}
	}
	// And one by naming no VMAgent any more.
	r.apply(manifest("one", inline("zone-a", small("v1"))))
	r.untilScraped()
	if _, there := r.object(agentResource, "agent").GetAnnotations()[scrapeMark]; there {
		t.Error("our annotation is still on the VMAgent")
	}
	r.until("one", "without condition Scraped", func(object *own) string {
		for _, condition := range object.Status.Conditions {
			if condition.Type == "Scraped" {
				return condition.Message
			}
		}
		return ""
	})
}

func TestSelectorOfTheUserIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.agent(fields{"serviceScrapeSelector": fields{"matchLabels": fields{"mine": "yes"}}})
	before := r.untilObject(agentResource, "agent", "operational", operational)
	r.apply(scraping("demo", inline("zone-a", small("v1"))))
	object := r.untilCondition("demo", "Scraped", metav1.ConditionFalse, "SelectorMisses")
	for _, condition := range object.Status.Conditions {
		if condition.Type == "Scraped" && !strings.Contains(condition.Message, "zone-a/vmstorage") {
			t.Errorf("message %q does not tell what is missed", condition.Message)
		}
	}
	r.untilReady("demo")
	r.settle("demo")
	expect(t, "resourceVersion of the VMAgent", r.object(agentResource, "agent").GetResourceVersion(), before.GetResourceVersion())

	// Taken away, it makes room for ours.
	r.editObject(agentResource, "agent", fields{"spec": fields{"serviceScrapeSelector": nil}})
	r.untilScraped("zone-a")
	r.untilCondition("demo", "Scraped", metav1.ConditionTrue, "Selected")
}

func TestVMAgentThatSelectsAllNeedsNoSelector(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.agent(fields{"selectAllByDefault": true})
	before := r.untilObject(agentResource, "agent", "operational", operational)
	r.apply(scraping("demo", inline("zone-a", small("v1"))))
	r.untilCondition("demo", "Scraped", metav1.ConditionTrue, "SelectsAll")
	r.settle("demo")
	expect(t, "resourceVersion of the VMAgent", r.object(agentResource, "agent").GetResourceVersion(), before.GetResourceVersion())
}

func TestVMAgentMayComeLater(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	r.apply(scraping("demo", inline("zone-a", small("v1"))))
	r.untilCondition("demo", "Scraped", metav1.ConditionFalse, "VMAgentMissing")
	r.untilReady("demo")
	r.agent(fields{})
	r.untilScraped("zone-a")
	r.untilCondition("demo", "Scraped", metav1.ConditionTrue, "Selected")
}
