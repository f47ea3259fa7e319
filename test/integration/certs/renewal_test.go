// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/certs"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

const (
	lifetime = 24 * time.Second
	// late is how far one of the clients is behind: less than the twelfth of the
	// lifetime that servers allow for, which is settle.
	late   = time.Second
	settle = lifetime / 12
	// renewals are how many have to be seen.
	renewals = 3
)

// TestNoClientSeesARenewal has two replicas renew their certificate, and lose the Secret,
// while clients ask without a pause: through the aggregator, and each replica by itself with
// the authorities that the APIService had a second ago.
func TestNoClientSeesARenewal(t *testing.T) {
	t.Parallel()
	s := newSite(t, "renewal")
	servers := s.startReplicas(t)
	s.spread(t, servers)

	clients := s.newClients(t, servers)
	first := clients.untilAllServe(t, nil)
	for range renewals {
		next := clients.untilAllServe(t, first)
		if next.authority == first.authority {
			t.Errorf("authority %s signed a second certificate", next.authority)
		}
		first = next
	}

	before, err := s.secret(t.Context())
	must(t, err)
	must(t, s.kubernetes.CoreV1().Secrets(controlplane.ServerNamespace).Delete(t.Context(), secretName, metav1.DeleteOptions{}))
	poll(t, "the Secret to be made anew", func(ctx context.Context) string {
		now, err := s.secret(ctx)
		if err != nil {
			return err.Error()
		}
		if now.UID == before.UID || string(now.Data["tls.key"]) == string(before.Data["tls.key"]) {
			return "it is the one that was deleted"
		}
		return ""
	})
	clients.untilAllServe(t, first)
	s.forgetOldAuthorities(t, clients)
	clients.stop(t)
	s.checkOwnership(t)
	s.checkMetrics(t, servers)
}

// startReplicas starts two servers that share what they store.
func (s *site) startReplicas(t *testing.T) []*controlplane.Server {
	t.Helper()
	options := controlplane.ServerOptions{
		OwnCertificate: true, Store: controlplane.StoreEtcd,
		// The aggregator keeps connections, and looks at a certificate when it makes one.
		Args: []string{"--certificate-lifetime=" + lifetime.String(), "--goaway-chance=0.02"},
	}
	registered, err := s.control.StartServer(t.Context(), options)
	must(t, err)
	options.Name, options.Unregistered = "replica", true
	replica, err := s.control.StartServer(t.Context(), options)
	must(t, err)
	return []*controlplane.Server{registered, replica}
}

func addressOf(t *testing.T, server *controlplane.Server) string {
	t.Helper()
	address, err := url.Parse(server.URL())
	must(t, err)
	return address.Host
}

// spread has the aggregator reach one replica by one connection and the other by the
// next, as a Service does.
func (s *site) spread(t *testing.T, servers []*controlplane.Server) {
	t.Helper()
	balancer, err := controlplane.Balance(t.Context(), servers...)
	must(t, err)
	t.Cleanup(balancer.Close)
	patch := fmt.Sprintf(`{"spec":{"service":{"port":%d}}}`, balancer.Port())
	_, err = s.registrations.ApiregistrationV1().APIServices().Patch(t.Context(), apiServiceName, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	must(t, err)
}

// served is a certificate that was met.
type served struct{ serial, authority string }

// clients ask without a pause.
type clients struct {
	site    *site
	servers []string
	end     context.CancelFunc
	group   sync.WaitGroup
	asked   atomic.Int64

	mutex  sync.Mutex
	failed []string
	met    map[string]served // last, by address
	// bundles are those that the APIService had, oldest first.
	bundles []seenBundle
}

type seenBundle struct {
	at  time.Time
	raw []byte
}

func (s *site) newClients(t *testing.T, servers []*controlplane.Server) *clients {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &clients{site: s, end: cancel, met: map[string]served{}}
	for _, server := range servers {
		c.servers = append(c.servers, addressOf(t, server))
	}
	transport, err := rest.TransportFor(s.control.Config())
	must(t, err)
	for range 3 {
		c.group.Go(func() { c.askThrough(ctx, transport) })
	}
	c.group.Go(func() { c.followBundle(ctx) })
	for _, address := range c.servers {
		c.group.Go(func() { c.shakeHands(ctx, address) })
	}
	t.Cleanup(func() {
		cancel()
		c.group.Wait()
	})
	return c
}

func (c *clients) fail(ctx context.Context, format string, args ...any) {
	if ctx.Err() != nil {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.failed = append(c.failed, time.Now().Format(time.StampMilli)+": "+fmt.Sprintf(format, args...))
}

// askThrough lists objects through the aggregator.
func (c *clients) askThrough(ctx context.Context, transport http.RoundTripper) {
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.site.control.URL()+listPath, nil)
		if err != nil {
			c.fail(ctx, "%v", err)
			return
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			c.fail(ctx, "through the aggregator: %v", err)
			continue
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			c.fail(ctx, "through the aggregator: %s: %.200s: %v", response.Status, body, err)
		}
		c.asked.Add(1)
	}
}

