// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/registry/generic"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/storage/value"
	certutil "k8s.io/client-go/util/cert"
	basecompatibility "k8s.io/component-base/compatibility"
	logsapi "k8s.io/component-base/logs/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/apiserver"
)

// outcome is what has become of a command line.
type outcome struct {
	*options
	*apiserver.Config
}

// encrypts tells whether what is stored is more than what was given.
func (o outcome) encrypts(t *testing.T) bool {
	t.Helper()
	stored, err := o.storage(t).StorageConfig.Transformer.TransformToStorage(t.Context(), []byte("{}"), value.DefaultContext("key"))
	if err != nil {
		t.Fatal(err)
	}
	return string(stored) != "{}"
}

func (o outcome) storage(t *testing.T) generic.RESTOptions {
	t.Helper()
	options, err := o.GenericConfig.RESTOptionsGetter.GetRESTOptions(v1alpha1.Resource(vmdistributed.Resource), &v1alpha1.VMDistributedCluster{})
	if err != nil {
		t.Fatal(err)
	}
	return options
}

// reach says where the value of a flag arrives: in the configuration of the
// server or, where that keeps it behind an interface, in the options from which
// the libraries make that.
type reach func(t *testing.T, o outcome) any

// dir stands for a directory in the values below.
const dir = "DIR"

// effect is a value of a flag, and where it arrives.
type effect struct {
	value  string
	beside []string
	reach  reach
}

