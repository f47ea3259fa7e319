// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"net/url"
	"slices"
	"strings"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
)

// everything is the path that matches every request.
const everything = "/.*"

// paths returns the paths that an entry matches, where it is not the only one of
// its VMUser: its own, or the defaults of its target (genURLMaps, addVMInsertPaths
// and addVMSelectPaths in factory/vmauth/vmusers_config.go). The long lists that
// go with a target_path_suffix are stood for by a name of their own, since all
// that matters here is whether two entries match the same.
func (e entry) paths() []string {
	own := texts(e.object["paths"])
	switch {
	case len(own) == 1 && (own[0] == "/" || own[0] == "/*"):
		return []string{everything}
	case len(own) > 0:
		return own
	}
	kind, suffixed := text(e.object, "crd", "kind"), text(e.object, "target_path_suffix") != ""
	switch {
	case kind == "VMCluster/vmselect" && suffixed:
		return []string{"default paths of vmselect"}
	case kind == "VMCluster/vmselect":
		return []string{"/select/.*", "/admin/.*"}
	case kind == "VMCluster/vminsert" && suffixed:
		return []string{"default paths of vminsert"}
	case kind == "VMCluster/vminsert" || kind == "VLCluster/vlinsert" || kind == "VTCluster/vtinsert":
		return []string{"/insert/.*"}
	case kind == "VLCluster/vlselect" || kind == "VTCluster/vtselect":
		return []string{"/select/.*"}
	}
	return []string{everything}
}

// The lists of an entry that narrow down the requests that it matches, beside its
// paths.
var narrowingFields = []string{"hosts", "src_query_args", "src_headers"}

// catchesAll reports whether an entry matches all requests, be it alone or not.
func (e entry) catchesAll() bool {
	for _, field := range narrowingFields {
		if len(texts(e.object[field])) > 0 {
			return false
		}
	}
	return slices.Contains(e.paths(), everything)
}

// widensAlone reports whether an entry would match more requests if it were the
// only one: the operator then writes a bare url_prefix for it and leaves out
// default paths and whatever else narrows it down (the fast path of genURLMaps,
// factory/vmauth/vmusers_config.go). With it a user would reach what no entry let
// through before, such as vmselect's /delete.
func (e entry) widensAlone() bool {
	own := texts(e.object["paths"])
	bare := len(own) == 0 || len(own) == 1 && slices.Contains([]string{"/", "/*", everything}, own[0])
	return bare && !e.catchesAll()
}

// serves is what an entry does, its target apart: which requests it matches, and
// what becomes of them. Entries that agree in it and lead to the same data stand
// in for each other. How vmauth chooses among several targets of one entry plays
// no part.
func (e entry) serves() map[string]any {
	does := copyOf(e.object)
	for _, field := range []string{"crd", "static", "paths", "load_balancing_policy", "retry_status_codes", "discover_backend_ips"} {
		delete(does, field)
	}
	for _, field := range narrowingFields {
		does[field] = set(texts(e.object[field]))
	}
	does["paths"] = set(e.paths())
	return does
}

// standsIn reports whether requests may go to target t of the entry instead of to
// those that another entry loses.
func (e entry) standsIn(t target, other entry, lost []target) bool {
	if !override.Equal(e.serves(), other.serves()) {
		return false
	}
	for _, l := range lost {
		if basePath(l.url) != basePath(t.url) {
			return false
		}
	}
	return true
}

// basePath returns path and query of a URL, "" for that of a crd.
func basePath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	base := strings.TrimSuffix(u.Path, "/")
	if u.RawQuery != "" {
		base += "?" + u.RawQuery
	}
	return base
}

func texts(value any) []string {
	list, _ := value.([]any)
	var all []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// set returns the strings as a list that is the same for the same strings.
func set(all []string) []any {
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	list := []any{}
	for _, s := range slices.Compact(sorted) {
		list = append(list, s)
	}
	return list
}
