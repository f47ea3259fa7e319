// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package uninstall is the command that takes the server out of a cluster.
package uninstall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/uninstall"
)

// What is printed.
const (
	asText = "text"
	asJSON = "json"
)

// Refused is returned, and has been told, where something stands against it.
type Refused struct{}

// Error says so.
func (Refused) Error() string { return "something stands against it" }

// ExitCode is that of the process.
func (Refused) ExitCode() int { return 1 }

type options struct {
	kubeconfig, context string
	namespace           string
	output              string
	timeout             time.Duration
	dryRun              bool
	wanted              uninstall.Options
}

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	o := &options{namespace: "vmdistributed-system", output: asText, timeout: 5 * time.Minute}
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Take the server out of a cluster, in the right order, and leave everything else as it is",
		Long: `Takes the server out of a cluster: what the aggregator asks first, then what runs
the server, then everything else that the manifests and the server have made. No
VMCluster, VMUser or VMAgent is changed. The VMDistributedClusters are kept where
they are stored, and are there again when the server is installed again;
--delete-store has them go too.

It looks first, and refuses in the middle of a rollout: a zone whose reads were
taken away would never get them back. What only has a name of ours and is somebody
else's is left alone. A run that has failed halfway is gone on with by another one.

It is run by whoever has applied the manifests, from where kubectl is. A server
that runs outside of the cluster has to be ended by hand; this waits for it.

Exit status:
  0  done, or there is nothing to do
  1  refused: something stands against it
  2  the cluster did not do what was asked, or the command line is wrong`,
		Example: `  vmdistributed-apiserver uninstall --dry-run
  vmdistributed-apiserver uninstall`,
		Args: cobra.NoArgs,
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
	flags.StringVarP(&o.namespace, "namespace", "n", o.namespace, "Namespace of the server.")
	flags.StringVarP(&o.output, "output", "o", o.output, "What to print: text, a line for each step; or json, in the end, with all that was found.")
	flags.BoolVar(&o.dryRun, "dry-run", false, "Say what would be done, and do nothing.")
	flags.BoolVar(&o.wanted.DeleteStore, "delete-store", false, "Delete the VMDistributedClusters too: their records with the definition of these, the volume of an embedded etcd, "+
		"and the memory of which store it was. No VMCluster is deleted. An etcd of yours is left alone.")
	flags.BoolVar(&o.wanted.AbandonRollouts, "abandon-rollouts", false, "Do it in the middle of rollouts too. Reads that were taken from a zone stay away until somebody gives them back by hand.")
	flags.DurationVar(&o.timeout, "timeout", o.timeout, "How long to wait, each time something has to be waited for.")
	return cmd
}

func (o *options) validate() error {
	if formats := []string{asText, asJSON}; !slices.Contains(formats, o.output) {
		return fmt.Errorf("--output=%s is unknown: use one of %s", o.output, strings.Join(formats, ", "))
	}
	if o.namespace == "" {
		return errors.New("--namespace is empty: name the namespace of the server")
	}
	if o.timeout <= 0 {
		return fmt.Errorf("--timeout=%v is no time to wait", o.timeout)
	}
	return nil
}

// report is what is printed as JSON.
type report struct {
	Plan  uninstall.Plan     `json:"plan"`
	Found uninstall.Observed `json:"found"`
	// Done are the steps that were taken.
	Done []uninstall.Step `json:"done,omitempty"`
	// Error says why the others were not.
	Error string `json:"error,omitempty"`
}

func (o *options) run(ctx context.Context, out, errOut io.Writer) error {
	config, err := o.config()
	if err != nil {
		return err
	}
	cluster, err := uninstall.NewCluster(config, o.namespace)
	if err != nil {
		return err
	}
	r := &report{}
	if r.Found, err = cluster.Gather(ctx); err != nil {
		return err
	}
	r.Plan = uninstall.Decide(r.Found, o.wanted)
	switch {
	case len(r.Plan.Refused) > 0:
		err = Refused{}
	case !o.dryRun:
		err = o.carry(ctx, cluster, r, out, errOut)
	}
	if told := o.tell(out, r, err); told != nil {
		return told
	}
	if stopped := (*uninstall.Stopped)(nil); errors.As(err, &stopped) {
		_, _ = fmt.Fprintln(errOut, "refused ", stopped)
		return Refused{}
	}
	return err
}

// carry does it, with a line for each step: where JSON is wanted, for whoever watches.
func (o *options) carry(ctx context.Context, cluster *uninstall.Cluster, r *report, out, errOut io.Writer) error {
	lines := out
	if o.output == asJSON {
		lines = errOut
	}
	carrier := uninstall.Carrier{
		Cluster: cluster, Patience: o.timeout,
		Done: func(step uninstall.Step) {
			r.Done = append(r.Done, step)
			_, _ = io.WriteString(lines, step.DoneText())
		},
		Waiting: func(what string) { _, _ = fmt.Fprintf(errOut, "waiting: %s\n", what) },
	}
	return carrier.Carry(ctx, r.Plan)
}

// tell says what has come of it.
func (o *options) tell(out io.Writer, r *report, failed error) error {
	if o.output == asJSON {
		if failed != nil {
			r.Error = failed.Error()
		}
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	said := r.Plan.KeptText()
	switch {
	case len(r.Plan.Refused) > 0 || o.dryRun && len(r.Plan.Steps) > 0:
		said = r.Plan.Text()
	case failed != nil:
		said = ""
	case len(r.Plan.Steps) == 0:
		said += "there is nothing to take away\n"
	}
	_, err := io.WriteString(out, said)
	return err
}

func (o *options) config() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.context}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("finding out which cluster to look at: %w", err)
	}
	// It reads some sixty objects, one by one.
	config.QPS, config.Burst = 100, 200
	// It lists whatever may be in a namespace; that some of it is deprecated is no news.
	config.WarningHandlerWithContext = rest.NoWarnings{}
	return config, nil
}
