// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/cli/globalflag"
	componentbaseoptions "k8s.io/component-base/config/options"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/halt"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"
)

// withoutEffect are flags of the generic options that nothing in an aggregated
// server of one resource and one version reads, that count in versions of
// Kubernetes where the version is ours, or that leave no choice.
var withoutEffect = map[string]bool{
	"default-watch-cache-size":                    true,
	"emulation-forward-compatible":                true,
	"etcd-servers-overrides":                      true,
	"leader-elect-resource-lock":                  true, // there is one kind
	"leader-elect-resource-namespace":             true, // --namespace says it
	"lease-reuse-duration-seconds":                true,
	"runtime-config-emulation-forward-compatible": true,
	"show-hidden-metrics-for-version":             true,
	"storage-backend":                             true,
	"storage-media-type":                          true,
}

// flags returns all flags, in groups for --help.
func (o *options) flags(name string) cliflag.NamedFlagSets {
	var sets cliflag.NamedFlagSets
	add := func(group string, register func(*pflag.FlagSet)) {
		all := pflag.NewFlagSet(group, pflag.ContinueOnError)
		register(all)
		all.VisitAll(func(flag *pflag.Flag) {
			if !withoutEffect[flag.Name] {
				sets.FlagSet(group).AddFlag(flag)
			}
		})
	}
	add("generic", o.Run.AddUniversalFlags)
	add("storage", o.Storage.addFlags)
	add("etcd", o.Recommended.Etcd.AddFlags)
	add("secure serving", o.Recommended.SecureServing.AddFlags)
	add("secure serving", o.Certificates.addFlags)
	add("host cluster", o.Recommended.CoreAPI.AddFlags)
	add("host cluster", o.addNamespaceFlags)
	add("leader election", func(fs *pflag.FlagSet) { componentbaseoptions.BindLeaderElectionFlags(&o.Election, fs) })
	add("authentication", o.Recommended.Authentication.AddFlags)
	add("authorization", o.Recommended.Authorization.AddFlags)
	add("admission", o.Recommended.Admission.AddFlags)
	add("auditing", o.Recommended.Audit.AddFlags)
	add("features", o.Recommended.Features.AddFlags)
	add("egress selector", o.Recommended.EgressSelector.AddFlags)
	add("traces", o.Recommended.Traces.AddFlags)
	add("metrics", o.Metrics.AddFlags)
	add("logs", func(fs *pflag.FlagSet) { logsapi.AddFlags(o.Logs, fs) })
	globalflag.AddGlobalFlags(sets.FlagSet("global"), name, logs.SkipLoggingConfigurationFlags())
	return sets
}

func (o *options) addNamespaceFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Namespace, "namespace", o.Namespace,
		"Namespace, in the host cluster, of the server's own objects: the Lease by which an embedded etcd keeps a second one from serving the same "+
			"cluster, the Lease of the replica that runs the controller, the ConfigMap "+halt.Name+", which halts the controller for all objects while it is there, "+
			"the ConfigMap "+identity.ConfigMap+", which says which store the cluster knows, and the Secret --certificate-secret.")
	fs.StringVar(&o.Namespace, "lease-namespace", o.Namespace, "The same as --namespace.")
	_ = fs.MarkDeprecated("lease-namespace", "use --namespace") // there is such a flag
}
