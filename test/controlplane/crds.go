// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"
)

// CRDSet selects custom resource definitions of the operator.
type CRDSet string

const (
	// CRDsAll is the default: all but those in the group and version that the
	// project's own API takes (see docs: VMDistributed and VLDistributed).
	CRDsAll CRDSet = "all"
	// CRDsFull are all that the operator brings, VMDistributed and VLDistributed too.
	CRDsFull CRDSet = "full"
	// CRDsUsed are those that the project reads or writes, which start sooner.
	CRDsUsed CRDSet = "used"
	// CRDsNone leaves the group without any.
	CRDsNone CRDSet = "none"
)

const (
	operatorModule = "github.com/VictoriaMetrics/operator"
	operatorGroup  = "operator.victoriametrics.com"
	// fieldManager owns what the launcher applies.
	fieldManager = "controlplane"
)

func (s CRDSet) check() error {
	switch s {
	case CRDsAll, CRDsFull, CRDsUsed, CRDsNone:
		return nil
	}
	return fmt.Errorf("set %q of custom resource definitions is unknown: use %s, %s, %s or %s", s, CRDsAll, CRDsFull, CRDsUsed, CRDsNone)
}

// wants tells whether a definition, by its plural, belongs to the set.
func (s CRDSet) wants(plural string) bool {
	switch s {
	case CRDsFull:
		return true
	case CRDsAll:
		return plural != "vmdistributed" && plural != "vldistributed"
	case CRDsUsed:
		return slices.Contains([]string{
			"vmagents", "vmauths", "vmclusters", "vmservicescrapes", "vmsingles", "vmusers",
		}, plural)
	}
	return false
}

// manifest is one object as it was read, to be applied as it is.
type manifest struct {
	name string
	raw  []byte
}

// applyCRDs applies the selected definitions and returns when the API server
// serves them.
func (c *ControlPlane) applyCRDs(ctx context.Context) error {
	if c.options.CRDs == CRDsNone {
		return nil
	}
	begun := time.Now()
	definitions, err := readCRDs(ctx, c.layout, c.options.CRDs.wants)
	if err != nil {
		return err
	}
	client, err := apiextensions.NewForConfig(c.Config())
	if err != nil {
		return err
	}
	if c.sameAsBefore(ctx, client, definitions) {
		c.launcher.progress.say("%d custom resource definitions of the operator: served", len(definitions))
		return nil
	}
	if err := applyAll(ctx, client, definitions); err != nil {
		return err
	}
	if err := c.waitServed(ctx, client, definitions); err != nil {
		return err
	}
	if err := writeFile(c.appliedMark(), []byte(digest(definitions))); err != nil {
		return err
	}
	c.launcher.progress.say("%d custom resource definitions of the operator: served after %.1fs", len(definitions), time.Since(begun).Seconds())
	return nil
}

// appliedMark is a file with the digest of the definitions applied last.
func (c *ControlPlane) appliedMark() string { return c.layout.data("crds.sha256") }

// sameAsBefore tells whether an earlier start applied these very definitions and
// they are still served: applying them again is what takes longest in an "up"
// that has nothing to do.
func (c *ControlPlane) sameAsBefore(ctx context.Context, client apiextensions.Interface, definitions []manifest) bool {
	mark, err := os.ReadFile(c.appliedMark())
	if err != nil || string(mark) != digest(definitions) {
		return false
	}
	for _, definition := range definitions {
		if notServed(ctx, client, definition.name) != "" {
			return false
		}
	}
	return true
}

func digest(definitions []manifest) string {
	h := sha256.New()
	for _, definition := range definitions {
		h.Write(definition.raw)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// OperatorCRD returns the operator's custom resource definition of a plural, for
// tests that need it and no control plane.
func OperatorCRD(ctx context.Context, plural string) (*apiextensionsv1.CustomResourceDefinition, error) {
	root, err := FindRoot()
	if err != nil {
		return nil, err
	}
	found, err := readCRDs(ctx, layout{root: root}, func(name string) bool { return name == plural })
	if err != nil {
		return nil, err
	}
	definition := &apiextensionsv1.CustomResourceDefinition{}
	return definition, yaml.Unmarshal(found[0].raw, definition)
}

// readCRDs reads the definitions from the operator's module. The file is 9 MB
// of YAML, so only the head of each document is parsed here.
func readCRDs(ctx context.Context, l layout, wants func(plural string) bool) ([]manifest, error) {
	module, err := moduleDir(ctx, l.tools("operator"), operatorModule)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(module, "config", "crd", "overlay", "crd.yaml")
	all, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var wanted []manifest
	for document := range bytes.SplitSeq(all, []byte("\n---\n")) {
		head, _, _ := bytes.Cut(document, []byte("\nspec:\n"))
		var object metav1.PartialObjectMetadata
		if err := yaml.Unmarshal(head, &object); err != nil {
			return nil, fmt.Errorf("reading the head of a document of %s: %w", path, err)
		}
		plural, ours := strings.CutSuffix(object.Name, "."+operatorGroup)
		if ours && wants(plural) {
			wanted = append(wanted, manifest{name: object.Name, raw: document})
		}
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("%s holds none of the wanted custom resource definitions of group %s", path, operatorGroup)
	}
	return wanted, nil
}

// applyAll applies the definitions server-side, the largest first, two at a
// time: the API server is what is slow, and more at once make it slower.
func applyAll(ctx context.Context, client apiextensions.Interface, definitions []manifest) error {
	largestFirst := slices.SortedFunc(slices.Values(definitions), func(a, b manifest) int { return len(b.raw) - len(a.raw) })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for _, definition := range largestFirst {
		group.Go(func() error { return applyCRD(ctx, client, definition) })
	}
	return group.Wait()
}

func applyCRD(ctx context.Context, client apiextensions.Interface, definition manifest) error {
	force := true
	_, err := client.ApiextensionsV1().CustomResourceDefinitions().Patch(ctx, definition.name, types.ApplyYAMLPatchType,
		definition.raw, metav1.PatchOptions{FieldManager: fieldManager, Force: &force})
	if err != nil {
		return fmt.Errorf("applying custom resource definition %s: %w", definition.name, err)
	}
	return nil
}

// waitServed waits until all definitions are established and listed by
// discovery, which comes a moment later and is what clients look at.
func (c *ControlPlane) waitServed(ctx context.Context, client apiextensions.Interface, definitions []manifest) error {
	missing := map[string]string{}
	for _, definition := range definitions {
		missing[definition.name] = "not seen yet"
	}
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, c.options.Patience, true, func(ctx context.Context) (bool, error) {
		for name := range missing {
			if why := notServed(ctx, client, name); why != "" {
				missing[name] = why
				return false, nil
			}
			delete(missing, name)
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the custom resource definitions to be served, still missing %v: %w", missing, err)
	}
	return nil
}

// notServed says why the API server does not serve a definition yet.
func notServed(ctx context.Context, client apiextensions.Interface, name string) string {
	crd, err := client.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return err.Error()
	}
	established := slices.ContainsFunc(crd.Status.Conditions, func(condition apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue
	})
	if !established {
		return "not established"
	}
	for _, version := range crd.Spec.Versions {
		groupVersion := crd.Spec.Group + "/" + version.Name
		resources, err := client.Discovery().ServerResourcesForGroupVersion(groupVersion)
		if err != nil {
			return err.Error()
		}
		listed := slices.ContainsFunc(resources.APIResources, func(r metav1.APIResource) bool { return r.Name == crd.Spec.Names.Plural })
		if version.Served && !listed {
			return "not in the discovery of " + groupVersion
		}
	}
	return ""
}
