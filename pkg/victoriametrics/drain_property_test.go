// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// propertyRuns is how many random VMUsers each property is tried on.
const propertyRuns = 1000

// validateUser mirrors what the operator demands of a VMUser's targets (Validate
// of VMUser and TargetRef, types/vmuser_types.go) and its schema of a crd.
func validateUser(user *unstructured.Unstructured) error {
	list, _ := member(user.Object, "spec", "targetRefs").([]any)
	if len(list) == 0 {
		return fmt.Errorf("no targetRefs")
	}
	for i, item := range list {
		if err := validateTarget(object(item)); err != nil {
			return fmt.Errorf("targetRefs[%d]: %w", i, err)
		}
	}
	return nil
}

func validateTarget(ref map[string]any) error {
	crd, hasCRD := ref["crd"].(map[string]any)
	static, hasStatic := ref["static"].(map[string]any)
	switch {
	case ref == nil:
		return fmt.Errorf("no object")
	case hasCRD && hasStatic, !hasCRD && !hasStatic && text(ref, "name") == "":
		return fmt.Errorf("crd: %t, static: %t", hasCRD, hasStatic)
	case hasStatic:
		return validateStatic(static)
	case hasCRD:
		return validateCRD(crd)
	}
	return nil
}

func validateStatic(static map[string]any) error {
	urls, _ := static["urls"].([]any)
	if one := text(static, "url"); one != "" {
		urls = append(slices.Clone(urls), one)
	}
	if len(urls) == 0 {
		return fmt.Errorf("neither url nor urls")
	}
	for _, value := range urls {
		u, err := url.Parse(value.(string))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("%v is no URL: %w", value, err)
		}
	}
	return nil
}

func validateCRD(crd map[string]any) error {
	for _, field := range []string{"kind", "name", "namespace"} {
		if _, there := crd[field].(string); !there {
			return fmt.Errorf("crd.%s is not there", field)
		}
	}
	objects, _ := crd["objects"].([]any)
	if len(objects) == 0 && (text(crd, "name") == "" || text(crd, "namespace") == "") {
		return fmt.Errorf("crd without a name")
	}
	for _, ref := range objects {
		if text(ref, "name") == "" || text(ref, "namespace") == "" {
			return fmt.Errorf("crd.objects without a name")
		}
	}
	return nil
}

// chance draws random VMUsers. Every entry has a number of its own in
// retry_status_codes, by which it is known again.
type chance struct {
	*rand.Rand
	next int64
}

func newChance(t *testing.T) *chance {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return &chance{Rand: rand.New(rand.NewPCG(seed, 0)), next: 100}
}

func pick[T any](c *chance, from ...T) T { return from[c.IntN(len(from))] }

func (c *chance) zones() []Cluster {
	var zones []Cluster
	for _, name := range []string{"zone-a", "zone-b", "zone-c"} {
		spec := map[string]any{"vmselect": map[string]any{"port": pick(c, "8481", "8481", "9000")}}
		if c.IntN(3) == 0 {
			spec["requestsLoadBalancer"] = map[string]any{"enabled": true}
		}
		if c.IntN(4) == 0 {
			spec["useLegacyNaming"] = true
		}
		zones = append(zones, Cluster{Namespace: "monitoring", Name: name, Spec: spec})
	}
	return zones
}

func (c *chance) zoneName() string { return pick(c, "zone-a", "zone-a", "zone-b", "zone-c") }

func (c *chance) ref() map[string]any {
	ref := map[string]any{"name": c.zoneName(), "namespace": pick(c, "monitoring", "monitoring", "monitoring", "other")}
	if c.IntN(5) == 0 {
		ref["useExtraService"] = true
	}
	return ref
}

func (c *chance) crd() map[string]any {
	crd := c.ref()
	crd["kind"] = pick(c, "VMCluster/vmselect", "VMCluster/vmselect", "VMCluster/vmselect", "VMCluster/vminsert", "VMSingle")
	if c.IntN(2) == 0 {
		objects := []any{}
		for range 1 + c.IntN(3) {
			objects = append(objects, c.ref())
		}
		crd["objects"] = objects
		if c.IntN(2) == 0 {
			crd["name"], crd["namespace"] = "", ""
			delete(crd, "useExtraService")
		}
	}
	return crd
}

