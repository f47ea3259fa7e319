// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	certutil "k8s.io/client-go/util/cert"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// injector is the field manager of cert-manager's cainjector.
const injector = "cert-manager-cainjector"

// TestAnotherWriterOfTheBundleIsNotFoughtAtFullSpeed: somebody puts their own authority back
// whenever the server has put its own, as cainjector does for an APIService with its
// annotation. The server leaves it to them for a while, says who they are, and puts it back
// once they have stopped.
func TestAnotherWriterOfTheBundleIsNotFoughtAtFullSpeed(t *testing.T) {
	t.Parallel()
	s := newSite(t, "contended")
	server, err := s.control.StartServer(t.Context(), controlplane.ServerOptions{OwnCertificate: true, Store: controlplane.StoreEtcd})
	must(t, err)
	service, err := s.apiService(t.Context())
	must(t, err)
	ours := service.Spec.CABundle

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	theirs, _, err := certutil.GenerateSelfSignedCertKey("theirs", nil, nil)
	must(t, err)
	go func() { ended <- s.injectAsCertManager(ctx, ours, theirs) }()
	t.Cleanup(stop)
	poll(t, "the server to leave spec.caBundle to the other writer", func(ctx context.Context) string {
		return s.metricsLack(ctx, t, server, `vmdistributed_apiservice_ca_bundle{apiservice="`+apiServiceName+`",standing="contended"} 1`)
	})
	if missing := s.metricsLack(t.Context(), t, server, `vmdistributed_apiservice_ca_bundle_taken_total{apiservice="`+apiServiceName+`",owner="`+injector+`"} `); missing != "" {
		t.Error(missing)
	}
	poll(t, "the server to say who the other writer is", func(context.Context) string {
		return logLacks(t, server.Log, `owner="`+injector+`"`)
	})
	poll(t, "an event about the APIService to say so too", func(ctx context.Context) string {
		events, err := s.kubernetes.CoreV1().Events(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + apiServiceName})
		if err != nil {
			return err.Error()
		}
		for _, event := range events.Items {
			if event.Reason == "CABundleContended" && event.InvolvedObject.UID == service.UID && strings.Contains(event.Message, "by "+injector) {
				return ""
			}
		}
		return fmt.Sprintf("none of %d does", len(events.Items))
	})

	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	poll(t, "the server to put its authority back", func(ctx context.Context) string {
		service, err := s.apiService(ctx)
		if err != nil {
			return err.Error()
		}
		if !bytes.Equal(service.Spec.CABundle, ours) {
			return "it is somebody else's"
		}
		return s.metricsLack(ctx, t, server, `vmdistributed_apiservice_ca_bundle{apiservice="`+apiServiceName+`",standing="injected"} 1`)
	})
}

// injectAsCertManager puts another authority into the APIService whenever it has ours.
func (s *site) injectAsCertManager(ctx context.Context, ours, theirs []byte) error {
	services := s.registrations.ApiregistrationV1().APIServices()
	for {
		changes, err := services.Watch(ctx, metav1.SingleObject(metav1.ObjectMeta{Name: apiServiceName}))
		if err != nil {
			return errors.Join(err, ctx.Err())
		}
		for range changes.ResultChan() {
			service, err := s.apiService(ctx)
			if err != nil {
				return errors.Join(err, ctx.Err())
			}
			if !bytes.Equal(service.Spec.CABundle, ours) {
				continue
			}
			patch := fmt.Appendf(nil, `{"spec":{"caBundle":%q}}`, base64.StdEncoding.EncodeToString(theirs))
			if _, err := services.Patch(ctx, apiServiceName, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: injector}); err != nil {
				return errors.Join(err, ctx.Err())
			}
		}
		changes.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// metricsLack says so while no line of a server's metrics page begins with a text.
func (s *site) metricsLack(ctx context.Context, t *testing.T, server *controlplane.Server, line string) string {
	t.Helper()
	config, err := server.ConfigFor("metrics-reader", "system:masters")
	must(t, err)
	transport, err := rest.TransportFor(config)
	must(t, err)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL()+"/metrics", nil)
	must(t, err)
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	if !strings.Contains(string(body), "\n"+line) {
		return "/metrics lacks " + line
	}
	return ""
}
