// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"errors"
	"net/http"

	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/server/healthz"
)

// requestHeaderCA is not ready while the server has no certificate authority for
// the aggregator. It would answer, and take every user for system:anonymous.
func requestHeaderCA(config *authenticatorfactory.RequestHeaderConfig) healthz.HealthChecker {
	return healthz.NamedCheck("requestheader-client-ca", func(*http.Request) error {
		if config == nil || config.CAContentProvider == nil || len(config.CAContentProvider.CurrentCABundleContent()) == 0 {
			return errors.New("no certificate authority for the aggregator: neither --requestheader-client-ca-file nor the ConfigMap kube-system/extension-apiserver-authentication gives one")
		}
		return nil
	})
}