func (c *chance) url() string {
	host := fmt.Sprintf(pick(c, "vmselect-%s", "vmselectinternal-%s", "vmclusterlb-%s", "%s-vmselect", "vmselect-%[1]s-0.vmselect-%[1]s"), c.zoneName())
	host += pick(c, "", ".monitoring", ".monitoring.svc", ".monitoring.svc.cluster.local", ".other.svc")
	if c.IntN(6) == 0 {
		host = "metrics.example.com"
	}
	return pick(c, "http", "https") + "://" + pick(c, "", "", "u:p@") + host + pick(c, "", ":8481", ":1") + pick(c, "", "/select/0", "/x?q=1")
}

func (c *chance) static() map[string]any {
	if c.IntN(2) == 0 {
		return map[string]any{"url": c.url()}
	}
	urls := []any{}
	for range 1 + c.IntN(3) {
		urls = append(urls, c.url())
	}
	return map[string]any{"urls": urls}
}

func (c *chance) entry() map[string]any {
	c.next++
	e := map[string]any{"retry_status_codes": []any{c.next}}
	if c.IntN(3) == 0 {
		e["static"] = c.static()
	} else {
		e["crd"] = c.crd()
	}
	for field, values := range map[string][]any{
		"paths":               {[]any{"/select/.*"}, []any{"/"}, []any{"/a", "/b"}, []any{"/b", "/a"}},
		"hosts":               {[]any{"one"}},
		"src_query_args":      {[]any{"db=1"}},
		"headers":             {[]any{"X: 1"}},
		"target_path_suffix":  {"/select/0", "/select/1"},
		"unheard_of":          {map[string]any{"a": []any{int64(1), 1.5}}},
		"discover_backend_ip": {true},
	} {
		if c.IntN(4) == 0 {
			e[field] = pick(c, values...)
		}
	}
	return e
}

func (c *chance) user() *unstructured.Unstructured {
	list := []any{}
	for range 1 + c.IntN(5) {
		list = append(list, c.entry())
	}
	if c.IntN(2) == 0 { // an entry that may stand in for another
		twin := copyOf(object(list[c.IntN(len(list))]))
		other := c.entry()
		delete(twin, "crd")
		delete(twin, "static")
		for _, field := range []string{"crd", "static", "retry_status_codes"} {
			if value, there := other[field]; there {
				twin[field] = value
			}
		}
		list = slices.Insert(list, c.IntN(len(list)+1), any(twin))
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"kind":     "VMUser",
		"metadata": map[string]any{"name": "reader", "namespace": "monitoring", "resourceVersion": "7", "annotations": map[string]any{"theirs": "kept"}},
		"spec":     map[string]any{"targetRefs": list, "username": "reader"},
	}}
}

// drain plans a drain of zone-a; nil where it is refused or there is nothing to do.
func (c *chance) drain(t *testing.T, user *unstructured.Unstructured, zones []Cluster) (*unstructured.Unstructured, DrainPlan) {
	t.Helper()
	before := user.DeepCopy()
	plan, err := PlanDrain(user, Drain{Owner: ourOwner, Zone: zones[0], Others: zones[1:], LastTarget: pick(c, LastTargetFailOver, LastTargetFailOver, LastTargetRefuse)})
	if err != nil {
		t.Fatalf("%s: %v", asJSON(user.Object), err)
	}
	if !reflect.DeepEqual(before, user) {
		t.Fatalf("PlanDrain changed its argument")
	}
	if plan.Patch == nil {
		return nil, plan
	}
	return patched(user, plan.Patch), plan
}

