// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	overlaysFolder   = "artifacts/overlays/"
	componentsFolder = "artifacts/components/"
)

// Store is where the server keeps objects.
type Store string

// The stores there are.
const (
	// Host keeps them as records in the cluster itself.
	Host Store = "host"
	// ExternalEtcd keeps them in an etcd that is there already.
	ExternalEtcd Store = "external-etcd"
	// EmbeddedEtcd keeps them in an etcd inside the server, on a volume.
	EmbeddedEtcd Store = "embedded-etcd"
)

// Certificate is where the certificate comes from that the server serves with.
type Certificate string

// The certificates there are.
const (
	// Own is made by the server itself.
	Own Certificate = "own"
	// CertManager is made by cert-manager.
	CertManager Certificate = "cert-manager"
)

// Manifests are folders of artifacts put together. What is at its zero value is still
// open.
type Manifests struct {
	// Overlay says in which group the kind is served.
	Overlay     Overlay     `json:"overlay"`
	Store       Store       `json:"store"`
	Certificate Certificate `json:"certificate"`
	// Scrape has VMAgents of the operator read the server's metrics.
	Scrape bool `json:"scrape,omitempty"`
	// WithoutMutatingPolicies is for hosts that have none yet.
	WithoutMutatingPolicies bool `json:"withoutMutatingPolicies,omitempty"`
}

// withoutPlugins are the admission plugins that they turn off.
func (m Manifests) withoutPlugins() []string {
	if m.WithoutMutatingPolicies {
		return []string{pluginMutating}
	}
	return nil
}

// folders are those of artifacts, with what each says.
func folders() map[string]Manifests {
	all := map[string]Manifests{
		string(Base): {Overlay: Base}, componentsFolder + "scrape": {Scrape: true}, withoutMutating: {WithoutMutatingPolicies: true},
	}
	for name, says := range map[string]Manifests{
		"beside-the-operator": {Overlay: Beside}, "external-etcd": {Store: ExternalEtcd},
		"embedded-etcd": {Store: EmbeddedEtcd}, "cert-manager": {Certificate: CertManager},
	} {
		all[componentsFolder+name] = says
		// An overlay is the base with this component.
		says.Overlay = cmp.Or(says.Overlay, Base)
		all[overlaysFolder+name] = says
	}
	return all
}

// Folders are all that Combine knows, in order.
func Folders() []string { return slices.Sorted(maps.Keys(folders())) }

// Combine puts together what a kustomization takes. The second group goes before the
// first, since its component makes its own APIService of the first one's.
func Combine(names []string) (Manifests, error) {
	var all Manifests
	for _, name := range names {
		one, known := folders()[strings.TrimSuffix(name, "/")]
		if !known {
			return Manifests{}, fmt.Errorf("%s is unknown: use one of %s", name, strings.Join(Folders(), ", "))
		}
		if all.Store != "" && one.Store != "" && all.Store != one.Store {
			return Manifests{}, fmt.Errorf("%s puts objects elsewhere than what is named before it, %s: leave one of them out", name, all.Store)
		}
		if all.Overlay != Beside {
			all.Overlay = cmp.Or(one.Overlay, all.Overlay)
		}
		all.Store, all.Certificate = cmp.Or(all.Store, one.Store), cmp.Or(all.Certificate, one.Certificate)
		all.Scrape, all.WithoutMutatingPolicies = all.Scrape || one.Scrape, all.WithoutMutatingPolicies || one.WithoutMutatingPolicies
	}
	return all, nil
}

// decided are the manifests with nothing open, where one overlay fits or none is known to.
func (m Manifests) decided(recommended Overlay) Manifests {
	return Manifests{
		Overlay: cmp.Or(m.Overlay, recommended, Base), Store: cmp.Or(m.Store, Host), Certificate: cmp.Or(m.Certificate, Own),
		Scrape: m.Scrape, WithoutMutatingPolicies: m.WithoutMutatingPolicies,
	}
}

// Folders are the fewest of which they can be put together: the base, or an overlay,
// which is the base with one component, and the components beside it.
func (m Manifests) Folders() []string {
	base, components := string(Base), []string(nil)
	if m.Overlay == Beside {
		components = append(components, "beside-the-operator")
	}
	if m.Store != Host {
		components = append(components, string(m.Store))
	}
	if m.Certificate != Own {
		components = append(components, string(m.Certificate))
	}
	if len(components) > 0 {
		base, components = overlaysFolder+components[0], components[1:]
	}
	if m.Scrape {
		components = append(components, "scrape")
	}
	all := []string{base}
	for _, component := range components {
		all = append(all, componentsFolder+component)
	}
	if m.WithoutMutatingPolicies {
		all = append(all, withoutMutating)
	}
	return all
}

// String says what they are in words.
func (m Manifests) String() string {
	store := map[Store]string{
		Host: "objects in the cluster itself", ExternalEtcd: "objects in an etcd of yours", EmbeddedEtcd: "objects in an embedded etcd",
	}[m.Store]
	certificate := map[Certificate]string{Own: "a certificate of its own", CertManager: "a certificate of cert-manager"}[m.Certificate]
	what := []string{store, certificate}
	if m.Scrape {
		what = append(what, "metrics for VMAgents")
	}
	if m.WithoutMutatingPolicies {
		what = append(what, "no mutating policies")
	}
	return fmt.Sprintf("%s (%s)", strings.Join(m.Folders(), ", "), strings.Join(what, ", "))
}
