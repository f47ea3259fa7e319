// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/generated/clientset/versioned"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/dataplane"
)

const (
	namespace = "zones"
	token     = "reader-token"
)

// site is a server with two zones on the data plane, and a victoria-metrics that scrapes
// the server as artifacts/components/scrape has VMAgents do.
type site struct {
	t       *testing.T
	control *controlplane.ControlPlane
	server  *controlplane.Server
	plane   *dataplane.DataPlane
	objects dynamic.Interface
	own     versioned.Interface
	store   *store
	traces  *receiver
}

func newSite(t *testing.T) *site {
	t.Helper()
	// Programs make unix sockets below it, whose paths have a limit.
	dir, err := os.MkdirTemp("", "monitoring")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// All of the operator's definitions, for that of a VMRule.
	control, err := controlplane.Start(ctx, controlplane.Options{Dir: filepath.Join(dir, "control"), CRDs: controlplane.CRDsAll})
	must(t, err)
	t.Cleanup(func() { must(t, control.Stop()) })
	s := &site{t: t, control: control, traces: startReceiver(t)}
	s.plane, err = dataplane.Start(ctx, control.Config(), dataplane.Options{
		Dir: filepath.Join(dir, "plane"), BinDir: control.BinDir(), ReloadDelay: -1,
	})
	must(t, err)
	t.Cleanup(func() { must(t, s.plane.Stop()) })
	// Of a certificate that it makes by itself, the server tells when it ends.
	s.server, err = control.StartServer(ctx, controlplane.ServerOptions{
		Store: controlplane.StoreEmbedded, OwnCertificate: true, Env: s.plane.Proxy().Env(),
		Args: []string{"--tracing-config-file=" + s.traces.config(t, dir)},
	})
	must(t, err)
	s.objects, err = dynamic.NewForConfig(control.Config())
	must(t, err)
	s.own, err = versioned.NewForConfig(control.Config())
	must(t, err)
	client, err := kubernetes.NewForConfig(control.Config())
	must(t, err)
	_, err = client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	must(t, err)
	s.letScrape(ctx, client)
	s.store = startStore(t, filepath.Join(dir, "store"), "-promscrape.config="+s.scrapeConfig(dir))
	return s
}

const scraper = "scraper"

// letScrape gives the scraper the right that the documentation says.
func (s *site) letScrape(ctx context.Context, client kubernetes.Interface) {
	s.t.Helper()
	_, err := client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: scraper},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "vmdistributed-metrics-reader"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: scraper}},
	}, metav1.CreateOptions{})
	must(s.t, err)
}

// scrapeConfig is what a VMAgent makes of the VMServiceScrape, as far as it is about
// labels: those of the target are what the operator gives it.
func (s *site) scrapeConfig(dir string) string {
	s.t.Helper()
	config, err := s.server.ConfigFor(scraper)
	must(s.t, err)
	cert, key := filepath.Join(dir, "scraper.crt"), filepath.Join(dir, "scraper.key")
	must(s.t, os.WriteFile(cert, config.CertData, 0o600))
	must(s.t, os.WriteFile(key, config.KeyData, 0o600))
	var scrape struct {
		Spec struct {
			Endpoints []struct {
				Scheme, Path string
				HonorLabels  bool
			}
		}
	}
	raw, err := os.ReadFile(filepath.Join(root(s.t), "artifacts", "components", "scrape", "scrape.yaml"))
	must(s.t, err)
	must(s.t, yaml.Unmarshal(raw, &scrape))
	endpoint := scrape.Spec.Endpoints[0]
	text, err := yaml.Marshal(map[string]any{"scrape_configs": []any{map[string]any{
		"job_name": jobName, "scheme": endpoint.Scheme, "metrics_path": endpoint.Path, "honor_labels": endpoint.HonorLabels,
		"scrape_interval": "1s", "scrape_timeout": "1s",
		"tls_config": map[string]any{"cert_file": cert, "key_file": key, "insecure_skip_verify": true},
		"static_configs": []any{map[string]any{
			"targets": []string{strings.TrimPrefix(s.server.URL(), "https://")},
			"labels": map[string]string{
				"namespace": controlplane.ServerNamespace, "service": jobName, "pod": jobName + "-0", "endpoint": "https", "container": "server",
			},
		}},
	}}})
	must(s.t, err)
	path := filepath.Join(dir, "scrape.yaml")
	must(s.t, os.WriteFile(path, text, 0o600))
	return path
}

