// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package definition

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/rawjson"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/clusterschema"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/override"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// lookUp returns a VMCluster, nil where there is none.
type lookUp func(ctx context.Context, namespace, name string) (*unstructured.Unstructured, error)

// change is a zone of which a request changes what its VMCluster is to be.
type change struct {
	cluster string
	inline  bool
	// text is the spec of an inline zone or the override of another; before is what
	// stands there now, nil where the zone is new or was of the other sort.
	text, before *rawjson.Object
	path         *field.Path
}

// changes leaves out zones that say what they have said before.
func changes(object, old *vmdistributed.VMDistributedCluster) []change {
	stored := old.ZonesByCluster()
	path := field.NewPath("spec", "zones", "vmclusters")
	var found []change
	for i := range object.Spec.Zones.VMClusters {
		zone := &object.Spec.Zones.VMClusters[i]
		c := change{cluster: zone.ClusterName(), inline: zone.Ref == nil, text: zone.Text(), path: path.Index(i).Child("spec")}
		if !c.inline {
			c.path = path.Index(i).Child("overrideSpec")
		}
		if before := stored[c.cluster]; before != nil && (before.Ref == nil) == c.inline {
			c.before = before.Text()
		}
		if c.text == nil || c.before != nil && bytes.Equal(c.text.Raw, c.before.Raw) {
			continue
		}
		found = append(found, c)
	}
	return found
}

// zones checks all of them, as many at a time as there are processors: it is most of what
// the answer to a request waits for. What is found is in the order of the zones.
func (c *check) zones(ctx context.Context, changed []change) error {
	each := make([]check, len(changed))
	panics := make([]string, len(changed))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range changed {
		each[i] = check{schema: c.schema, live: c.live, namespace: c.namespace}
		group.Go(func() error {
			// The server answers 500 to a request that panics; outside of its goroutine it
			// would end.
			defer func() {
				if reason := recover(); reason != nil {
					panics[i] = fmt.Sprintf("checking %s: %v\n%s", changed[i].path, reason, debug.Stack())
				}
			}()
			return each[i].zone(ctx, &changed[i])
		})
	}
	err := group.Wait()
	for i := range each {
		if panics[i] != "" {
			panic(panics[i])
		}
		c.errs, c.unknown = append(c.errs, each[i].errs...), append(c.unknown, each[i].unknown...)
	}
	return err
}

// zone checks one zone.
func (c *check) zone(ctx context.Context, changed *change) error {
	wanted, err := changed.text.Decode()
	if err != nil {
		return fmt.Errorf("decoding %s: %w", changed.path, err)
	}
	before, err := changed.before.Decode()
	if err != nil {
		return fmt.Errorf("decoding what %s was: %w", changed.path, err)
	}
	c.noteUnknown(changed.path, wanted, before)
	live, err := c.live(ctx, c.namespace, changed.cluster)
	if err != nil {
		return fmt.Errorf("looking up VMCluster %s/%s: %w", c.namespace, changed.cluster, err)
	}
	if changed.inline {
		c.inline(ctx, changed, wanted, before, live)
	} else {
		c.referenced(ctx, changed, wanted, before, live)
	}
	return nil
}

// noteUnknown notes the unknown fields that were not there before.
func (c *check) noteUnknown(path *field.Path, wanted, before map[string]any) {
	var known []string
	if before != nil {
		known = c.schema.Unknown(before, path)
	}
	for _, name := range c.schema.Unknown(wanted, path) {
		if !slices.Contains(known, name) {
			c.unknown = append(c.unknown, fmt.Errorf("unknown field %q", name))
		}
	}
}

// inline holds a definition against the one before or, for one that is new,
// against what runs under its name: manifests that are applied once more after a
// loss are no news to a VMCluster that is there.
func (c *check) inline(ctx context.Context, changed *change, wanted, before map[string]any, live *unstructured.Unstructured) {
	if before == nil && live != nil {
		before, _, _ = unstructured.NestedMap(live.Object, "spec")
	}
	cluster := clusterschema.Cluster{Namespace: c.namespace, Name: changed.cluster, Spec: wanted}
	c.errs = append(c.errs, c.schema.Validate(ctx, cluster, before, changed.path)...)
}

// referenced holds what an override makes of a VMCluster against what the one
// before makes of it. Where there is no VMCluster, or its own definition can't be
// told, the patch is all that can be checked; the rollout says what is the matter.
func (c *check) referenced(ctx context.Context, changed *change, wanted, before map[string]any, live *unstructured.Unstructured) {
	if live == nil {
		c.errs = append(c.errs, c.schema.ValidatePatch(wanted, changed.path)...)
		return
	}
	own, err := victoriametrics.OwnDefinition(live)
	if err != nil {
		c.errs = append(c.errs, c.schema.ValidatePatch(wanted, changed.path)...)
		return
	}
	cluster := clusterschema.Cluster{Namespace: c.namespace, Name: changed.cluster, Spec: override.Apply(own, wanted)}
	c.errs = append(c.errs, c.schema.Validate(ctx, cluster, override.Apply(own, before), changed.path)...)
}