func asJSON(value any) string {
	raw, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

func targetRefsOf(user *unstructured.Unstructured) []any {
	list, _ := member(user.Object, "spec", "targetRefs").([]any)
	return list
}

// restore gives back what was drained first.
func restore(t *testing.T, user *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	return restoreOf(t, user, firstDrain(user))
}

func restoreOf(t *testing.T, user *unstructured.Unstructured, drain Drain) *unstructured.Unstructured {
	t.Helper()
	patch, err := PlanRestore(user, drain)
	if err != nil || patch == nil {
		t.Fatalf("%s: patch is %v, error %v", asJSON(user.Object), patch, err)
	}
	return patched(user, patch)
}

// firstDrain is that of ours which a VMUser has carried for longest.
func firstDrain(user *unstructured.Unstructured) Drain {
	drain := Drain{Owner: ourOwner, Zone: Cluster{Namespace: ourOwner.Namespace}}
	records, _ := DrainRecords(user)
	if zones := ownRecord(records, ourOwner).Zones; len(zones) > 0 {
		drain.Zone.Name = zones[0]
	}
	return drain
}

func TestADrainLeavesAValidUserWithoutARouteAndComesBackByteEqual(t *testing.T) {
	c := newChance(t)
	drains := 0
	for range propertyRuns {
		user, zones := c.user(), c.zones()
		zones = zones[:1+c.IntN(3)]
		drained, plan := c.drain(t, user, zones)
		if drained == nil {
			if places, _ := ReadRoutes(user, zones[:1]); len(places) > 0 && plan.Refusal == "" {
				t.Fatalf("%s: %v leads to the zone, but nothing is planned", asJSON(user.Object), places)
			}
			continue
		}
		drains++
		if err := validateUser(drained); err != nil {
			t.Fatalf("%s\ndrained to %s: %v", asJSON(user.Object), asJSON(drained.Object), err)
		}
		if places, err := ReadRoutes(drained, zones[:1]); err != nil || len(places) > 0 {
			t.Fatalf("%s\ndrained to %s: still leads to the zone at %v, error %v", asJSON(user.Object), asJSON(drained.Object), places, err)
		}
		if back := restore(t, drained); asJSON(back.Object) != asJSON(user.Object) {
			t.Fatalf("%s\ndrained to %s\ncame back as %s", asJSON(user.Object), asJSON(drained.Object), asJSON(back.Object))
		}
		if back := undoneByHand(t, drained); asJSON(back.Object) != asJSON(user.Object) {
			t.Fatalf("%s\nundone by the annotation alone is %s", asJSON(user.Object), asJSON(back.Object))
		}
	}
	if drains < propertyRuns/10 {
		t.Errorf("only %d of %d random users were drained", drains, propertyRuns)
	}
}

// undoneByHand applies the annotation as a merge patch, as kubectl would, and
// prunes what the schema does not know, as the API server would.
func undoneByHand(t *testing.T, drained *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	patch := map[string]any{}
	if err := utiljson.Unmarshal([]byte(drained.GetAnnotations()[DrainAnnotation(ourOwner)]), &patch); err != nil {
		t.Fatal(err)
	}
	back := patched(drained, patch)
	delete(back.Object, "drain")
	return back
}

// query is a request that vmauth looks for an entry for.
type query struct{ path, host, args string }

// routed returns the entry that vmauth chooses for a request with the
// configuration that the operator makes of the list, nil for none.
func routed(list []any, r query) map[string]any {
	if len(list) == 1 {
		switch own := texts(member(list[0], "paths")); {
		case len(own) == 0, len(own) == 1 && slices.Contains([]string{"/", "/*", "/.*"}, own[0]):
			return object(list[0])
		}
	}
	for _, item := range list {
		e := object(item)
		if matches(routedPaths(e), r.path) && matches(texts(e["hosts"]), r.host) && matches(texts(e["src_query_args"]), r.args) {
			return e
		}
	}
	return nil
}

func routedPaths(e map[string]any) []string {
	own := texts(e["paths"])
	suffixed := text(e, "target_path_suffix") != ""
	switch kind := text(e, "crd", "kind"); {
	case len(own) == 1 && (own[0] == "/" || own[0] == "/*"):
		return []string{"/.*"}
	case len(own) > 0:
		return own
	case kind == "VMCluster/vmselect" && suffixed:
		return []string{"/api/v1/query", "/vmui.*"}
	case kind == "VMCluster/vmselect":
		return []string{"/select/.*", "/admin/.*"}
	case kind == "VMCluster/vminsert" && suffixed:
		return []string{"/api/v1/write"}
	case kind == "VMCluster/vminsert":
		return []string{"/insert/.*"}
	}
	return []string{"/.*"}
}

func matches(patterns []string, value string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		return regexp.MustCompile("^(?:" + p + ")$").MatchString(value)
	})
}

