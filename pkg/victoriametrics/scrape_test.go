// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// vmagent is a VMAgent with that spec and that scrape annotation.
func vmagent(t *testing.T, spec, annotation string) *unstructured.Unstructured {
	t.Helper()
	u := fromYAML(t, "apiVersion: operator.victoriametrics.com/v1beta1\nkind: VMAgent\nmetadata: {name: global, namespace: monitoring, resourceVersion: \"7\"}\nspec: "+spec)
	if annotation != "" {
		u.SetAnnotations(map[string]string{ScrapeAnnotation: annotation})
	}
	return u
}

// selecting is the spec of a VMAgent with our selector for some zones.
func selecting(zones string) string {
	return "{serviceScrapeSelector: " + generatedFor(zones) + "}"
}

func generatedFor(zones string) string {
	return "{matchLabels: {app.kubernetes.io/part-of: vmcluster}, matchExpressions: [{key: app.kubernetes.io/instance, operator: In, values: " + zones + "}]}"
}

func twoZones() []ScrapedZone { return []ScrapedZone{{Name: "zone-b"}, {Name: "zone-a"}} }

const (
	ourClaim   = `{"metrics":["zone-a","zone-b"]}`
	bothClaims = `{"metrics":["zone-a","zone-b"],"other":["zone-b","zone-c"]}`
	otherClaim = `{"other":["zone-b","zone-c"]}`
	unchanged  = "unchanged"
)

