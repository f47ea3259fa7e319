// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package metricspage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Target is where a page is, and what has to be shown to get it.
type Target struct {
	// URL of the page, without anything secret.
	URL string
	// AuthKey goes into the query as authKey, the way of VictoriaMetrics programs
	// with -metricsAuthKey.
	AuthKey string
	// Username and Password are for HTTP basic authentication, without a Username
	// there is none.
	Username, Password string
}

// String is the URL: a target can be printed.
func (t Target) String() string { return t.URL }

// GoString is the URL too.
func (t Target) GoString() string { return fmt.Sprintf("metricspage.Target{%q}", t.URL) }

func (t Target) request(ctx context.Context) (*http.Request, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, fmt.Errorf("parsing the URL: %w", withoutURL(err))
	}
	if t.AuthKey != "" {
		query := u.Query()
		query.Set("authKey", t.AuthKey)
		u.RawQuery = query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", withoutURL(err))
	}
	if t.Username != "" {
		request.SetBasicAuth(t.Username, t.Password)
	}
	return request, nil
}

// beginning is enough of a body to see what it is about, without what is secret
// about the target: a proxy may repeat the URL that it was asked for.
func (t Target) beginning(body io.Reader) string {
	text, err := io.ReadAll(io.LimitReader(body, 4096))
	said := t.hide(strings.ToValidUTF8(strings.TrimSpace(string(text)), "?"))
	if len(said) > 256 || err != nil {
		said = strings.ToValidUTF8(said[:min(len(said), 256)], "") + "..."
	}
	return said
}

func (t Target) hide(said string) string {
	for _, secret := range []string{t.AuthKey, t.Password} {
		if secret != "" {
			said = strings.NewReplacer(secret, "(hidden)", url.QueryEscape(secret), "(hidden)").Replace(said)
		}
	}
	return said
}