func queries() []query {
	var all []query
	for _, path := range []string{"/select/0/x", "/admin/x", "/insert/0/x", "/a", "/b", "/delete/x", "/api/v1/query", "/api/v1/write"} {
		for _, host := range []string{"one", "two"} {
			for _, args := range []string{"db=1", "db=2"} {
				all = append(all, query{path: path, host: host, args: args})
			}
		}
	}
	return all
}

// does is what becomes of a request, its target apart.
func does(e map[string]any) map[string]any {
	return map[string]any{"headers": e["headers"], "suffix": e["target_path_suffix"], "unheard_of": e["unheard_of"]}
}

func TestADrainChangesNeitherWhichRequestsAreServedNorHow(t *testing.T) {
	c := newChance(t)
	for range propertyRuns {
		user, zones := c.user(), c.zones()
		drained, _ := c.drain(t, user, zones)
		if drained == nil {
			continue
		}
		for _, r := range queries() {
			before, after := routed(targetRefsOf(user), r), routed(targetRefsOf(drained), r)
			if (before == nil) != (after == nil) || !override.Equal(does(before), does(after)) {
				t.Fatalf("%s\ndrained to %s\nrequest %v was served by\n%s\nand now is by\n%s",
					asJSON(targetRefsOf(user)), asJSON(targetRefsOf(drained)), r, asJSON(before), asJSON(after))
			}
			if leadsTo(t, zones[:1], before) && !leadsElsewhere(after, "zone-b|zone-c") {
				t.Fatalf("%s\ndrained to %s\nrequest %v was served by the zone and now goes to\n%s",
					asJSON(targetRefsOf(user)), asJSON(targetRefsOf(drained)), r, asJSON(after))
			}
		}
	}
}

func leadsTo(t *testing.T, zones []Cluster, e map[string]any) bool {
	t.Helper()
	if e == nil {
		return false
	}
	only := &unstructured.Unstructured{Object: map[string]any{
		"kind": "VMUser", "metadata": map[string]any{"namespace": "monitoring"}, "spec": map[string]any{"targetRefs": []any{e}},
	}}
	places, err := ReadRoutes(only, zones)
	if err != nil {
		t.Fatal(err)
	}
	return len(places) > 0
}

// leadsElsewhere reports whether an entry has a target in one of some zones or in none.
func leadsElsewhere(e map[string]any, zones string) bool {
	targets := asJSON([]any{e["crd"], e["static"]})
	return regexp.MustCompile(zones + `|metrics\.example\.com|VMSingle`).MatchString(targets)
}

// edits are what somebody did to a drained VMUser, by the numbers of entries.
type edits struct {
	list    []any
	added   map[int64]any
	edited  map[int64]string
	removed map[int64]bool
	order   []int64
}

func number(e any) int64 {
	codes, _ := member(e, "retry_status_codes").([]any)
	n, _ := integer(codes[0])
	return n
}

func (c *chance) edit(list []any) edits {
	e := edits{added: map[int64]any{}, edited: map[int64]string{}, removed: map[int64]bool{}}
	for _, item := range list {
		e.list = append(e.list, copyOf(object(item)))
	}
	for range c.IntN(4) {
		at := c.IntN(len(e.list))
		switch c.IntN(4) {
		case 0:
			entry := c.entry()
			entry["crd"], entry["hosts"] = map[string]any{"kind": "VMAgent", "name": "agent", "namespace": "monitoring"}, []any{"added"}
			delete(entry, "static")
			e.added[number(entry)] = entry
			e.list = slices.Insert(e.list, at, any(entry))
		case 1:
			if n := number(e.list[at]); e.added[n] == nil {
				e.edited[n] = fmt.Sprintf("X-Edited: %d", c.Int())
				object(e.list[at])["response_headers"] = []any{e.edited[n]}
			}
		case 2:
			if n := number(e.list[at]); len(e.list) > 1 && e.added[n] == nil && e.edited[n] == "" {
				e.removed[n] = true
				e.list = slices.Delete(e.list, at, at+1)
			}
		case 3:
			other := c.IntN(len(e.list))
			e.list[at], e.list[other] = e.list[other], e.list[at]
		}
	}
	for _, item := range e.list {
		e.order = append(e.order, number(item))
	}
	return e
}

