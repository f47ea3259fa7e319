// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	storeidentity "github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"
)

// acceptEvery is how often a server is asked whether it wants its store accepted.
const acceptEvery = 50 * time.Millisecond

// namespace is where the server has its own objects.
func (s *Server) namespace() string {
	namespace := ServerNamespace
	for _, arg := range s.options.Args {
		if value, found := strings.CutPrefix(arg, "--namespace="); found {
			namespace = value
		}
	}
	return namespace
}

// StoreRefusal is why the server answers nothing out of its store, "" where it does. A
// server that does not run is an error.
func (s *Server) StoreRefusal(ctx context.Context) (string, error) {
	config, err := s.ConfigFor(adminUser, adminGroup)
	if err != nil {
		return "", err
	}
	return storeRefusal(ctx, config)
}

// storeRefusal asks the server that config leads to.
func storeRefusal(ctx context.Context, config *rest.Config) (string, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return "", err
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+"/readyz/"+storeidentity.CheckName, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode == http.StatusOK {
		return "", err
	}
	if response.StatusCode != http.StatusInternalServerError {
		return "", fmt.Errorf("%s answers %s: %s", request.URL, response.Status, body)
	}
	return string(body), nil
}

var accepts = regexp.MustCompile(regexp.QuoteMeta(storeidentity.AcceptAnnotation) + `=(\S+)`)

// AcceptStore does what the server's refusal says: it has the server take the store that
// it has.
func (s *Server) AcceptStore(ctx context.Context) error { return s.acceptStore(ctx, "") }

// acceptStore does so unless another version of the ConfigMap is there than the one that
// is named, if any is.
func (s *Server) acceptStore(ctx context.Context, version string) error {
	config, err := s.ConfigFor(adminUser, adminGroup)
	if err != nil {
		return err
	}
	return s.cp.acceptStore(ctx, config, s.namespace(), version)
}

// StoreIsAccepted tells whether a server that the control plane does not run answers out
// of its store: the one that config leads to, with its own objects in a namespace. One
// that wants to be told that nothing was lost is told so.
func (c *ControlPlane) StoreIsAccepted(ctx context.Context, config *rest.Config, namespace string) (bool, error) {
	refusal, err := storeRefusal(ctx, config)
	if err != nil || refusal == "" {
		return err == nil, err
	}
	return false, c.acceptStore(ctx, config, namespace, "")
}

func (c *ControlPlane) acceptStore(ctx context.Context, config *rest.Config, namespace, version string) error {
	refusal, err := storeRefusal(ctx, config)
	if err != nil {
		return err
	}
	id := accepts.FindStringSubmatch(refusal)
	if id == nil {
		return fmt.Errorf("the server does not say how to have its store accepted: %q", refusal)
	}
	client, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		return err
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, storeidentity.AcceptAnnotation, id[1])
	if version != "" {
		patch = fmt.Sprintf(`{"metadata":{"resourceVersion":%q,"annotations":{%q:%q}}}`, version, storeidentity.AcceptAnnotation, id[1])
	}
	_, err = client.CoreV1().ConfigMaps(namespace).Patch(ctx, storeidentity.ConfigMap, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

// acceptFirstStore returns when the server's namespace names a store. Where there are
// marks of other servers of this cluster, a server with an empty store wants to be told
// that nothing was lost.
func (s *Server) acceptFirstStore(ctx context.Context) {
	client, err := kubernetes.NewForConfig(s.cp.Config())
	if err != nil {
		return // the server was given the same configuration, and will tell
	}
	_ = wait.PollUntilContextCancel(ctx, acceptEvery, false, func(ctx context.Context) (bool, error) {
		found, err := client.CoreV1().ConfigMaps(s.namespace()).Get(ctx, storeidentity.ConfigMap, metav1.GetOptions{})
		switch {
		case err == nil && found.Data["id"] != "":
			return true, nil
		case err != nil && !apierrors.IsNotFound(err):
			return errors.Is(err, context.Canceled), nil
		case err == nil:
			_ = s.acceptStore(ctx, found.ResourceVersion) // it may not run yet, or not have looked
		}
		return false, nil
	})
}