// effects has every flag, with a value other than its default. A value may need
// other flags beside it.
var effects = map[string]effect{
	"advertise-address":              {"192.0.2.1", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.PublicAddress.String() }},
	"cors-allowed-origins":           {"//example\\.com$", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.CorsAllowedOriginList }},
	"emulated-version":               {"vmdistributed=0.0", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.EffectiveVersion.EmulationVersion().String() }},
	"external-hostname":              {"example.com", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.ExternalAddress }},
	"feature-gates":                  {"vmdistributed:AllAlpha=true", nil, func(_ *testing.T, o outcome) any { return o.components.FeatureGateFor(component).Enabled("AllAlpha") }},
	"goaway-chance":                  {"0.01", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.GoawayChance }},
	"livez-grace-period":             {"3s", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.LivezGracePeriod }},
	"max-mutating-requests-inflight": {"7", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.MaxMutatingRequestsInFlight }},
	"max-requests-inflight":          {"7", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.MaxRequestsInFlight }},
	"min-compatibility-version": {"vmdistributed=0.1", nil, func(_ *testing.T, o outcome) any {
		return o.GenericConfig.EffectiveVersion.MinCompatibilityVersion().String()
	}},
	"min-request-timeout":                     {"7", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.MinRequestTimeout }},
	"request-timeout":                         {"7s", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.RequestTimeout }},
	"shutdown-delay-duration":                 {"7s", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.ShutdownDelayDuration }},
	"shutdown-send-retry-after":               {"true", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.ShutdownSendRetryAfter }},
	"shutdown-watch-termination-grace-period": {"7s", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.ShutdownWatchTerminationGracePeriod }},
	"storage-initialization-timeout":          {"7s", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.StorageInitializationTimeout }},
	"strict-transport-security-directives":    {"max-age=7", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.HSTSDirectives }},

	"storage":         {"host", nil, func(_ *testing.T, o outcome) any { return fmt.Sprintf("%T", o.GenericConfig.RESTOptionsGetter) }},
	"data-dir":        {dir, nil, func(_ *testing.T, o outcome) any { return o.Storage.DataDir }},
	"unsafe-no-fsync": {"true", nil, func(_ *testing.T, o outcome) any { return o.Storage.UnsafeNoFsync }},

	"delete-collection-workers":                   {"7", nil, func(t *testing.T, o outcome) any { return o.storage(t).DeleteCollectionWorkers }},
	"enable-garbage-collector":                    {"false", nil, func(t *testing.T, o outcome) any { return o.storage(t).EnableGarbageCollection }},
	"encryption-provider-config":                  {dir + "/encryption.yaml", nil, func(t *testing.T, o outcome) any { return o.encrypts(t) }},
	"encryption-provider-config-automatic-reload": {"true", []string{"--encryption-provider-config=" + dir + "/encryption.yaml"}, func(_ *testing.T, o outcome) any { return o.Recommended.Etcd.EncryptionProviderConfigAutomaticReload }},
	"etcd-cafile":                                 {dir + "/x", nil, func(t *testing.T, o outcome) any { return o.storage(t).StorageConfig.Transport.TrustedCAFile }},
	"etcd-certfile":                               {dir + "/x", nil, func(t *testing.T, o outcome) any { return o.storage(t).StorageConfig.Transport.CertFile }},
	"etcd-compaction-interval":                    {"7m", nil, func(t *testing.T, o outcome) any { return o.storage(t).StorageConfig.CompactionInterval }},
	"etcd-count-metric-poll-period":               {"7m", nil, func(t *testing.T, o outcome) any { return o.storage(t).CountMetricPollPeriod }},
	"etcd-db-metric-poll-interval":                {"7m", nil, func(t *testing.T, o outcome) any { return o.storage(t).StorageConfig.DBMetricPollInterval }},
	"etcd-healthcheck-timeout":                    {"7s", nil, func(t *testing.T, o outcome) any { return o.storage(t).StorageConfig.HealthcheckTimeout }},
	"etcd-keyfile":                                {dir + "/x", nil, func(t *testing.T, o outcome) any { return o.storage(t).StorageConfig.Transport.KeyFile }},
	"etcd-prefix":                                 {"/elsewhere", nil, func(t *testing.T, o outcome) any { return o.storage(t).StorageConfig.Prefix }},
	"etcd-readycheck-timeout":                     {"7s", nil, func(t *testing.T, o outcome) any { return o.storage(t).StorageConfig.ReadycheckTimeout }},
	"etcd-servers":                                {"http://127.0.0.1:2", nil, func(t *testing.T, o outcome) any { return o.storage(t).StorageConfig.Transport.ServerList }},
	"watch-cache":                                 {"false", nil, func(t *testing.T, o outcome) any { return reflect.ValueOf(o.storage(t).Decorator).Pointer() }},
	"watch-cache-sizes":                           {"vmdistributedclusters.operator.victoriametrics.com#0", nil, func(t *testing.T, o outcome) any { return reflect.ValueOf(o.storage(t).Decorator).Pointer() }},

	"bind-address": {"127.0.0.2", nil, func(_ *testing.T, o outcome) any {
		return o.GenericConfig.SecureServing.Listener.Addr().(*net.TCPAddr).IP.String()
	}},
	"cert-dir":                         {dir + "/certs", []string{"--tls-cert-file=", "--tls-private-key-file="}, func(t *testing.T, _ outcome) any { return len(glob(t, "certs/*.crt")) }},
	"disable-http2-serving":            {"true", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.SecureServing.DisableHTTP2 }},
	"http2-max-streams-per-connection": {"7", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.SecureServing.HTTP2MaxStreamsPerConnection }},
	"permit-address-sharing":           {"true", nil, func(_ *testing.T, o outcome) any { return o.Recommended.SecureServing.PermitAddressSharing }},
	"permit-port-sharing":              {"true", nil, func(_ *testing.T, o outcome) any { return o.Recommended.SecureServing.PermitPortSharing }},
	"secure-port": {freePort(), nil, func(_ *testing.T, o outcome) any {
		return o.GenericConfig.SecureServing.Listener.Addr().(*net.TCPAddr).Port
	}},
	"tls-cert-file":         {dir + "/other.crt", []string{"--tls-private-key-file=" + dir + "/tls.key"}, func(_ *testing.T, o outcome) any { return o.GenericConfig.SecureServing.Cert.Name() }},
	"tls-cipher-suites":     {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.SecureServing.CipherSuites }},
	"tls-curve-preferences": {"29", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.SecureServing.CurvePreferences }},
	"tls-min-version":       {"VersionTLS13", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.SecureServing.MinTLSVersion }},
	"tls-private-key-file":  {dir + "/other.key", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.SecureServing.Cert.Name() }},
	"tls-sni-cert-key":      {dir + "/tls.crt," + dir + "/tls.key", nil, func(_ *testing.T, o outcome) any { return len(o.GenericConfig.SecureServing.SNICerts) }},

	"certificate-secret":   {"other", ownCertificate, func(_ *testing.T, o outcome) any { return o.GenericConfig.SecureServing.Cert.Name() }},
	"service-name":         {"other", ownCertificate, func(_ *testing.T, o outcome) any { return o.keeperOptions() }},
	"certificate-lifetime": {"7m", ownCertificate, func(_ *testing.T, o outcome) any { return o.keeperOptions() }},

	"namespace": {"elsewhere", nil, func(_ *testing.T, o outcome) any { return o.Namespace }},
	// What it was called before.
	"lease-namespace": {"elsewhere", nil, func(_ *testing.T, o outcome) any { return o.Namespace }},

	"leader-elect":                {"false", nil, func(_ *testing.T, o outcome) any { return len(o.ExtraConfig.Live) }},
	"leader-elect-lease-duration": {"17s", nil, func(_ *testing.T, o outcome) any { return o.Election.LeaseDuration }},
	"leader-elect-renew-deadline": {"7s", nil, func(_ *testing.T, o outcome) any { return o.Election.RenewDeadline }},
	"leader-elect-retry-period":   {"3s", nil, func(_ *testing.T, o outcome) any { return o.Election.RetryPeriod }},
	"leader-elect-resource-name":  {"other", nil, func(_ *testing.T, o outcome) any { return o.Election.ResourceName }},

	"kubeconfig": {dir + "/other.kubeconfig", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.ClientConfig.Host }},

	"authentication-kubeconfig":              {dir + "/other.kubeconfig", nil, func(_ *testing.T, o outcome) any { return o.Recommended.Authentication.RemoteKubeConfigFile }},
	"authentication-skip-lookup":             {"false", []string{"--authentication-tolerate-lookup-failure"}, func(_ *testing.T, o outcome) any { return o.Recommended.Authentication.SkipInClusterLookup }},
	"authentication-token-webhook-cache-ttl": {"7s", nil, func(_ *testing.T, o outcome) any { return o.Recommended.Authentication.CacheTTL }},
	"authentication-tolerate-lookup-failure": {"true", nil, func(_ *testing.T, o outcome) any { return o.Recommended.Authentication.TolerateInClusterLookupFailure }},
	"client-ca-file":                         {dir + "/tls.crt", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.SecureServing.ClientCA != nil }},
	"requestheader-client-ca-file":           {dir + "/tls.crt", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.Authentication.RequestHeaderConfig != nil }},
	"requestheader-allowed-names": {"a", headerCA, func(_ *testing.T, o outcome) any {
		return o.GenericConfig.Authentication.RequestHeaderConfig.AllowedClientNames.Value()
	}},
	"requestheader-extra-headers-prefix": {"X-A", headerCA, func(_ *testing.T, o outcome) any {
		return o.GenericConfig.Authentication.RequestHeaderConfig.ExtraHeaderPrefixes.Value()
	}},
	"requestheader-group-headers": {"X-A", headerCA, func(_ *testing.T, o outcome) any {
		return o.GenericConfig.Authentication.RequestHeaderConfig.GroupHeaders.Value()
	}},
	"requestheader-uid-headers": {"X-Remote-Uid", headerCA, func(_ *testing.T, o outcome) any {
		return o.GenericConfig.Authentication.RequestHeaderConfig.UIDHeaders.Value()
	}},
	"requestheader-username-headers": {"X-A", headerCA, func(_ *testing.T, o outcome) any {
		return o.GenericConfig.Authentication.RequestHeaderConfig.UsernameHeaders.Value()
	}},

	"authorization-always-allow-paths":             {"/a", nil, func(_ *testing.T, o outcome) any { return o.Recommended.Authorization.AlwaysAllowPaths }},
	"authorization-kubeconfig":                     {dir + "/other.kubeconfig", nil, func(_ *testing.T, o outcome) any { return o.Recommended.Authorization.RemoteKubeConfigFile }},
	"authorization-webhook-cache-authorized-ttl":   {"7s", nil, func(_ *testing.T, o outcome) any { return o.Recommended.Authorization.AllowCacheTTL }},
	"authorization-webhook-cache-unauthorized-ttl": {"7s", nil, func(_ *testing.T, o outcome) any { return o.Recommended.Authorization.DenyCacheTTL }},

	"admission-control-config-file": {dir + "/admission.yaml", nil, func(_ *testing.T, o outcome) any { return o.Recommended.Admission.ConfigFile }},
	"disable-admission-plugins":     {"NamespaceLifecycle", nil, func(_ *testing.T, o outcome) any { return o.Recommended.Admission.DisablePlugins }},
	"enable-admission-plugins":      {"NamespaceLifecycle", nil, func(_ *testing.T, o outcome) any { return o.Recommended.Admission.EnablePlugins }},

	"audit-policy-file": {dir + "/audit.yaml", []string{"--audit-log-path=" + dir + "/audit.log"}, func(_ *testing.T, o outcome) any { return o.GenericConfig.AuditPolicyRuleEvaluator != nil }},
	"audit-log-path":    {dir + "/audit.log", audit, func(_ *testing.T, o outcome) any { return o.GenericConfig.AuditBackend != nil }},

	"contention-profiling":         {"true", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.EnableContentionProfiling }},
	"debug-socket-path":            {dir + "/debug", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.DebugSocketPath }},
	"enable-priority-and-fairness": {"false", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.FlowControl != nil }},
	"profiling":                    {"false", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.EnableProfiling }},

	"egress-selector-config-file": {dir + "/egress.yaml", nil, func(_ *testing.T, o outcome) any { return o.GenericConfig.EgressSelector != nil }},
	"tracing-config-file":         {dir + "/tracing.yaml", nil, func(_ *testing.T, o outcome) any { return fmt.Sprintf("%T", o.GenericConfig.TracerProvider) }},

	"allow-metric-labels":          {"a,b=c", nil, func(_ *testing.T, o outcome) any { return o.Metrics.AllowListMapping }},
	"allow-metric-labels-manifest": {dir + "/labels.yaml", nil, func(_ *testing.T, o outcome) any { return o.Metrics.AllowListMappingManifest }},
	"disabled-metrics":             {"a", nil, func(_ *testing.T, o outcome) any { return o.Metrics.DisabledMetrics }},

	"log-flush-frequency":       {"7s", nil, func(_ *testing.T, o outcome) any { return o.Logs.FlushFrequency }},
	"log-json-info-buffer-size": {"7Ki", nil, func(_ *testing.T, o outcome) any { return o.Logs.Options.JSON.InfoBufferSize.String() }},
	"log-json-split-stream":     {"true", nil, func(_ *testing.T, o outcome) any { return o.Logs.Options.JSON.SplitStream }},
	"log-text-info-buffer-size": {"7Ki", nil, func(_ *testing.T, o outcome) any { return o.Logs.Options.Text.InfoBufferSize.String() }},
	"log-text-split-stream":     {"true", nil, func(_ *testing.T, o outcome) any { return o.Logs.Options.Text.SplitStream }},
	"logging-format":            {"json", nil, logFormat},
	"v":                         {"7", nil, func(_ *testing.T, o outcome) any { return o.Logs.Verbosity }},
	"vmodule":                   {"a=7", nil, func(_ *testing.T, o outcome) any { return o.Logs.VModule }},
}