func TestPlanScrapeWritesOnlyWhatIsItsOwn(t *testing.T) {
	const usersOwn = "{serviceScrapeSelector: {matchLabels: {team: sre}}}"
	for name, test := range map[string]struct {
		spec, annotation string
		withdraw         bool
		// What is there afterwards; unchanged for no patch.
		wantSpec, wantAnnotation string
	}{
		"nothing set":                       {spec: "{}", wantSpec: selecting("[zone-a, zone-b]"), wantAnnotation: ourClaim},
		"already ours":                      {spec: selecting("[zone-a, zone-b]"), annotation: ourClaim, wantSpec: unchanged},
		"ours, fewer zones":                 {spec: selecting("[zone-a]"), annotation: `{"metrics":["zone-a"]}`, wantSpec: selecting("[zone-a, zone-b]"), wantAnnotation: ourClaim},
		"ours, more zones":                  {spec: selecting("[zone-a, zone-b, zone-z]"), annotation: `{"metrics":["zone-a","zone-b","zone-z"]}`, wantSpec: selecting("[zone-a, zone-b]"), wantAnnotation: ourClaim},
		"another one's":                     {spec: selecting("[zone-b, zone-c]"), annotation: otherClaim, wantSpec: selecting("[zone-a, zone-b, zone-c]"), wantAnnotation: bothClaims},
		"our selector was removed":          {spec: "{}", annotation: bothClaims, wantSpec: selecting("[zone-a, zone-b, zone-c]"), wantAnnotation: bothClaims},
		"the user's selector":               {spec: usersOwn, wantSpec: unchanged},
		"the user's, and our claim":         {spec: usersOwn, annotation: bothClaims, wantSpec: usersOwn, wantAnnotation: otherClaim},
		"the user's, and our claim alone":   {spec: usersOwn, annotation: ourClaim, wantSpec: usersOwn},
		"the user's, equal to ours":         {spec: selecting("[zone-a, zone-b]"), wantSpec: unchanged},
		"the user selects everything":       {spec: "{serviceScrapeSelector: {}}", wantSpec: unchanged},
		"the user changed ours":             {spec: selecting("[zone-a]"), annotation: ourClaim, wantSpec: selecting("[zone-a]")},
		"selected by default":               {spec: "{selectAllByDefault: true}", wantSpec: unchanged},
		"selected by default from now on":   {spec: "{selectAllByDefault: true, serviceScrapeSelector: " + generatedFor("[zone-a, zone-b, zone-c]") + "}", annotation: bothClaims, wantSpec: "{selectAllByDefault: true}"},
		"by default, and the user's":        {spec: "{selectAllByDefault: true, serviceScrapeSelector: {matchLabels: {team: sre}}}", annotation: ourClaim, wantSpec: "{selectAllByDefault: true, serviceScrapeSelector: {matchLabels: {team: sre}}}"},
		"selected by namespace":             {spec: "{serviceScrapeNamespaceSelector: {}}", wantSpec: unchanged},
		"selected by namespace from now on": {spec: "{serviceScrapeNamespaceSelector: {}, serviceScrapeSelector: " + generatedFor("[zone-a, zone-b]") + "}", annotation: ourClaim, wantSpec: "{serviceScrapeNamespaceSelector: {}}"},
		"ingest only":                       {spec: "{ingestOnlyMode: true}", wantSpec: unchanged},
		"ingest only from now on":           {spec: "{ingestOnlyMode: true, serviceScrapeSelector: " + generatedFor("[zone-a]") + "}", annotation: `{"metrics":["zone-a"]}`, wantSpec: unchanged},
		"daemon set":                        {spec: "{daemonSetMode: true}", wantSpec: unchanged},
		"broken annotation":                 {spec: "{}", annotation: "{", wantSpec: selecting("[zone-a, zone-b]"), wantAnnotation: ourClaim},
		"broken annotation and a selector":  {spec: selecting("[zone-a]"), annotation: "{", wantSpec: unchanged},
		"empty annotation":                  {spec: usersOwn, annotation: "{}", wantSpec: usersOwn},

		"withdraw the last":                {withdraw: true, spec: selecting("[zone-a, zone-b]"), annotation: ourClaim, wantSpec: "{}"},
		"withdraw one of two":              {withdraw: true, spec: selecting("[zone-a, zone-b, zone-c]"), annotation: bothClaims, wantSpec: selecting("[zone-b, zone-c]"), wantAnnotation: otherClaim},
		"withdraw from another one's":      {withdraw: true, spec: selecting("[zone-b, zone-c]"), annotation: otherClaim, wantSpec: unchanged},
		"withdraw where there was nothing": {withdraw: true, spec: "{}", wantSpec: unchanged},
		"withdraw beside the user's":       {withdraw: true, spec: usersOwn, annotation: bothClaims, wantSpec: usersOwn, wantAnnotation: otherClaim},
		"withdraw from the user's":         {withdraw: true, spec: usersOwn, wantSpec: unchanged},
		"withdraw under ingest only":       {withdraw: true, spec: "{ingestOnlyMode: true, serviceScrapeSelector: " + generatedFor("[zone-a, zone-b]") + "}", annotation: ourClaim, wantSpec: "{ingestOnlyMode: true}"},
		"withdraw from broken annotation":  {withdraw: true, spec: selecting("[zone-a]"), annotation: "{", wantSpec: unchanged},
	} {
		zones := twoZones()
		if test.withdraw {
			zones = nil
		}
		agent := vmagent(t, test.spec, test.annotation)
		before := agent.DeepCopy()
		patch, _ := PlanScrape(agent, "metrics", zones, nil)
		if !reflect.DeepEqual(agent, before) {
			t.Errorf("%s: planning changed the VMAgent", name)
		}
		if test.wantSpec == unchanged {
			if patch != nil {
				t.Errorf("%s: patch is %v, want none", name, patch)
			}
			continue
		}
		if member(patch, "metadata", "resourceVersion") != "7" {
			t.Errorf("%s: patch is not guarded: %v", name, patch)
		}
		written := patched(agent, patch)
		if want := mapFromYAML(t, test.wantSpec); !reflect.DeepEqual(written.Object["spec"], any(want)) {
			t.Errorf("%s: spec is %v, want %v", name, written.Object["spec"], want)
		}
		if have := written.GetAnnotations()[ScrapeAnnotation]; have != test.wantAnnotation {
			t.Errorf("%s: annotation is %s, want %s", name, have, test.wantAnnotation)
		}
		if again, _ := PlanScrape(written, "metrics", zones, nil); again != nil {
			t.Errorf("%s: there is still something to write: %v", name, again)
		}
	}
}