// followBundle keeps what the APIService has.
func (c *clients) followBundle(ctx context.Context) {
	for ctx.Err() == nil {
		at := time.Now()
		service, err := c.site.apiService(ctx)
		if err != nil {
			c.fail(ctx, "reading the APIService: %v", err)
			continue
		}
		c.mutex.Lock()
		c.bundles = append(c.bundles, seenBundle{at, service.Spec.CABundle})
		c.mutex.Unlock()
	}
}

// oldBundle is the last that is so old that a late client has it, if any is.
func (c *clients) oldBundle() (seenBundle, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	limit := time.Now().Add(-late)
	for len(c.bundles) > 1 && c.bundles[1].at.Before(limit) {
		c.bundles = c.bundles[1:]
	}
	if len(c.bundles) == 0 || c.bundles[0].at.After(limit) {
		return seenBundle{}, false
	}
	return c.bundles[0], true
}

// shakeHands connects to a replica, and verifies it as the aggregator does.
func (c *clients) shakeHands(ctx context.Context, address string) {
	for ctx.Err() == nil {
		trusted, known := c.oldBundle()
		if !known {
			continue
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(trusted.raw)
		dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: serverName, MinVersion: tls.VersionTLS12}}
		connection, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			// On a busy machine, this one may be later than any aggregator is allowed to be.
			if time.Since(trusted.at) < settle {
				c.fail(ctx, "from %s: %v", address, err)
			}
			continue
		}
		leaf := connection.(*tls.Conn).ConnectionState().PeerCertificates[0]
		_ = connection.Close()
		c.mutex.Lock()
		c.met[address] = served{leaf.SerialNumber.Text(16), leaf.Issuer.String()}
		c.mutex.Unlock()
		c.asked.Add(1)
	}
}

// untilAllServe waits until all replicas serve one certificate, which is another one
// than that which they served before.
func (c *clients) untilAllServe(t *testing.T, before *served) *served {
	t.Helper()
	var now served
	poll(t, "all replicas to serve another certificate", func(context.Context) string {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		now = c.met[c.servers[0]]
		for _, address := range c.servers {
			if c.met[address] != now || now.serial == "" || before != nil && now == *before {
				return fmt.Sprint(c.met)
			}
		}
		return ""
	})
	return &now
}

// stop ends the clients, and says what they have not got.
func (c *clients) stop(t *testing.T) {
	t.Helper()
	c.end()
	c.group.Wait()
	if len(c.failed) > 0 {
		t.Errorf("%d of %d questions failed:\n%s", len(c.failed), c.asked.Load(), strings.Join(c.failed[:min(10, len(c.failed))], "\n"))
	}
	t.Logf("%d questions", c.asked.Load())
}

// forgetOldAuthorities does what docs/operations.md says to do when a key has leaked,
// after the Secret was deleted and all serve the new certificate.
func (s *site) forgetOldAuthorities(t *testing.T, c *clients) {
	t.Helper()
	secret, err := s.secret(t.Context())
	must(t, err)
	raw := string(secret.Data["ca.crt"])
	last := raw[strings.LastIndex(raw, "-----BEGIN"):]
	patch := fmt.Sprintf(`{"data":{"ca.crt":%q}}`, base64.StdEncoding.EncodeToString([]byte(last)))
	_, err = s.kubernetes.CoreV1().Secrets(secret.Namespace).Patch(t.Context(), secret.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	must(t, err)
	old := certificates(t, []byte(raw))
	poll(t, "the old authorities to be gone", func(ctx context.Context) string {
		service, err := s.apiService(ctx)
		if err != nil {
			return err.Error()
		}
		now := certificates(t, service.Spec.CABundle)
		if slices.ContainsFunc(now, func(a *x509.Certificate) bool {
			return slices.ContainsFunc(old[:len(old)-1], a.Equal)
		}) {
			return fmt.Sprintf("there are %d", len(now))
		}
		return ""
	})
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(old) < 2 {
		t.Errorf("there was nothing to forget, but %d authorities", len(old))
	}
}

// checkOwnership makes sure that nothing of the APIService but its bundle is the server's.
func (s *site) checkOwnership(t *testing.T) {
	t.Helper()
	service, err := s.apiService(t.Context())
	must(t, err)
	i := slices.IndexFunc(service.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == certs.FieldManager })
	if i < 0 || service.ManagedFields[i].FieldsV1.GetRawString() != `{"f:spec":{"f:caBundle":{}}}` {
		t.Errorf("managed fields are %v", service.ManagedFields)
	}
	secret, err := s.secret(t.Context())
	must(t, err)
	if secret.Type != corev1.SecretTypeTLS {
		t.Errorf("the Secret is of type %s", secret.Type)
	}
}

