// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/version"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

const (
	name = "vmdistributed-apiserver"
	user = 65532
)

// forAll checks every build.
func forAll(t *testing.T, check func(t *testing.T, b build, w workload)) {
	t.Helper()
	for _, b := range shared.builds {
		t.Run(b.name, func(t *testing.T) { check(t, b, workloadOf(t, b)) })
	}
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestThereAreTwoReplicasApart, but where the store is for one process.
func TestThereAreTwoReplicasApart(t *testing.T) {
	forAll(t, func(t *testing.T, b build, w workload) {
		budgets, spec := all[policyv1.PodDisruptionBudget](t, b, "PodDisruptionBudget"), w.template.Spec
		if _, embedded := w.argument(t, "data-dir"); embedded {
			expect(t, "kind", w.kind, "StatefulSet")
			expect(t, "replicas", w.replicas, 1)
			expect(t, "budgets", len(budgets), 0)
			expect(t, "affinity", spec.Affinity, nil)
			return
		}
		expect(t, "kind", w.kind, "Deployment")
		expect(t, "replicas", w.replicas, 2)
		expect(t, "budgets", len(budgets), 1)
		expect(t, "budget", budgets[0].Spec.MaxUnavailable.String(), "1")
		selects(t, w, budgets[0].Spec.Selector)
		expect(t, "required terms", len(spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution), 0)
		term := spec.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution[0].PodAffinityTerm
		expect(t, "apart by", term.TopologyKey, corev1.LabelHostname)
		selects(t, w, term.LabelSelector)
		spread := spec.TopologySpreadConstraints[0]
		expect(t, "spread over", spread.TopologyKey, corev1.LabelTopologyZone)
		expect(t, "if it can't be", spread.WhenUnsatisfiable, corev1.ScheduleAnyway)
		selects(t, w, spread.LabelSelector)
	})
}

// selects fails unless the selector is for the pods.
func selects(t *testing.T, w workload, selector *metav1.LabelSelector) {
	t.Helper()
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	must(t, err)
	if compiled.Empty() || !compiled.Matches(labels.Set(w.template.Labels)) {
		t.Errorf("%s does not select pods labelled %v", compiled, w.template.Labels)
	}
}

// TestPodsHaveNoPrivileges that a server does not need.
func TestPodsHaveNoPrivileges(t *testing.T) {
	forAll(t, func(t *testing.T, _ build, w workload) {
		pod, container := w.template.Spec.SecurityContext, w.container(t).SecurityContext
		expect(t, "runAsNonRoot", ptr.Deref(pod.RunAsNonRoot, false), true)
		expect(t, "runAsUser", ptr.Deref(pod.RunAsUser, 0), user)
		expect(t, "runAsGroup", ptr.Deref(pod.RunAsGroup, 0), user)
		expect(t, "fsGroup", ptr.Deref(pod.FSGroup, 0), user)
		expect(t, "seccomp", pod.SeccompProfile.Type, corev1.SeccompProfileTypeRuntimeDefault)
		expect(t, "read-only root", ptr.Deref(container.ReadOnlyRootFilesystem, false), true)
		expect(t, "escalation", ptr.Deref(container.AllowPrivilegeEscalation, true), false)
		expect(t, "capabilities taken", slices.Equal(container.Capabilities.Drop, []corev1.Capability{"ALL"}), true)
		expect(t, "capabilities given", len(container.Capabilities.Add), 0)
		expect(t, "network of the host", w.template.Spec.HostNetwork, false)
		for _, key := range []string{"enforce", "audit", "warn"} {
			namespace := one[corev1.Namespace](t, named(t, "base"), "Namespace")
			expect(t, key, namespace.Labels["pod-security.kubernetes.io/"+key], "restricted")
		}
	})
}

// TestPodsAreScheduledAsWhatTheyAre: with room, and before what is less important.
func TestPodsAreScheduledAsWhatTheyAre(t *testing.T) {
	forAll(t, func(t *testing.T, b build, w workload) {
		resources := w.container(t).Resources
		expect(t, "CPU requested", resources.Requests.Cpu().IsZero(), false)
		expect(t, "memory requested", resources.Requests.Memory().IsZero(), false)
		expect(t, "memory limited", resources.Limits.Memory().Cmp(*resources.Requests.Memory()) >= 0, true)
		expect(t, "CPU limited", !resources.Limits.Cpu().IsZero(), false)
		class := one[schedulingv1.PriorityClass](t, b, "PriorityClass")
		expect(t, "priority class", w.template.Spec.PriorityClassName, class.Name)
		expect(t, "global default", class.GlobalDefault, false)
		account := one[corev1.ServiceAccount](t, b, "ServiceAccount")
		expect(t, "account", w.template.Spec.ServiceAccountName, account.Name)
		expect(t, "account of the rights", controlplane.ServerUser, "system:serviceaccount:"+account.Namespace+":"+account.Name)
		for _, schema := range all[flowcontrolv1.FlowSchema](t, b, "FlowSchema") {
			subject := schema.Spec.Rules[0].Subjects[0].ServiceAccount
			expect(t, schema.Name, subject.Namespace+"/"+subject.Name, account.Namespace+"/"+account.Name)
		}
	})
}

// TestProbesAndEndFitTheServer: they ask where it answers, and it has the time that it takes.
func TestProbesAndEndFitTheServer(t *testing.T) {
	forAll(t, func(t *testing.T, _ build, w workload) {
		container := w.container(t)
		for path, probe := range map[string]*corev1.Probe{"/livez": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
			asked, _, _ := strings.Cut(probe.HTTPGet.Path, "?")
			expect(t, "path", asked, path)
		}
		// What says that it has started is what says later that it lives.
		expect(t, "path of the start", container.StartupProbe.HTTPGet.Path, container.LivenessProbe.HTTPGet.Path)
		atLeast := timeForTheStart(t, w)
		if granted := time.Duration(container.StartupProbe.PeriodSeconds*container.StartupProbe.FailureThreshold) * time.Second; granted < atLeast {
			t.Errorf("%v are granted for the start, %v needed", granted, atLeast)
		}
		for _, probe := range []*corev1.Probe{container.StartupProbe, container.LivenessProbe, container.ReadinessProbe} {
			expect(t, "scheme", probe.HTTPGet.Scheme, corev1.URISchemeHTTPS)
			expect(t, "port", probe.HTTPGet.Port.String(), "https")
		}
		flag, _ := w.argument(t, "shutdown-delay-duration")
		delay, err := time.ParseDuration(flag)
		must(t, err)
		// --request-timeout and --shutdown-watch-termination-grace-period have their defaults.
		needed := delay + time.Minute + 5*time.Second
		granted := time.Duration(ptr.Deref(w.template.Spec.TerminationGracePeriodSeconds, 30)) * time.Second
		if delay == 0 || granted < needed {
			t.Errorf("%v are granted, %v needed", granted, needed)
		}
	})
}

// timeForTheStart is what a start may take: a minute to share the certificate of another
// replica, and what the store takes.
func timeForTheStart(t *testing.T, w workload) time.Duration {
	t.Helper()
	const certificate = time.Minute
	if _, named := w.argument(t, "etcd-servers"); named {
		// The server waits for 5 minutes itself, and says which member does not answer.
		return certificate + 5*time.Minute + 20*time.Second
	}
	if _, embedded := w.argument(t, "data-dir"); embedded {
		// A store of 2 GB on a slow disk, and half a minute for one that ran elsewhere.
		return certificate + 10*time.Minute + 30*time.Second
	}
	return certificate + 30*time.Second
}

// TestEtcdThatIsAwayRestartsNobody: no restart brings it back.
func TestEtcdThatIsAwayRestartsNobody(t *testing.T) {
	forAll(t, func(t *testing.T, _ build, w workload) {
		_, named := w.argument(t, "etcd-servers")
		container := w.container(t)
		expect(t, "liveness without etcd", strings.HasSuffix(container.LivenessProbe.HTTPGet.Path, "?exclude=etcd"), named)
		expect(t, "readiness without etcd", strings.Contains(container.ReadinessProbe.HTTPGet.Path, "exclude"), false)
	})
}

// TestRequestsFindTheServer from the APIService to the port.
func TestRequestsFindTheServer(t *testing.T) {
	forAll(t, func(t *testing.T, b build, w workload) {
		selects(t, w, &metav1.LabelSelector{MatchLabels: w.selector})
		service := one[corev1.Service](t, b, "Service")
		selects(t, w, &metav1.LabelSelector{MatchLabels: service.Spec.Selector})
		policy := one[networkingv1.NetworkPolicy](t, b, "NetworkPolicy")
		selects(t, w, &policy.Spec.PodSelector)
		port := w.container(t).Ports[0]
		expect(t, "port of the Service", service.Spec.Ports[0].TargetPort.String(), port.Name)
		expect(t, "port that is let in", policy.Spec.Ingress[0].Ports[0].Port.String(), port.Name)
		listened, _ := w.argument(t, "secure-port")
		expect(t, "port", listened, "8443")
		expect(t, "port of the container", port.ContainerPort, 8443)
		api := one[apiregistrationv1.APIService](t, b, "APIService")
		expect(t, "Service", api.Spec.Service.Namespace+"/"+api.Spec.Service.Name, service.Namespace+"/"+service.Name)
		expect(t, "port by which it is called", ptr.Deref(api.Spec.Service.Port, 0), service.Spec.Ports[0].Port)
		if api.Spec.Group == "operator.victoriametrics.com" {
			expect(t, "label", api.Labels["kube-aggregator.kubernetes.io/automanaged"], "false")
		}
	})
}

// TestAPIServicesAreOfOneGroup: the second one where the first is taken.
func TestAPIServicesAreOfOneGroup(t *testing.T) {
	for build, group := range map[string]string{
		"base": "operator.victoriametrics.com", "external-etcd": "operator.victoriametrics.com",
		"beside-the-operator": "distributed.victoriametrics.com",
	} {
		expect(t, build, one[apiregistrationv1.APIService](t, named(t, build), "APIService").Spec.Group, group)
	}
}

// TestEverythingMountedIsThere: volumes have their mounts, and files that arguments name lie in them.
func TestEverythingMountedIsThere(t *testing.T) {
	forAll(t, func(t *testing.T, _ build, w workload) {
		volumes := slices.Clone(w.claims)
		for _, volume := range w.template.Spec.Volumes {
			volumes = append(volumes, volume.Name)
		}
		container := w.container(t)
		expect(t, "mounts", len(container.VolumeMounts), len(volumes))
		for _, mount := range container.VolumeMounts {
			expect(t, mount.Name, slices.Contains(volumes, mount.Name), true)
		}
		for _, arg := range container.Args {
			_, value, _ := strings.Cut(arg, "=")
			if !strings.HasPrefix(value, "/") {
				continue
			}
			expect(t, arg, slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool {
				return strings.HasPrefix(value, m.MountPath+"/")
			}), true)
		}
	})
}