func TestPlanScrapeReportsOnTheVMAgentAsItIs(t *testing.T) {
	withSelector := func(selector string) string { return "{serviceScrapeSelector: " + selector + "}" }
	all := mapFromYAML(t, "{vmstorage: {}, vmselect: {}, vminsert: {}, managedMetadata: {labels: {team: sre, managed-by: me}}, requestsLoadBalancer: {enabled: true}}")
	quiet := mapFromYAML(t, "{vmstorage: {}, vmselect: {disableSelfServiceScrape: true}}")
	for name, test := range map[string]struct {
		spec, annotation string
		zones            []ScrapedZone
		namespace        map[string]string
		configured       bool
		reason, message  string
	}{
		"nothing set":                 {spec: "{}", zones: twoZones(), reason: ScrapeSelectorPending, message: "ours is to be written"},
		"ours":                        {spec: selecting("[zone-a, zone-b]"), annotation: ourClaim, zones: twoZones(), configured: true, reason: ScrapeSelected},
		"ours, fewer zones":           {spec: selecting("[zone-a]"), annotation: `{"metrics":["zone-a"]}`, zones: twoZones(), reason: ScrapeSelectorPending, message: "zone-b/vmstorage, zone-b/vmselect, zone-b/vminsert"},
		"ours, more zones":            {spec: selecting("[zone-a, zone-b, zone-c]"), annotation: `{"metrics":["zone-a","zone-b","zone-c"]}`, zones: twoZones(), configured: true, reason: ScrapeSelected},
		"no zones":                    {spec: "{}", reason: ScrapeWithdrawn},
		"by default":                  {spec: "{selectAllByDefault: true}", zones: twoZones(), configured: true, reason: ScrapeSelectsAll},
		"everything of the namespace": {spec: withSelector("{}"), zones: twoZones(), configured: true, reason: ScrapeSelected},
		"by default, but the user's selector rules": {spec: "{selectAllByDefault: true, serviceScrapeSelector: {matchLabels: {a: b}}}", zones: twoZones(), reason: ScrapeSelectorMisses},
		"the user's selector of all VMClusters":     {spec: withSelector("{matchLabels: {app.kubernetes.io/part-of: vmcluster}}"), zones: twoZones(), configured: true, reason: ScrapeSelected},
		"the user's selector misses a zone":         {spec: withSelector("{matchLabels: {app.kubernetes.io/instance: zone-a}}"), zones: twoZones(), reason: ScrapeSelectorMisses, message: "does not select zone-b/vmstorage, zone-b/vmselect, zone-b/vminsert"},
		"the user's selector misses a component":    {spec: withSelector("{matchExpressions: [{key: app.kubernetes.io/name, operator: NotIn, values: [vmselect]}]}"), zones: twoZones()[:1], reason: ScrapeSelectorMisses, message: "does not select zone-b/vmselect"},
		"the load balancer is a component":          {spec: withSelector("{matchExpressions: [{key: app.kubernetes.io/name, operator: In, values: [vmselect, vminsert, vmstorage]}]}"), zones: []ScrapedZone{{Name: "zone-a", Spec: all}}, reason: ScrapeSelectorMisses, message: "does not select zone-a/vmclusterlb"},
		"managed labels count":                      {spec: withSelector("{matchLabels: {team: sre, managed-by: vm-operator}}"), zones: []ScrapedZone{{Name: "zone-a", Spec: all}}, configured: true, reason: ScrapeSelected},
		"labels of load balancing count":            {spec: withSelector("{matchLabels: {operator.victoriametrics.com/vmauthlb-proxy-job-name: vmselect-zone-a}}"), zones: []ScrapedZone{{Name: "zone-a", Spec: all}}, reason: ScrapeSelectorMisses, message: "does not select zone-a/vmstorage, zone-a/vminsert, zone-a/vmclusterlb"},
		"a component that is not scraped":           {spec: selecting("[zone-a]"), annotation: `{"metrics":["zone-a"]}`, zones: []ScrapedZone{{Name: "zone-a", Spec: quiet}}, reason: ScrapeDisabled, message: "zone-a/vmselect"},
		"an unreadable selector":                    {spec: withSelector("{matchExpressions: [{key: a, operator: Equals}]}"), zones: twoZones(), reason: ScrapeSelectorInvalid, message: "spec.serviceScrapeSelector"},
		"an unreadable annotation":                  {spec: selecting("[zone-a]"), annotation: "{", zones: twoZones(), reason: ScrapeAnnotationUnreadable, message: "remove the annotation and the selector"},
		"ingest only":                               {spec: "{ingestOnlyMode: true, selectAllByDefault: true}", zones: twoZones(), reason: ScrapeIngestOnlyMode},
		"daemon set":                                {spec: "{daemonSetMode: true, selectAllByDefault: true}", zones: twoZones(), reason: ScrapeDaemonSetMode},

		"all namespaces":            {spec: "{serviceScrapeNamespaceSelector: {}}", zones: twoZones(), configured: true, reason: ScrapeSelectsAll},
		"our namespace by name":     {spec: "{serviceScrapeNamespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}", zones: twoZones(), configured: true, reason: ScrapeSelectsAll},
		"other namespaces by name":  {spec: "{serviceScrapeNamespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}", zones: twoZones(), reason: ScrapeNamespaceNotSelected, message: "does not select namespace monitoring"},
		"our namespace by label":    {spec: "{serviceScrapeNamespaceSelector: {matchLabels: {team: sre}}}", zones: twoZones(), namespace: map[string]string{"team": "sre"}, configured: true, reason: ScrapeSelectsAll},
		"other namespaces by label": {spec: "{serviceScrapeNamespaceSelector: {matchLabels: {team: sre}}}", zones: twoZones(), namespace: map[string]string{}, reason: ScrapeNamespaceNotSelected},
		"unknown labels":            {spec: "{serviceScrapeNamespaceSelector: {matchLabels: {team: sre}}}", zones: twoZones(), reason: ScrapeNamespaceUnknown, message: "label team"},
		"both selectors":            {spec: "{serviceScrapeNamespaceSelector: {}, serviceScrapeSelector: {matchLabels: {app.kubernetes.io/instance: zone-a}}}", zones: twoZones(), reason: ScrapeSelectorMisses},
	} {
		_, report := PlanScrape(vmagent(t, test.spec, test.annotation), "metrics", test.zones, test.namespace)
		if report.Configured != test.configured || report.Reason != test.reason || !strings.Contains(report.Message, test.message) || report.Message == "" {
			t.Errorf("%s: report is %+v", name, report)
		}
	}
}

