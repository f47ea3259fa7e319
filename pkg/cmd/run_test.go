// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package cmd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestSubcommandsHaveFlagsOfTheirOwnOnly(t *testing.T) {
	root := newCommand(t.Context())
	for _, part := range root.Commands() {
		part.InheritedFlags().VisitAll(func(flag *pflag.Flag) { t.Errorf("%s takes the server's flag --%s", part.Name(), flag.Name) })
		var out bytes.Buffer
		part.SetOut(&out)
		if err := part.Help(); err != nil {
			t.Error(err)
		}
		if help := out.String(); !strings.Contains(help, part.Long) || strings.Contains(help, "--secure-port") {
			t.Errorf("the help of %s is not its own:\n%s", part.Name(), help)
		}
	}
	if len(root.Commands()) == 0 {
		t.Error("there are no subcommands")
	}
}

func TestStatusWhereNothingCanBeAsked(t *testing.T) {
	for name, args := range map[string][]string{
		"no such flag":                   {"preflight", "--secure-port=1"},
		"no such file":                   {"preflight", "--kubeconfig=" + t.TempDir() + "/none"},
		"no such overlay":                {"preflight", "--overlay=artifacts/none"},
		"no such output":                 {"preflight", "--output=none"},
		"an argument":                    {"preflight", "now"},
		"no such file to uninstall by":   {"uninstall", "--kubeconfig=" + t.TempDir() + "/none"},
		"no such output of uninstall":    {"uninstall", "--output=overlay"},
		"no namespace to uninstall from": {"uninstall", "--namespace="},
		"no time to wait for the end":    {"uninstall", "--timeout=0s"},
	} {
		if status := Run(t.Context(), args); status != 2 {
			t.Errorf("%s: status %d, want 2", name, status)
		}
	}
}
