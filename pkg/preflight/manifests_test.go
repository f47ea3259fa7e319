// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCombine(t *testing.T) {
	const overlays, components = "artifacts/overlays/", "artifacts/components/"
	for name, tc := range map[string]struct {
		folders []string
		want    Manifests
		// apply are the folders that come to the same; by default, those that were named.
		apply []string
		fails string
	}{
		"nothing":                  {nil, Manifests{}, []string{"artifacts/base"}, ""},
		"base":                     {[]string{"artifacts/base/"}, Manifests{Overlay: Base}, []string{"artifacts/base"}, ""},
		"a store":                  {[]string{overlays + "external-etcd"}, Manifests{Overlay: Base, Store: ExternalEtcd}, nil, ""},
		"a store inside":           {[]string{overlays + "embedded-etcd"}, Manifests{Overlay: Base, Store: EmbeddedEtcd}, nil, ""},
		"a certificate":            {[]string{overlays + "cert-manager"}, Manifests{Overlay: Base, Certificate: CertManager}, nil, ""},
		"a store, a certificate":   {[]string{overlays + "external-etcd", components + "cert-manager"}, Manifests{Overlay: Base, Store: ExternalEtcd, Certificate: CertManager}, nil, ""},
		"the second group":         {[]string{overlays + "beside-the-operator"}, Manifests{Overlay: Beside}, nil, ""},
		"all of it":                {[]string{string(Beside), components + "external-etcd", components + "cert-manager"}, Manifests{Overlay: Beside, Store: ExternalEtcd, Certificate: CertManager}, nil, ""},
		"the second group on etcd": {[]string{string(Beside), components + "embedded-etcd"}, Manifests{Overlay: Beside, Store: EmbeddedEtcd}, nil, ""},
		"components alone":         {[]string{components + "beside-the-operator", "artifacts/base"}, Manifests{Overlay: Beside}, []string{string(Beside)}, ""},
		"the other way around":     {[]string{string(Beside), string(Base)}, Manifests{Overlay: Beside}, []string{string(Beside)}, ""},
		"a group that is open":     {[]string{components + "external-etcd"}, Manifests{Store: ExternalEtcd}, []string{overlays + "external-etcd"}, ""},
		"scraped":                  {[]string{"artifacts/base", components + "scrape"}, Manifests{Overlay: Base, Scrape: true}, nil, ""},
		"scraped by another name":  {[]string{"artifacts/base", components + "scrape", components + "cert-manager"}, Manifests{Overlay: Base, Certificate: CertManager, Scrape: true}, []string{overlays + "cert-manager", components + "scrape"}, ""},
		"scraped by its authority": {[]string{overlays + "cert-manager", components + "scrape"}, Manifests{Overlay: Base, Certificate: CertManager, Scrape: true}, nil, ""},
		"two stores":               {[]string{overlays + "embedded-etcd", components + "external-etcd"}, Manifests{}, nil, "leave one of them out"},
		"no folder of ours":        {[]string{"artifacts/samples"}, Manifests{}, nil, "artifacts/samples is unknown: use one of artifacts/base"},
	} {
		got, err := Combine(tc.folders)
		if tc.fails != "" {
			if err == nil || !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("%s: error %v, want %q", name, err, tc.fails)
			}
			continue
		}
		if err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, tc.want)
		}
		want := tc.apply
		if want == nil {
			want = tc.folders
		}
		if apply := got.decided(Base).Folders(); !slices.Equal(apply, want) {
			t.Errorf("%s: apply %v, want %v", name, apply, want)
		}
	}
}

// TestEveryFolderIsKnown by which somebody may install. What is only looked at beside it,
// such as rules and dashboards, is none of those.
func TestEveryFolderIsKnown(t *testing.T) {
	root := filepath.Join("..", "..")
	var paths []string
	for _, kind := range []string{"overlays", "components"} {
		found, err := filepath.Glob(filepath.Join(root, "artifacts", kind, "*", "kustomization.yaml"))
		must(t, err)
		paths = append(paths, found...)
	}
	there := []string{string(Base)}
	for _, path := range paths {
		folder, err := filepath.Rel(root, filepath.Dir(path))
		must(t, err)
		there = append(there, filepath.ToSlash(folder))
	}
	slices.Sort(there)
	if known := Folders(); !slices.Equal(there, known) {
		t.Errorf("there are %v, and known are %v", there, known)
	}
	_, err := os.Stat(filepath.Join(root, string(Base), "kustomization.yaml"))
	must(t, err)
}