// TestServerKnowsItsPod, which is what it stands for election by.
func TestServerKnowsItsPod(t *testing.T) {
	forAll(t, func(t *testing.T, _ build, w workload) {
		for _, variable := range w.container(t).Env {
			if variable.Name == "POD_NAME" {
				expect(t, variable.Name, variable.ValueFrom.FieldRef.FieldPath, "metadata.name")
				return
			}
		}
		t.Error("there is no POD_NAME")
	})
}

// TestEveryObjectIsLabelled by the labels that Kubernetes recommends, of which none selects
// but the first.
func TestEveryObjectIsLabelled(t *testing.T) {
	forAll(t, func(t *testing.T, b build, w workload) {
		want := map[string]string{
			"app.kubernetes.io/name": name, "app.kubernetes.io/component": "apiserver",
			"app.kubernetes.io/part-of": "vmdistributed", "app.kubernetes.io/version": version.Current,
		}
		for _, object := range b.objects {
			for label, value := range want {
				expect(t, object.GetKind()+" "+object.GetName()+": "+label, object.GetLabels()[label], value)
			}
		}
		delete(want, "app.kubernetes.io/version") // which the image says, and a claim may never change
		expect(t, "labels of pods", maps.Equal(w.template.Labels, want), true)
		expect(t, "selector", maps.Equal(w.selector, map[string]string{"app.kubernetes.io/name": name}), true)
	})
}

