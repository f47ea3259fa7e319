// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// probe says how to ask a program whether it is ready. It is data, so that it
// can be kept with the record of a detached program. The zero value asks nothing.
type probe struct {
	URL string `json:"url,omitempty"`
	// Unverified takes whoever answers for the server.
	Unverified bool `json:"unverified,omitempty"`
	// CAFile verifies the server, CertFile and KeyFile authenticate us.
	CAFile   string `json:"caFile,omitempty"`
	CertFile string `json:"certFile,omitempty"`
	KeyFile  string `json:"keyFile,omitempty"`
}

// probeTimeout bounds one question; readiness is asked for again and again.
const probeTimeout = 2 * time.Second

// check returns nil if the program says that it is ready.
func (p probe) check(ctx context.Context) error {
	if p.URL == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return err
	}
	config, err := p.tlsConfig()
	if err != nil {
		return err
	}
	// No proxy: what is asked is on this machine, whatever the environment says.
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", p.URL, response.Status, strings.TrimSpace(string(body)))
	}
	return nil
}

func (p probe) tlsConfig() (*tls.Config, error) {
	if p.Unverified {
		return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, nil //nolint:gosec // on loopback, of a process of ours
	}
	if p.CAFile == "" {
		return nil, nil
	}
	ca, err := os.ReadFile(p.CAFile)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !config.RootCAs.AppendCertsFromPEM(ca) {
		return nil, errors.New("no certificate in " + p.CAFile)
	}
	if p.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(p.CertFile, p.KeyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
