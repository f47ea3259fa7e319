// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package preflight is the command that tells which of the manifests fit a cluster.
package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/preflight"
)

// patience is how long a cluster may take to answer everything.
const patience = time.Minute

// What is printed.
const (
	asText    = "text"
	asJSON    = "json"
	asOverlay = "overlay"
)

// NotReady is returned, and has been told, where something is blocking.
type NotReady struct{}

// Error says so.
func (NotReady) Error() string { return "something is blocking" }

// ExitCode is that of the process.
func (NotReady) ExitCode() int { return 1 }

type options struct {
	kubeconfig, context string
	namespace           string
	output              string
	overlays            []string
	manifests           preflight.Manifests
	withoutPlugins      []string
}

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	o := &options{namespace: "vmdistributed-system", output: asText}
	cmd := &cobra.Command{
		Use:   "preflight",
		Short: "Tell which of the manifests fit a cluster, why, and what stands against them",
		Long: `Tells which of the manifests fit a cluster, why, and what stands against them,
before anything is installed. It changes nothing: it gets and lists, and asks the
cluster what somebody may do by reviews that are not stored.

Exit status:
  0  nothing stands against the overlay that --overlay names, or that fits
  1  something does: what is blocking has to be mended first
  2  the cluster could not be asked, or the command line is wrong`,
		Example: `  kubectl apply -k "$(vmdistributed-apiserver preflight -o overlay)"`,
		Args:    cobra.NoArgs,
		// What is wrong is told in a line.
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "Kubeconfig file of the cluster. By default, what KUBECONFIG names, ~/.kube/config, or the cluster that this runs in.")
	flags.StringVar(&o.context, "context", "", "Context in the kubeconfig file. By default, the current one.")
	flags.StringVarP(&o.namespace, "namespace", "n", o.namespace, "Namespace in which the server is to run.")
	flags.StringVarP(&o.output, "output", "o", o.output, "What to print: text; json, with all that was found; or overlay, its path alone (several lines where it takes several).")
	flags.StringSliceVar(&o.overlays, "overlay", nil, fmt.Sprintf("The overlay or component to judge, one of %s. Several are judged together, as one kustomization. Where none "+
		"says in which group the kind is served, and by default, it is the group that fits.", strings.Join(preflight.Folders(), ", ")))
	flags.StringSliceVar(&o.withoutPlugins, "disable-admission-plugins", nil, "Admission plugins that the server will run without, as its flag of this name says.")
	return cmd
}

func (o *options) validate() (err error) {
	if formats := []string{asText, asJSON, asOverlay}; !slices.Contains(formats, o.output) {
		return fmt.Errorf("--output=%s is unknown: use one of %s", o.output, strings.Join(formats, ", "))
	}
	if o.manifests, err = preflight.Combine(o.overlays); err != nil {
		return fmt.Errorf("--overlay: %w", err)
	}
	if o.namespace == "" {
		return fmt.Errorf("--namespace is empty: name the namespace in which the server is to run")
	}
	return nil
}

func (o *options) run(ctx context.Context, out, errOut io.Writer) error {
	config, err := o.config()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	plan := preflight.Plan{Manifests: o.manifests, WithoutPlugins: o.withoutPlugins}
	facts, err := preflight.Gather(ctx, config, o.namespace, plan)
	if err != nil {
		return err
	}
	verdict := preflight.Judge(facts, plan)
	if err := o.print(out, errOut, facts, verdict); err != nil {
		return err
	}
	if !verdict.Ready {
		return NotReady{}
	}
	return nil
}

func (o *options) config() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding out which cluster to look at: %w", err)
	}
	// It asks about a hundred rights, one by one.
	config.QPS, config.Burst = 100, 200
	return config, nil
}

func (o *options) print(out, errOut io.Writer, facts preflight.Facts, verdict preflight.Verdict) error {
	switch o.output {
	case asJSON:
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(struct {
			Verdict preflight.Verdict `json:"verdict"`
			Facts   preflight.Facts   `json:"facts"`
			// Rights are those that were asked about.
			Rights preflight.Rights `json:"rights"`
		}{verdict, facts, verdict.Rights(o.namespace)})
	case asOverlay:
		// The path is for another program; why it is not ready is for people.
		if !verdict.Ready {
			_, err := io.WriteString(errOut, verdict.Text(facts))
			return err
		}
		_, err := fmt.Fprintln(out, strings.Join(verdict.Apply, "\n"))
		return err
	}
	_, err := io.WriteString(out, verdict.Text(facts))
	return err
}
