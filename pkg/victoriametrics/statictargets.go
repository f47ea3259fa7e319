// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// The role of a Service before a component of a VMCluster.
type serviceRole int

const (
	// roleDefault is the Service that a crd target resolves to: that of the
	// component, or of the load balancer under its name.
	roleDefault serviceRole = iota
	// roleInternal is the headless one behind the load balancer.
	roleInternal
	// roleExtra is the one of the component's serviceSpec.
	roleExtra
	// roleBalancer is that of the load balancer itself.
	roleBalancer
)

const additionalServiceSuffix = "-additional-service"

// services returns the names of the Services that lead to a component of a zone
// (buildVMSelectService, createOrUpdateLBProxyService and
// createOrUpdateVMAuthLBService in factory/vmcluster/vmcluster.go,
// ClusterPrefixedName, ClusterSuffixedName and NameOrDefault in
// types/vmextra_types.go). Names of both ways of naming are returned, whichever
// the spec asks for: right after it changed, those of the other still serve.
func (c component) services(zone Cluster) map[string]serviceRole {
	names := map[string]serviceRole{
		c.name + "internal-" + zone.Name:       roleInternal,
		zone.Name + "-" + c.name + "-internal": roleInternal,
	}
	c.addServices(names, zone, roleDefault, roleExtra)
	balancer.addServices(names, zone, roleBalancer, roleBalancer)
	return names
}

func (c component) addServices(names map[string]serviceRole, zone Cluster, role, extra serviceRole) {
	for _, name := range []string{c.name + "-" + zone.Name, zone.Name + "-" + c.name} {
		names[name] = role
		names[name+additionalServiceSuffix] = extra
	}
	if name := text(c.settings(zone.Spec), "serviceSpec", "metadata", "name"); name != "" {
		names[name] = extra
	}
}

// serviceName returns the name of the Service of a zone that comes nearest to a
// role, and the role that it has.
func (c component) serviceName(zone Cluster, role serviceRole) (string, serviceRole) {
	balanced := flag(zone.Spec, balancer.field, "enabled")
	switch {
	case role == roleBalancer && balanced:
		return balancer.objectName(zone.Name, zone.Spec), roleBalancer
	case role == roleInternal && balanced && !flag(zone.Spec, balancer.field, "disableSelectBalancing"):
		if flag(zone.Spec, "useLegacyNaming") {
			return zone.Name + "-" + c.name + "-internal", roleInternal
		}
		return c.name + "internal-" + zone.Name, roleInternal
	case role == roleExtra && c.hasExtraService(zone):
		if name := text(zone.Spec, c.field, "serviceSpec", "metadata", "name"); name != "" {
			return name, roleExtra
		}
		return c.objectName(zone.Name, zone.Spec) + additionalServiceSuffix, roleExtra
	}
	return c.objectName(zone.Name, zone.Spec), roleDefault
}

// hasExtraService reports whether the component has a Service of its own making
// beside the usual one (IsSomeAndThen, types/vmextra_types.go).
func (c component) hasExtraService(zone Cluster) bool {
	return object(zone.Spec, c.field, "serviceSpec") != nil && !flag(zone.Spec, c.field, "serviceSpec", "useAsDefault")
}

// servicePort is the port of a Service: AsURL in types/vmcluster_types.go and
// ResolveServiceURL in types/vmextra_types.go, the defaults from
// factory/build/defaults.go.
func (c component) servicePort(zone Cluster, role serviceRole) string {
	port, settings := map[string]string{vmselect.name: "8481", vminsert.name: "8480", vmstorage.name: "8482"}[c.name], c.settings(zone.Spec)
	if role == roleBalancer {
		port, settings = "8427", balancer.settings(zone.Spec)
	}
	if own := text(settings, "port"); own != "" {
		port = own
	}
	if role != roleExtra && !flag(settings, "serviceSpec", "useAsDefault") {
		return port
	}
	ports, _ := member(settings, "serviceSpec", "spec", "ports").([]any)
	for _, p := range ports {
		if number, ok := integer(member(p, "port")); ok && text(p, "name") == "http" {
			return fmt.Sprint(number)
		}
	}
	return port
}

// staticHost is the host of a URL, taken apart.
type staticHost struct {
	// srv is "srv+" where vmauth is to look up SRV records (app/vmauth/auth_config.go).
	srv    string
	labels []string
	port   string
}