// checkMetrics makes sure that who watches certificates can.
func (s *site) checkMetrics(t *testing.T, servers []*controlplane.Server) {
	t.Helper()
	// In the middle of a renewal, another authority is about to be written.
	poll(t, "the metrics to tell of a certificate that is trusted", func(ctx context.Context) string {
		for _, want := range []string{
			"vmdistributed_serving_certificate_expiration_timestamp_seconds 1.",
			`vmdistributed_apiservice_ca_bundle{apiservice="` + apiServiceName + `",standing="injected"} 1`,
		} {
			if missing := s.metricsLack(ctx, t, servers[0], want); missing != "" {
				return missing
			}
		}
		return ""
	})
}

// TestTheServerRecovers after it was off until its certificate had ended, and when somebody
// writes nonsense into the Secret or the APIService.
func TestTheServerRecovers(t *testing.T) {
	t.Parallel()
	s := newSite(t, "recovery")
	server, err := s.control.StartServer(t.Context(), controlplane.ServerOptions{
		OwnCertificate: true, Store: controlplane.StoreEtcd, Args: []string{"--certificate-lifetime=" + certs.MinLifetime.String()},
	})
	must(t, err)
	must(t, server.Stop())
	before, err := s.secret(t.Context())
	must(t, err)
	ended := certificates(t, before.Data["tls.crt"])[0].NotAfter
	poll(t, "the certificate to end", func(context.Context) string {
		if time.Now().Before(ended) {
			return "it is good until " + ended.String()
		}
		return ""
	})
	must(t, server.Restart(t.Context())) // which waits for the aggregator

	namespace := before.Namespace
	patch := []byte(`{"data":{"tls.key":"bm9uc2Vuc2U=","ca.crt":"bm9uc2Vuc2U="}}`)
	_, err = s.kubernetes.CoreV1().Secrets(namespace).Patch(t.Context(), secretName, types.MergePatchType, patch, metav1.PatchOptions{})
	must(t, err)
	poll(t, "the Secret to be of use", func(ctx context.Context) string {
		secret, err := s.secret(ctx)
		if err == nil {
			_, err = tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"])
		}
		if err != nil {
			return err.Error()
		}
		return ""
	})
	_, err = s.registrations.ApiregistrationV1().APIServices().Patch(t.Context(), apiServiceName, types.MergePatchType, []byte(`{"spec":{"caBundle":null}}`), metav1.PatchOptions{})
	must(t, err)
	poll(t, "the aggregator to trust the server", func(ctx context.Context) string {
		if err := s.registrations.Discovery().RESTClient().Get().AbsPath(listPath).Do(ctx).Error(); err != nil {
			return err.Error()
		}
		service, err := s.apiService(ctx)
		if err != nil {
			return err.Error()
		}
		if len(service.Spec.CABundle) == 0 {
			return "spec.caBundle is empty"
		}
		return ""
	})
}

// TestAnAPIServiceThatIsNotOursIsLeftAlone, whatever it says.
func TestAnAPIServiceThatIsNotOursIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, "others")
	_, err := s.control.StartServer(t.Context(), controlplane.ServerOptions{OwnCertificate: true, Store: controlplane.StoreEtcd})
	must(t, err)
	log := s.control.LogOf("vmdistributed-apiserver")
	service, err := s.apiService(t.Context())
	must(t, err)
	for standing, change := range map[string]func(*apiregistrationv1.APIServiceSpec){
		"insecure":     func(spec *apiregistrationv1.APIServiceSpec) { spec.InsecureSkipTLSVerify = true },
		"otherservice": func(spec *apiregistrationv1.APIServiceSpec) { spec.Service.Name = "other" },
		"local": func(spec *apiregistrationv1.APIServiceSpec) {
			spec.Service, spec.GroupPriorityMinimum = nil, service.Spec.GroupPriorityMinimum
		},
	} {
		services := s.registrations.ApiregistrationV1().APIServices()
		must(t, services.Delete(t.Context(), apiServiceName, metav1.DeleteOptions{}))
		changed := &apiregistrationv1.APIService{ObjectMeta: metav1.ObjectMeta{Name: apiServiceName, Labels: service.Labels}, Spec: *service.Spec.DeepCopy()}
		changed.Spec.CABundle = nil
		change(&changed.Spec)
		var made *apiregistrationv1.APIService
		// Where a CustomResourceDefinition has the group and version, one comes by itself.
		poll(t, "the APIService to be made", func(ctx context.Context) string {
			if made, err = services.Create(ctx, changed, metav1.CreateOptions{}); err != nil {
				_ = services.Delete(ctx, apiServiceName, metav1.DeleteOptions{})
				return err.Error()
			}
			return ""
		})
		poll(t, "the server to say that it is left alone", func(context.Context) string { return logLacks(t, log, `standing="`+standing+`"`) })
		now, err := s.apiService(t.Context())
		must(t, err)
		if len(now.Spec.CABundle) > 0 || slices.ContainsFunc(now.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == certs.FieldManager }) {
			t.Errorf("%s: the APIService of version %s was written to: %v", standing, made.ResourceVersion, now)
		}
	}
}