// logFormat makes sure that there is a choice: a format that nothing has registered
// can be named and is refused.
func logFormat(t *testing.T, o outcome) any {
	t.Helper()
	if errs := logsapi.Validate(o.Logs, nil, nil); len(errs) > 0 {
		t.Error(errs)
	}
	return o.Logs.Format
}

var (
	headerCA = []string{"--requestheader-client-ca-file=" + dir + "/tls.crt"}
	// What the user brings takes the place of what the server makes.
	ownCertificate = []string{"--tls-cert-file=", "--tls-private-key-file="}

	audit = []string{"--audit-policy-file=" + dir + "/audit.yaml"}
)

// init adds what both backends of audit have.
func init() {
	for name, of := range map[string]struct {
		beside   []string
		batch    func(*options) *genericoptions.AuditBatchOptions
		truncate func(*options) *genericoptions.AuditTruncateOptions
		version  func(*options) string
	}{
		"log": {
			append([]string{"--audit-log-path=" + dir + "/audit.log"}, audit...),
			func(o *options) *genericoptions.AuditBatchOptions {
				return &o.Recommended.Audit.LogOptions.BatchOptions
			},
			func(o *options) *genericoptions.AuditTruncateOptions {
				return &o.Recommended.Audit.LogOptions.TruncateOptions
			},
			func(o *options) string { return o.Recommended.Audit.LogOptions.GroupVersionString },
		},
		"webhook": {
			append([]string{"--audit-webhook-config-file=" + dir + "/kubeconfig"}, audit...),
			func(o *options) *genericoptions.AuditBatchOptions {
				return &o.Recommended.Audit.WebhookOptions.BatchOptions
			},
			func(o *options) *genericoptions.AuditTruncateOptions {
				return &o.Recommended.Audit.WebhookOptions.TruncateOptions
			},
			func(o *options) string { return o.Recommended.Audit.WebhookOptions.GroupVersionString },
		},
	} {
		add := func(flag, value string, get func(*options) any) {
			effects["audit-"+name+"-"+flag] = effect{value, of.beside, func(_ *testing.T, o outcome) any { return get(o.options) }}
		}
		add("mode", "blocking-strict", func(o *options) any { return of.batch(o).Mode })
		add("batch-buffer-size", "7777", func(o *options) any { return of.batch(o).BatchConfig.BufferSize })
		add("batch-max-size", "7", func(o *options) any { return of.batch(o).BatchConfig.MaxBatchSize })
		add("batch-max-wait", "7s", func(o *options) any { return of.batch(o).BatchConfig.MaxBatchWait })
		add("batch-throttle-enable", map[string]string{"log": "true", "webhook": "false"}[name], func(o *options) any { return of.batch(o).BatchConfig.ThrottleEnable })
		add("batch-throttle-qps", "7", func(o *options) any { return of.batch(o).BatchConfig.ThrottleQPS })
		add("batch-throttle-burst", "7", func(o *options) any { return of.batch(o).BatchConfig.ThrottleBurst })
		add("truncate-enabled", "true", func(o *options) any { return of.truncate(o).Enabled })
		add("truncate-max-batch-size", "777777", func(o *options) any { return of.truncate(o).TruncateConfig.MaxBatchSize })
		add("truncate-max-event-size", "7777", func(o *options) any { return of.truncate(o).TruncateConfig.MaxEventSize })
		add("version", "audit.k8s.io/v1", func(o *options) any { return of.version(o) })
	}
	log := func(flag, value string, get func(*options) any) {
		effects["audit-log-"+flag] = effect{value, effects["audit-log-mode"].beside, func(_ *testing.T, o outcome) any { return get(o.options) }}
	}
	log("compress", "true", func(o *options) any { return o.Recommended.Audit.LogOptions.Compress })
	log("format", "legacy", func(o *options) any { return o.Recommended.Audit.LogOptions.Format })
	log("maxage", "7", func(o *options) any { return o.Recommended.Audit.LogOptions.MaxAge })
	log("maxbackup", "7", func(o *options) any { return o.Recommended.Audit.LogOptions.MaxBackups })
	log("maxsize", "7", func(o *options) any { return o.Recommended.Audit.LogOptions.MaxSize })
	effects["audit-webhook-config-file"] = effect{dir + "/kubeconfig", audit, func(_ *testing.T, o outcome) any { return o.GenericConfig.AuditBackend != nil }}
	effects["audit-webhook-initial-backoff"] = effect{"7s", effects["audit-webhook-mode"].beside, func(_ *testing.T, o outcome) any { return o.Recommended.Audit.WebhookOptions.InitialBackoff }}
}

