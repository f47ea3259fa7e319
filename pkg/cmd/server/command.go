// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package server is the command that runs the API server and its controller.
package server

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	apimachineryversion "k8s.io/apimachinery/pkg/util/version"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	basecompatibility "k8s.io/component-base/compatibility"
	"k8s.io/component-base/featuregate"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register"         // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/version" // kubernetes_build_info
	"k8s.io/component-base/term"
	baseversion "k8s.io/component-base/version"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/version"
)

const (
	commandName = "vmdistributed-apiserver"
	// component is our name in --feature-gates and --emulated-version.
	component = "vmdistributed"
)

// The feature gates of the Kubernetes libraries are global, and complete before
// the first command offers them as flags.
func init() { utilruntime.Must(logsapi.AddFeatureGates(utilfeature.DefaultMutableFeatureGate)) }

// NewCommand returns the command. It runs until ctx ends.
func NewCommand(ctx context.Context) *cobra.Command {
	components := basecompatibility.NewComponentGlobalsRegistry()
	registerComponents(components)
	o := newOptions(components)

	cmd := &cobra.Command{
		Use:   commandName,
		Short: "Serve VMDistributedClusters through the aggregation layer, and roll their changes out zone by zone",
		Long: `Serves the resource vmdistributedclusters of the group operator.victoriametrics.com
through the aggregation layer of Kubernetes, and rolls a change of a
VMDistributedCluster out over its VictoriaMetrics clusters, one zone at a time.
The same objects are served in the group distributed.victoriametrics.com, for
clusters where the first one is taken.

Before the first installation, "vmdistributed-apiserver preflight" tells which
manifests fit a cluster.`,
		Args:         cobra.NoArgs,
		Version:      version.Build(),
		SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := components.Set(); err != nil {
				return err
			}
			return logsapi.ValidateAndApply(o.Logs, utilfeature.DefaultFeatureGate)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(); err != nil {
				return err
			}
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	cmd.SetContext(ctx)

	sets := o.flags(commandName)
	for _, set := range sets.FlagSets {
		cmd.Flags().AddFlagSet(set)
	}
	columns, _, _ := term.TerminalSize(cmd.OutOrStdout())
	cliflag.SetUsageAndHelpFunc(cmd, sets, columns)
	return cmd
}

// registerComponents makes our version and that of the Kubernetes libraries
// known, the latter following the former.
func registerComponents(components basecompatibility.ComponentGlobalsRegistry) {
	_, _ = components.ComponentGlobalsOrRegister(component,
		basecompatibility.NewEffectiveVersionFromString(version.Current, "", ""),
		featuregate.NewVersionedFeatureGate(apimachineryversion.MustParse(version.Current)))
	_, _ = components.ComponentGlobalsOrRegister(basecompatibility.DefaultKubeComponent,
		basecompatibility.NewEffectiveVersionFromString(baseversion.DefaultKubeBinaryVersion, "", ""),
		utilfeature.DefaultMutableFeatureGate)
	if err := components.SetVersionMapping(component, basecompatibility.DefaultKubeComponent, version.Kubernetes); err != nil {
		utilruntime.Must(fmt.Errorf("mapping our version to that of Kubernetes: %w", err))
	}
}