func TestRestoringLosesNoEditAndNoTakenEntry(t *testing.T) {
	c := newChance(t)
	for range propertyRuns {
		user, zones := c.user(), c.zones()
		drained, _ := c.drain(t, user, zones)
		if drained == nil {
			continue
		}
		e := c.edit(targetRefsOf(drained))
		live := drained.DeepCopy()
		live.Object["spec"].(map[string]any)["targetRefs"] = e.list
		back := restore(t, live)
		if complaint := e.check(user, back); complaint != "" {
			t.Fatalf("%s\ndrained to %s\nedited to %s\ncame back as %s: %s", asJSON(targetRefsOf(user)),
				asJSON(targetRefsOf(drained)), asJSON(e.list), asJSON(targetRefsOf(back)), complaint)
		}
	}
}

// check returns what is wrong with a list that was drained, edited and restored.
func (e edits) check(user, back *unstructured.Unstructured) string {
	byNumber := map[int64]map[string]any{}
	var order []int64
	for _, item := range targetRefsOf(back) {
		if byNumber[number(item)] != nil {
			return fmt.Sprintf("entry %d is there twice", number(item))
		}
		byNumber[number(item)] = object(item)
		if slices.Contains(e.order, number(item)) {
			order = append(order, number(item))
		}
	}
	if !slices.Equal(order, e.order) {
		return fmt.Sprintf("the order is %v, want %v", order, e.order)
	}
	for _, item := range targetRefsOf(user) {
		n, have := number(item), byNumber[number(item)]
		switch {
		case e.removed[n] && have != nil:
			return fmt.Sprintf("entry %d was removed and is back", n)
		case e.removed[n]:
			continue
		case have == nil:
			return fmt.Sprintf("entry %d is lost", n)
		case !sameTargets(have, object(item)):
			return fmt.Sprintf("entry %d has not got its target back", n)
		case e.edited[n] != "" && !slices.Equal(texts(have["response_headers"]), []string{e.edited[n]}):
			return fmt.Sprintf("entry %d has lost its edit", n)
		case e.edited[n] == "" && !override.Equal(have, item):
			return fmt.Sprintf("entry %d is not as it was", n)
		}
	}
	for n, entry := range e.added {
		if have := byNumber[n]; !override.Equal(have, entry) {
			return fmt.Sprintf("added entry %d is lost or changed", n)
		}
	}
	if err := validateUser(back); err != nil {
		return err.Error()
	}
	return ""
}

func TestWhatSomebodyBringsBackIsDrainedAgainAndRestoredOnce(t *testing.T) {
	c := newChance(t)
	for range propertyRuns {
		user, zones := c.user(), c.zones()
		drained, _ := c.drain(t, user, zones)
		if drained == nil {
			continue
		}
		reverted := drained.DeepCopy()
		reverted.Object["spec"].(map[string]any)["targetRefs"] = targetRefsOf(user)
		if back := restore(t, reverted); asJSON(back.Object) != asJSON(user.Object) {
			t.Fatalf("%s\nreverted, then restored, is %s", asJSON(user.Object), asJSON(back.Object))
		}
		again, err := PlanDrain(reverted, Drain{Owner: ourOwner, Zone: zones[0], Others: zones[1:], LastTarget: LastTargetFailOver})
		if err != nil || again.Refusal != "" || !again.Again || again.Patch == nil {
			t.Fatalf("%s: drained again is %+v, error %v", asJSON(reverted.Object), again, err)
		}
		if annotations := member(again.Patch, "metadata", "annotations"); annotations != nil {
			t.Fatalf("%s: the record is written again, though it says the same: %v", asJSON(reverted.Object), annotations)
		}
		if back := restore(t, patched(reverted, again.Patch)); asJSON(back.Object) != asJSON(user.Object) {
			t.Fatalf("%s\ndrained again, then restored, is %s", asJSON(user.Object), asJSON(back.Object))
		}
	}
}