// oneValue are flags that take no second value yet.
var oneValue = sets.New("audit-log-version", "audit-webhook-version")

// scratch replaces dir in values.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "flags"); err == nil {
		err = writeFiles()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}

// writeFiles writes what the flags above name.
func writeFiles() error {
	kubeconfig := func(port int) string {
		return fmt.Sprintf("{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a}}], clusters: [{name: a, cluster: {server: 'http://127.0.0.1:%d'}}]}", port)
	}
	contents := map[string]string{
		"kubeconfig":       kubeconfig(1),
		"other.kubeconfig": kubeconfig(2),
		"audit.yaml":       "{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: Metadata}]}",
		"admission.yaml":   "{apiVersion: apiserver.config.k8s.io/v1, kind: AdmissionConfiguration, plugins: []}",
		"egress.yaml":      "{apiVersion: apiserver.k8s.io/v1beta1, kind: EgressSelectorConfiguration, egressSelections: [{name: cluster, connection: {proxyProtocol: Direct}}]}",
		"tracing.yaml":     "{apiVersion: apiserver.config.k8s.io/v1, kind: TracingConfiguration, samplingRatePerMillion: 1}",
		"labels.yaml":      "\"a,b\": c\n",
		"encryption.yaml": "{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: " +
			"[{resources: [vmdistributedclusters.operator.victoriametrics.com], providers: [{secretbox: {keys: [{name: one, secret: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=}]}}]}]}", // no secret of anybody
	}
	for _, host := range []string{"tls", "other"} {
		cert, key, err := certutil.GenerateSelfSignedCertKey(host, nil, nil)
		if err != nil {
			return err
		}
		if host == "other" { // so that certificates and keys fit, however they are combined
			cert, key = []byte(contents["tls.crt"]), []byte(contents["tls.key"])
		}
		contents[host+".crt"], contents[host+".key"] = string(cert), string(key)
	}
	for name, content := range contents {
		raw := []byte(content)
		if strings.HasPrefix(content, "{") { // the libraries would take it for JSON
			var err error
			if raw, err = yaml.YAMLToJSON(raw); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(scratch, name), raw, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func freePort() string {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close() //nolint:errcheck // it was only for the number
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// build does with a command line what the command does before it serves.
func build(t *testing.T, args ...string) outcome {
	t.Helper()
	components := basecompatibility.NewComponentGlobalsRegistry()
	registerComponents(components)
	o := newOptions(components)
	all := offered(o)
	line := append([]string{
		"--kubeconfig=" + dir + "/kubeconfig", "--authentication-skip-lookup",
		"--bind-address=127.0.0.1", "--secure-port=" + freePort(),
		"--tls-cert-file=" + dir + "/tls.crt", "--tls-private-key-file=" + dir + "/tls.key",
	}, args...)
	if !slices.Contains(args, "--storage=host") {
		line = append(line, "--etcd-servers=http://127.0.0.1:1")
	}
	for i := range line {
		line[i] = strings.ReplaceAll(line[i], dir, scratch)
	}
	if err := all.Parse(line); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(components.Set(), o.complete(), o.validate()); err != nil {
		t.Fatal(err)
	}
	made, err := o.assemble(t.Context(), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.config.GenericConfig.SecureServing.Listener.Close() })
	return outcome{o, made.config}
}

// offered returns all flags, without those that only tell something.
func offered(o *options) *pflag.FlagSet {
	all := pflag.NewFlagSet("all", pflag.ContinueOnError)
	for group, set := range o.flags("test").FlagSets {
		if group != "global" {
			all.AddFlagSet(set)
		}
	}
	return all
}

// TestACertificateIsBroughtOrMade: both is refused, and neither is a choice.
func TestACertificateIsBroughtOrMade(t *testing.T) {
	brought := []string{"--tls-cert-file=a", "--tls-private-key-file=b"}
	for name, c := range map[string]struct {
		args    []string
		makes   bool
		refused []string
	}{
		"made":                      {nil, true, nil},
		"made elsewhere":            {[]string{"--certificate-secret=x"}, true, nil},
		"brought":                   {brought, false, nil},
		"brought, and nothing made": {append(brought, "--certificate-secret="), false, nil},
		"neither":                   {[]string{"--certificate-secret="}, false, nil},
		"in a directory":            {[]string{"--cert-dir=x"}, false, nil},
		"both":                      {append(brought, "--certificate-secret=x"), false, []string{"--certificate-secret", "--tls-cert-file"}},
		"both, in a directory":      {[]string{"--cert-dir=x", "--certificate-secret=x"}, false, []string{"--certificate-secret", "--cert-dir"}},
		"for too short":             {[]string{"--certificate-lifetime=1s"}, true, []string{"--certificate-lifetime", "12s"}},
		"for no Service":            {[]string{"--service-name="}, true, []string{"--service-name", "Service"}},
	} {
		t.Run(name, func(t *testing.T) {
			components := basecompatibility.NewComponentGlobalsRegistry()
			registerComponents(components)
			o := newOptions(components)
			if err := offered(o).Parse(c.args); err != nil {
				t.Fatal(err)
			}
			if o.makesCertificates() != c.makes {
				t.Errorf("makes one: %t", !c.makes)
			}
			err := o.validateCertificates()
			if (err != nil) != (c.refused != nil) {
				t.Fatalf("got %v", err)
			}
			for _, part := range c.refused {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v does not tell of %s", err, part)
				}
			}
		})
	}
}

// TestFlagsOfTheStoreAreChecked, those of the libraries included, before anything is
// started.
func TestFlagsOfTheStoreAreChecked(t *testing.T) {
	for line, refused := range map[string]string{
		"":                                  "",
		"--storage=host":                    "",
		"--etcd-servers=http://127.0.0.1:1": "",
		"--storage=elsewhere":               "--storage=elsewhere",
		"--data-dir=":                       "--data-dir",
		"--storage=host --etcd-servers=a":   "--etcd-servers",
		"--encryption-provider-config-automatic-reload": "--encryption-provider-config",
	} {
		t.Run(line, func(t *testing.T) {
			components := basecompatibility.NewComponentGlobalsRegistry()
			registerComponents(components)
			o := newOptions(components)
			if err := offered(o).Parse(strings.Fields(line)); err != nil {
				t.Fatal(err)
			}
			err := errors.Join(o.validateStorage()...)
			if (err != nil) != (refused != "") || err != nil && !strings.Contains(err.Error(), refused) {
				t.Errorf("got %v, want %q", err, refused)
			}
		})
	}
}

// TestEveryFlagIsKnownHere, and the other way round.
func TestEveryFlagIsKnownHere(t *testing.T) {
	components := basecompatibility.NewComponentGlobalsRegistry()
	registerComponents(components)
	all := offered(newOptions(components))
	all.VisitAll(func(flag *pflag.Flag) {
		if _, known := effects[flag.Name]; !known && flag.Deprecated == "" {
			t.Errorf("--%s is offered: say in effects what it does", flag.Name)
		}
	})
	for name := range effects {
		if all.Lookup(name) == nil {
			t.Errorf("--%s is not offered", name)
		}
	}
	for name := range withoutEffect {
		if all.Lookup(name) != nil {
			t.Errorf("--%s is offered, and does nothing", name)
		}
	}
}

// TestEveryFlagReachesTheConfiguration builds the server's configuration without
// and with each flag.
func TestEveryFlagReachesTheConfiguration(t *testing.T) {
	bases := map[string]outcome{}
	for name, effect := range effects {
		beside := strings.Join(effect.beside, " ")
		if _, built := bases[beside]; !built {
			bases[beside] = build(t, effect.beside...)
		}
		t.Run(name, func(t *testing.T) {
			before := fmt.Sprintf("%+v", effect.reach(t, bases[beside]))
			with := build(t, append(slices.Clone(effect.beside), "--"+name+"="+effect.value)...)
			after := fmt.Sprintf("%+v", effect.reach(t, with))
			if before == after && !oneValue.Has(name) {
				t.Errorf("--%s=%s leaves %s as it is", name, effect.value, before)
			}
		})
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(scratch, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return found
}