// furnish makes two zones, what writes to them and what reads from them.
func (s *site) furnish() {
	s.t.Helper()
	s.apply(0)
	remoteWrite := func(zone string) string {
		return fmt.Sprintf("{url: 'http://vminsert-%s.%s.svc:8480/insert/multitenant/prometheus/api/v1/write'}", zone, namespace)
	}
	s.create("VMAgent", "main", fmt.Sprintf(`{replicaCount: 1, selectAllByDefault: true, remoteWrite: [%s, %s],
		extraArgs: {remoteWrite.retryMaxInterval: 1s, remoteWrite.sendTimeout: 2s}}`, remoteWrite("zone-a"), remoteWrite("zone-b")))
	s.create("VMAuth", "main", `{replicaCount: 1, userSelector: {}}`)
	s.untilReady("demo")
	s.create("VMUser", "reader", fmt.Sprintf(`{bearerToken: %s, targetRefs: [
		{crd: {kind: VMCluster/vmselect, name: zone-a, namespace: %[2]s, objects: [{name: zone-b, namespace: %[2]s}]}}]}`, token, namespace))
	for _, object := range [][2]string{{"VMUser", "reader"}, {"VMAgent", "main"}} {
		until(s.t, object[1]+" is operational", func(ctx context.Context) (bool, string) {
			found, err := s.of(object[0]).Get(ctx, object[1], metav1.GetOptions{})
			if err != nil {
				return false, err.Error()
			}
			status, _, _ := unstructured.NestedString(found.Object, "status", "updateStatus")
			return status == "operational", status
		})
	}
	s.untilReady("demo")
	writer, err := dataplane.NewWriter(s.t.Context(), s.plane.AgentURLs(namespace, "main"), "written", 50)
	must(s.t, err)
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		must(s.t, writer.Stop(ctx))
	})
}

// apply writes the VMDistributedCluster, its zones in some version.
func (s *site) apply(version int) {
	s.t.Helper()
	zone := func(name string) string {
		return fmt.Sprintf("{name: %s, spec: {vmselect: {replicaCount: 1, extraArgs: {search.maxUniqueTimeseries: '%d'}}, vminsert: {}, vmstorage: {}}}", name, 100000+version)
	}
	s.applyObject("demo", fmt.Sprintf(`{vmagent: {name: main}, vmusers: [{name: reader}],
		strategy: {updatePause: 2s, readyTimeout: 10s, drain: {gracePeriod: 2s}, flush: {stableFor: 2s}},
		zones: {vmclusters: [%s, %s]}}`, zone("zone-a"), zone("zone-b")))
}

func (s *site) applyObject(name, spec string) {
	s.t.Helper()
	body := fmt.Sprintf("{apiVersion: operator.victoriametrics.com/v1alpha1, kind: VMDistributedCluster, metadata: {name: %s}, spec: %s}", name, spec)
	raw, err := yaml.YAMLToJSON([]byte(strings.ReplaceAll(body, "\t", " ")))
	must(s.t, err)
	force := true
	_, err = s.own.OperatorV1alpha1().VMDistributedClusters(namespace).Patch(s.t.Context(), name, types.ApplyPatchType, raw,
		metav1.PatchOptions{FieldManager: "monitoring-test", Force: &force, FieldValidation: metav1.FieldValidationStrict})
	must(s.t, err)
}

func (s *site) of(kind string) dynamic.ResourceInterface {
	return s.objects.Resource(schema.GroupVersionResource{
		Group: "operator.victoriametrics.com", Version: "v1beta1", Resource: strings.ToLower(kind) + "s",
	}).Namespace(namespace)
}

func (s *site) create(kind, name, spec string) {
	s.t.Helper()
	object := &unstructured.Unstructured{}
	must(s.t, yaml.Unmarshal([]byte(strings.ReplaceAll(fmt.Sprintf(
		"{apiVersion: operator.victoriametrics.com/v1beta1, kind: %s, metadata: {name: %s}, spec: %s}", kind, name, spec), "\t", " ")), &object.Object))
	_, err := s.of(kind).Create(s.t.Context(), object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	must(s.t, err)
}

// annotate sets an annotation of an object of the operator's, or takes it away.
func (s *site) annotate(kind, name, key string, value any) {
	s.t.Helper()
	raw, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: value}}})
	must(s.t, err)
	_, err = s.of(kind).Patch(s.t.Context(), name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: "monitoring-test"})
	must(s.t, err)
}

func (s *site) untilStatus(name, what string, is func(*v1alpha1.VMDistributedCluster) bool) {
	s.t.Helper()
	until(s.t, what, func(ctx context.Context) (bool, string) {
		object, err := s.own.OperatorV1alpha1().VMDistributedClusters(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		status, _ := json.Marshal(object.Status)
		return object.Status.ObservedGeneration == object.Generation && is(object), string(status)
	})
}

func (s *site) untilReady(name string) {
	s.t.Helper()
	s.untilStatus(name, name+" is complete", func(object *v1alpha1.VMDistributedCluster) bool {
		return meta.IsStatusConditionTrue(object.Status.Conditions, "Ready") && object.Status.UpdateStatus == "operational"
	})
}

func phaseOf(object *v1alpha1.VMDistributedCluster, zone string) v1alpha1.ZonePhase {
	for i := range object.Status.Zones {
		if object.Status.Zones[i].Name == zone {
			return object.Status.Zones[i].Phase
		}
	}
	return ""
}
