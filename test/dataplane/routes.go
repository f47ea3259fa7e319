// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package dataplane

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// userOptions are the fields of a VMUser's spec that vmauth's configuration has
// under the same names (addUserConfigOptionToYaml and genUserCfg,
// factory/vmauth/vmusers_config.go).
func userOptions() []string {
	return []string{
		"name", "default_url", "ip_filters", "headers", "response_headers", "discover_backend_ips",
		"retry_status_codes", "max_concurrent_requests", "load_balancing_policy",
		"drop_src_path_prefix_parts", "dump_request_on_errors", "metric_labels",
	}
}

// routeOptions are those of one target reference (genURLMaps, same file). The
// first two are no part of a route to everything.
func routeOptions() []string {
	return []string{
		"src_query_args", "src_headers", "headers", "response_headers", "discover_backend_ips",
		"retry_status_codes", "load_balancing_policy", "drop_src_path_prefix_parts",
	}
}

// routesOf returns the section of a VMUser in vmauth's configuration.
func (d *DataPlane) routesOf(user *unstructured.Unstructured, defaults []map[string]any) (map[string]any, error) {
	spec, _, err := unstructured.NestedMap(user.Object, "spec")
	if err != nil {
		return nil, err
	}
	section := picked(spec, userOptions())
	maps.Copy(section, credentials(user.GetName(), spec))
	refs, err := referencesOf(spec, defaults)
	if err != nil {
		return nil, err
	}
	if len(refs) == 1 && leadsEverywhere(refs[0]) {
		section["url_prefix"], err = d.prefixes(refs[0])
		maps.Copy(section, picked(refs[0], routeOptions()[2:]))
		return section, err
	}
	var routes []map[string]any
	for _, ref := range refs {
		route := picked(ref, routeOptions())
		if route["url_prefix"], err = d.prefixes(ref); err != nil {
			return nil, err
		}
		route["src_paths"] = sourcePaths(ref)
		if hosts := ref["hosts"]; hosts != nil {
			route["src_hosts"] = hosts
		}
		routes = append(routes, route)
	}
	section["url_map"] = routes
	return section, nil
}

// credentials are by what vmauth knows the user. Secrets are not read.
func credentials(name string, spec map[string]any) map[string]any {
	if token, ok := spec["bearerToken"].(string); ok && token != "" {
		return map[string]any{"bearer_token": token}
	}
	result := map[string]any{"username": name}
	if username, ok := spec["username"].(string); ok && username != "" {
		result["username"] = username
	}
	if password, ok := spec["password"].(string); ok && password != "" {
		result["password"] = password
	}
	return result
}

// referencesOf returns the target references, each laid over the default one
// that it names.
func referencesOf(spec map[string]any, defaults []map[string]any) ([]map[string]any, error) {
	written, _ := spec["targetRefs"].([]any)
	var refs []map[string]any
	for i, entry := range written {
		ref, ok := entry.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("spec.targetRefs[%d] is no object", i)
		}
		for _, byDefault := range defaults {
			if name, _ := ref["name"].(string); name != "" && byDefault["name"] == name {
				merged := maps.Clone(byDefault)
				maps.Copy(merged, ref)
				ref = merged
			}
		}
		refs = append(refs, ref)
	}
	if len(refs) == 0 {
		return nil, errors.New("spec.targetRefs is empty")
	}
	return refs, nil
}

// leadsEverywhere tells that the only reference of a user has no paths, or one
// that means all.
func leadsEverywhere(ref map[string]any) bool {
	paths := texts(ref["paths"])
	return len(paths) == 0 || len(paths) == 1 && slices.Contains([]string{"/", "/*", "/.*"}, paths[0])
}