// serviceScrape has what counts of a VMServiceScrape.
type serviceScrape struct {
	Spec struct {
		Selector  metav1.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port      string `json:"port"`
			TLSConfig struct {
				ServerName         string `json:"serverName"`
				InsecureSkipVerify bool   `json:"insecureSkipVerify"`
				CA                 struct {
					Secret corev1.SecretKeySelector `json:"secret"`
				} `json:"ca"`
			} `json:"tlsConfig"`
		} `json:"endpoints"`
	} `json:"spec"`
}

// TestScrapersFindEveryReplica, trust it, and are let in.
func TestScrapersFindEveryReplica(t *testing.T) {
	for _, name := range []string{"scrape+beside-the-operator", "scrape+cert-manager"} {
		b := named(t, name)
		w := workloadOf(t, b)
		scrape, service := one[serviceScrape](t, b, "VMServiceScrape"), one[corev1.Service](t, b, "Service")
		selector, err := metav1.LabelSelectorAsSelector(&scrape.Spec.Selector)
		must(t, err)
		expect(t, "it selects the Service", selector.Matches(labels.Set(service.Labels)), true)
		endpoint := scrape.Spec.Endpoints[0]
		expect(t, "port", endpoint.Port, service.Spec.Ports[0].Name)
		tls := endpoint.TLSConfig
		expect(t, "name in the certificate", tls.ServerName, service.Name+"."+service.Namespace+".svc")
		expect(t, "what is not verified", tls.InsecureSkipVerify, false)
		secret := "vmdistributed-apiserver-certificate"
		if _, brought := w.argument(t, "tls-cert-file"); brought {
			secret = w.template.Spec.Volumes[0].Secret.SecretName
		}
		expect(t, "authority", tls.CA.Secret.Name+"/"+tls.CA.Secret.Key, secret+"/ca.crt")
		for _, rule := range one[networkingv1.NetworkPolicy](t, b, "NetworkPolicy").Spec.Ingress {
			expect(t, "who is let in", len(rule.From), 0)
		}
	}
}

// TestImageIsOfThisVersion, and of no registry.
func TestImageIsOfThisVersion(t *testing.T) {
	for _, build := range []string{"base", "external-etcd", "embedded-etcd", "cert-manager", "beside-the-operator"} {
		container := workloadOf(t, named(t, build)).container(t)
		expect(t, build, container.Image, name+":"+version.Current)
		// The image says what runs.
		expect(t, "command", len(container.Command), 0)
	}
	image := workloadOf(t, named(t, "digest")).container(t).Image
	expect(t, image+" is named by a digest", regexp.MustCompile(`^YOUR-REGISTRY/vmdistributed-apiserver@sha256:[0-9a-f]{64}$`).MatchString(image), true)
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "artifacts", "Dockerfile"))
	must(t, err)
	for _, line := range []string{"USER 65532:65532\n", "ENTRYPOINT [\"/" + name + "\"]\n", "FROM scratch\n", "CGO_ENABLED=0"} {
		expect(t, line, strings.Contains(string(raw), line), true)
	}
}