func TestOurScrapeSelectorLeavesTheScrapesOfUsersAlone(t *testing.T) {
	selector, err := labelSelector(scrapeClaims{"metrics": {"zone-a"}}.selector())
	if err != nil {
		t.Fatal(err)
	}
	for name, scrape := range map[string]labels.Set{
		"without labels":             {},
		"named like the zone":        {labelInstance: "zone-a", labelName: "vmselect"},
		"of a VLCluster of the name": {labelInstance: "zone-a", labelPartOf: "vlcluster", labelManagedBy: managedByValue},
		"of another VMCluster":       {labelInstance: "zone-b", labelPartOf: "vmcluster", labelManagedBy: managedByValue},
	} {
		if selector.Matches(scrape) {
			t.Errorf("a scrape %s is selected", name)
		}
	}
	if !selector.Matches(ScrapedZone{Name: "zone-a"}.scrapeLabels(vmstorage)) {
		t.Error("the zone's own scrape is not selected")
	}
}

func TestScrapeLabelsFollowTheServiceOfTheComponent(t *testing.T) {
	spec := mapFromYAML(t, `{
	  vmstorage: {serviceSpec: {useAsDefault: true, metadata: {labels: {a: b, managed-by: me}}}},
	  vmselect: {serviceSpec: {metadata: {labels: {a: b}}}}, vminsert: {},
	  requestsLoadBalancer: {enabled: true, disableInsertBalancing: true, spec: {serviceSpec: {metadata: {labels: {a: b}}}}}}`)
	zone := ScrapedZone{Name: "zone-a", Spec: spec}
	base := func(name string, more ...string) labels.Set {
		set := labels.Set{
			"app.kubernetes.io/name": name, "app.kubernetes.io/instance": "zone-a", "app.kubernetes.io/component": "monitoring",
			"app.kubernetes.io/part-of": "vmcluster", "managed-by": "vm-operator",
		}
		for i := 0; i < len(more); i += 2 {
			set[more[i]] = more[i+1]
		}
		return set
	}
	for part, want := range map[component]labels.Set{
		vmstorage: base("vmstorage", "a", "b"),
		vmselect:  base("vmselect", "operator.victoriametrics.com/vmauthlb-proxy-job-name", "vmselect-zone-a"),
		vminsert:  base("vminsert"),
		balancer:  base("vmclusterlb-vmauth-balancer", "a", "b", "operator.victoriametrics.com/vmauthlb-proxy-name", "vmauth"),
	} {
		if have := zone.scrapeLabels(part); !reflect.DeepEqual(have, want) {
			t.Errorf("%s: labels are %v, want %v", part.name, have, want)
		}
	}
}