// sourcePaths are the paths of a reference; without any, those that lead to its
// kind (appendPaths in genURLMaps).
func sourcePaths(ref map[string]any) []string {
	paths := texts(ref["paths"])
	crd, _ := ref["crd"].(map[string]any)
	suffix, _ := ref["target_path_suffix"].(string)
	switch {
	case len(paths) == 1 && (paths[0] == "/" || paths[0] == "/*"):
		return []string{"/.*"}
	case len(paths) > 0:
		return paths
	case crd["kind"] == "VMCluster/vmselect" && suffix == "":
		return []string{"/select/.*", "/admin/.*"}
	case crd["kind"] == "VMCluster/vmselect":
		return []string{
			"/vmui.*", "/graph.*", "/prometheus/graph.*", "/prometheus/vmui.*", "/prometheus/api/v1/label.*",
			"/prometheus/api/v1/query.*", "/prometheus/api/v1/metadata", "/prometheus/api/v1/series.*",
			"/prometheus/api/v1/status.*", "/prometheus/api/v1/export.*", "/prometheus/federate", "/admin/tenants",
		}
	case crd["kind"] == "VMCluster/vminsert" && suffix == "":
		return []string{"/insert/.*"}
	}
	return []string{"/.*"}
}

// prefixes are the addresses that a reference leads to.
func (d *DataPlane) prefixes(ref map[string]any) ([]string, error) {
	targets, err := d.targets(ref)
	if err != nil {
		return nil, err
	}
	suffix, _ := ref["target_path_suffix"].(string)
	for i, target := range targets {
		parsed, err := url.Parse(target)
		if err != nil {
			return nil, err
		}
		if local, ok := d.proxy.target(parsed.Host); ok {
			parsed.Host = local
		}
		if suffix != "" {
			added, err := url.Parse(suffix)
			if err != nil {
				return nil, err
			}
			parsed.Path, parsed.RawQuery = path.Join("/", parsed.Path, added.Path), added.RawQuery
		}
		addQueryArgs(parsed, ref)
		targets[i] = parsed.String()
	}
	return targets, nil
}

func addQueryArgs(target *url.URL, ref map[string]any) {
	args, _ := ref["query_args"].([]any)
	query := target.Query()
	for _, entry := range args {
		arg, _ := entry.(map[string]any)
		name, _ := arg["name"].(string)
		query[name] = texts(arg["values"])
	}
	target.RawQuery = query.Encode()
}

func (d *DataPlane) targets(ref map[string]any) ([]string, error) {
	if static, ok := ref["static"].(map[string]any); ok {
		if single, ok := static["url"].(string); ok && single != "" {
			return []string{single}, nil
		}
		return texts(static["urls"]), nil
	}
	crd, _ := ref["crd"].(map[string]any)
	kind, _ := crd["kind"].(string)
	objects := []map[string]any{}
	if crd["name"] != nil && crd["namespace"] != nil {
		objects = append(objects, crd)
	}
	more, _ := crd["objects"].([]any)
	for _, entry := range more {
		if object, ok := entry.(map[string]any); ok {
			objects = append(objects, object)
		}
	}
	var targets []string
	for _, object := range objects {
		namespace, _ := object["namespace"].(string)
		name, _ := object["name"].(string)
		found, err := d.targetsOf(kind, namespace, name)
		if err != nil {
			return nil, err
		}
		targets = append(targets, found...)
	}
	return targets, nil
}

// targetsOf returns the addresses of an object that a VMUser refers to.
func (d *DataPlane) targetsOf(kind, namespace, name string) ([]string, error) {
	owner, component, isCluster := strings.Cut(kind, "/")
	b, err := d.body(bodyKey{kind: owner, namespace: namespace, name: name})
	if err != nil {
		return nil, err
	}
	var targets []string
	if z, ok := b.(*zone); ok && isCluster {
		for _, part := range z.parts {
			if part.name == component {
				targets = append(targets, "http://"+part.front.address)
			}
		}
		return targets, nil
	}
	for _, pod := range b.replicas() {
		targets = append(targets, "http://"+localAddress(pod.port))
	}
	return targets, nil
}

// picked returns the given fields of a map, as far as they are there.
func picked(from map[string]any, fields []string) map[string]any {
	result := map[string]any{}
	for _, field := range fields {
		if value, ok := from[field]; ok {
			result[field] = value
		}
	}
	return result
}

// texts returns a list of texts.
func texts(value any) []string {
	list, _ := value.([]any)
	var result []string
	for _, entry := range list {
		if text, ok := entry.(string); ok {
			result = append(result, text)
		}
	}
	return result
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
