// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// scrapeClaims are the zones that each VMDistributedCluster wants a VMAgent to
// scrape, the content of ScrapeAnnotation.
type scrapeClaims map[string][]string

func parseScrapeClaims(value string) (scrapeClaims, error) {
	claims := scrapeClaims{}
	if err := json.Unmarshal([]byte(value), &claims); err != nil {
		return nil, fmt.Errorf("annotation %s is not an object of lists of zones: %w", ScrapeAnnotation, err)
	}
	return claims, nil
}

// annotation renders the claims for a merge patch: null for none.
func (c scrapeClaims) annotation() any {
	if len(c) == 0 {
		return nil
	}
	value, err := json.Marshal(c)
	if err != nil {
		panic("scrape claims are not JSON: " + err.Error()) // strings always are
	}
	return string(value)
}

// with returns the claims with those of one owner replaced; without zones the
// owner has none.
func (c scrapeClaims) with(owner string, zones []string) scrapeClaims {
	changed := maps.Clone(c)
	if changed == nil {
		changed = scrapeClaims{}
	}
	delete(changed, owner)
	if len(zones) > 0 {
		changed[owner] = zones
	}
	return changed
}

func (c scrapeClaims) equal(other scrapeClaims) bool {
	return maps.EqualFunc(c, other, slices.Equal[[]string])
}

// selector returns the label selector that selects the scrapes of all zones, nil
// when there is none. The same claims give the same selector.
func (c scrapeClaims) selector() any {
	var zones []string
	for _, claimed := range c {
		zones = append(zones, claimed...)
	}
	slices.Sort(zones)
	zones = slices.Compact(zones)
	if len(zones) == 0 {
		return nil
	}
	values := make([]any, len(zones))
	for i, zone := range zones {
		values[i] = zone
	}
	return map[string]any{
		"matchLabels": map[string]any{labelPartOf: partOfValue},
		"matchExpressions": []any{
			map[string]any{"key": labelInstance, "operator": "In", "values": values},
		},
	}
}