// parseHost takes the host of a URL apart, lower case and without the dot at its
// end. A host with what no DNS name has, such as a wildcard or a placeholder, is
// an error: nobody can tell where it leads.
func parseHost(u *url.URL) (staticHost, error) {
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	h := staticHost{port: u.Port()}
	if rest, found := strings.CutPrefix(name, "srv+"); found {
		h.srv, name = "srv+", rest
	}
	if name == "" {
		return staticHost{}, fmt.Errorf("it has no host")
	}
	if strings.ContainsAny(name, "*%{}$ ") {
		return staticHost{}, fmt.Errorf("host %q is no DNS name and no IP address", name)
	}
	h.labels = strings.Split(name, ".")
	return h, nil
}

// hostOf takes the host of a URL apart.
func hostOf(raw string) (staticHost, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return staticHost{}, err
	}
	return parseHost(u)
}

// serviceAt returns where in the host the name of one of the Services stands. It
// may be preceded by the labels of an SRV record and by one of a pod. A host that
// names no namespace is in the given one.
func (h staticHost) serviceAt(services map[string]serviceRole, zone Cluster, namespace string) (int, bool) {
	at := 0
	for at < len(h.labels)-1 && strings.HasPrefix(h.labels[at], "_") {
		at++
	}
	for ; at < len(h.labels); at++ {
		if _, found := services[h.labels[at]]; found && isInNamespace(h.labels[at+1:], zone.Namespace, namespace) {
			return at, true
		}
		if at > 0 && !strings.HasPrefix(h.labels[at-1], "_") {
			break
		}
	}
	return 0, false
}

// isInNamespace tells host, host.ns, host.ns.svc and host.ns.svc.<any domain>
// from what is no Service of the namespace.
func isInNamespace(rest []string, want, otherwise string) bool {
	switch len(rest) {
	case 0:
		return want == otherwise
	case 1:
		return rest[0] == want
	}
	return rest[0] == want && rest[1] == "svc"
}

// looksLikeCluster reports whether a host has the name of a Service of some
// VMCluster.
func (h staticHost) looksLikeCluster() bool {
	return slices.ContainsFunc(h.labels, func(label string) bool {
		for _, c := range []component{vmselect, vminsert, vmstorage, balancer} {
			if strings.HasPrefix(label, c.name+"-") || strings.HasPrefix(label, c.name+"internal-") ||
				strings.HasSuffix(label, "-"+c.name) || strings.HasSuffix(label, "-"+c.name+"-internal") {
				return true
			}
		}
		return false
	})
}

// staticRole returns the role of the Service of a zone's component that a URL
// leads to.
func staticRole(raw string, zone Cluster, c component, namespace string) (serviceRole, bool) {
	host, err := hostOf(raw)
	if err != nil {
		return 0, false
	}
	services := c.services(zone)
	at, found := host.serviceAt(services, zone, namespace)
	if !found {
		return 0, false
	}
	return services[host.labels[at]], true
}

// redirected returns a URL that leads to a zone's component with the host of
// another zone in its place, and nothing else changed. A pod's name becomes that
// of the Service, and the port follows where it was the zone's own and the other
// zone has another.
func redirected(raw string, from, to Cluster, c component, namespace string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", err
	}
	host, err := parseHost(u)
	if err != nil {
		return "", err
	}
	services := c.services(from)
	at, found := host.serviceAt(services, from, namespace)
	if !found {
		return "", fmt.Errorf("%s does not lead to VMCluster %s/%s", shown(raw), from.Namespace, from.Name)
	}
	role := services[host.labels[at]]
	name, newRole := c.serviceName(to, role)
	labels := slices.DeleteFunc(slices.Clone(host.labels[:at]), func(l string) bool { return !strings.HasPrefix(l, "_") })
	labels = append(labels, name)
	if rest := host.labels[at+1:]; len(rest) > 0 || to.Namespace != namespace {
		labels = append(labels, to.Namespace)
		labels = append(labels, rest[min(1, len(rest)):]...)
	}
	port := newPort(u, c.servicePort(from, role), c.servicePort(to, newRole))
	return withHost(raw, host.srv+strings.Join(labels, ".")+port), nil
}

// newPort returns the port of a redirected URL with its colon, "" for none.
func newPort(u *url.URL, from, to string) string {
	port := u.Port()
	implied := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	switch {
	case port == from || port == "" && implied == from:
		if to != implied || port != "" {
			return ":" + to
		}
		return ""
	case port == "":
		return ""
	}
	return ":" + port
}

// withHost replaces host and port of a URL and leaves every other byte.
func withHost(raw, host string) string {
	start := strings.Index(raw, "//") + len("//")
	end := len(raw)
	if i := strings.IndexAny(raw[start:], "/?#"); i >= 0 {
		end = start + i
	}
	if i := strings.LastIndex(raw[start:end], "@"); i >= 0 {
		start += i + 1
	}
	return raw[:start] + host + raw[end:]
}
