// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package chronicle

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	drainMark = "distributed.victoriametrics.com/drain."
	// configPrefix begins the names of the Secrets in which the operator writes the
	// configurations of its VMAuths.
	configPrefix = "vmauth-config-"
)

// readPath is the state of VMUsers and of configurations of VMAuth.
type readPath struct {
	// configs are the configurations by the name of their Secret.
	configs map[string]string
	// drained are the zones for which a VMUser carries a record, by VMUser.
	drained map[string][]string
	// closed are zones that were written while they were drained, and that no
	// VMUser has been given back since.
	closed map[string]bool
	story  []string
}

func newReadPath() readPath {
	return readPath{configs: map[string]string{}, drained: map[string][]string{}, closed: map[string]bool{}}
}

// take goes on to the next event, and says which promise it breaks.
func (r *readPath) take(e event) (violations []string) {
	name := e.object.GetName()
	switch {
	case e.resource == userResource.Resource:
		r.tell(e, "is drained of %v", drainedZones(e.object))
		before := r.drained[name]
		r.drained[name] = drainedZones(e.object)
		if e.gone {
			delete(r.drained, name)
		}
		for _, zone := range before {
			// One VMUser after the other gets the zone back.
			if !e.gone && !slices.Contains(r.drained[name], zone) || !r.isDrained(zone) {
				delete(r.closed, zone)
			}
		}
	case e.resource == secretResource.Resource && strings.HasPrefix(name, configPrefix):
		r.configs[name] = content(e.object)
		r.tell(e, "leads to %v", slices.Compact(slices.Sorted(slices.Values(anyZone.FindAllString(r.configs[name], -1)))))
		if e.gone {
			delete(r.configs, name)
		}
		for _, zone := range slices.Sorted(maps.Keys(r.closed)) {
			if leadsTo(r.configs[name], zone) {
				violations = append(violations, fmt.Sprintf("Secret %s leads to %s, which was drained and written and has not been given its reads back", name, zone))
			}
		}
	}
	return violations
}

// write judges a write to a zone in good health, and remembers it. All VMUsers of
// the namespace that lead to a zone are taken to be listed.
func (r *readPath) write(write Write) (violations []string) {
	r.story = append(r.story, fmt.Sprintf("version %s, write %s", write.Object.GetResourceVersion(), write))
	for _, name := range slices.Sorted(maps.Keys(r.configs)) {
		if leadsTo(r.configs[name], write.Cluster) {
			violations = append(violations, fmt.Sprintf("%s was written while Secret %s led to it", write, name))
		}
	}
	if r.isDrained(write.Cluster) {
		r.closed[write.Cluster] = true
	}
	return violations
}

// anyZone finds what leads to the vmselect of any zone.
var anyZone = regexp.MustCompile(`//(vmselect|vmselectinternal|vmclusterlb)-[^.:/]*`)

// tell adds to the story.
func (r *readPath) tell(e event, format string, args ...any) {
	r.story = append(r.story, fmt.Sprintf("version %d, %s %s@%d (gone: %t) %s", e.version, e.resource, e.object.GetName(), e.object.GetGeneration(), e.gone, fmt.Sprintf(format, args...)))
}

func (r *readPath) isDrained(zone string) bool {
	for _, zones := range r.drained {
		if slices.Contains(zones, zone) {
			return true
		}
	}
	return false
}

// drainedZones are those that the records on a VMUser name.
func drainedZones(user *unstructured.Unstructured) []string {
	var zones []string
	for key, value := range user.GetAnnotations() {
		var record struct {
			Drain struct {
				Zone  string
				Zones []string
			}
		}
		if !strings.HasPrefix(key, drainMark) || json.Unmarshal([]byte(value), &record) != nil {
			continue
		}
		if zones = append(zones, record.Drain.Zones...); record.Drain.Zone != "" {
			zones = append(zones, record.Drain.Zone)
		}
	}
	return zones
}

// leadsTo tells whether a configuration holds an address of a zone's vmselect, be
// it that of its pods or that of its load balancer.
func leadsTo(config, zone string) bool {
	name := regexp.QuoteMeta(zone)
	return regexp.MustCompile(`//(vmselect|vmselectinternal|vmclusterlb)-` + name + `[.:/]`).MatchString(config)
}

// content is what a Secret holds, uncompressed.
func content(secret *unstructured.Unstructured) string {
	data, _, _ := unstructured.NestedStringMap(secret.Object, "data")
	var whole strings.Builder
	for _, key := range slices.Sorted(maps.Keys(data)) {
		raw, err := base64.StdEncoding.DecodeString(data[key])
		if err != nil {
			continue // the API server lets nothing else in
		}
		if reader, err := gzip.NewReader(bytes.NewReader(raw)); err == nil {
			if plain, err := io.ReadAll(reader); err == nil {
				raw = plain
			}
		}
		whole.Write(raw)
	}
	return whole.String()
}
