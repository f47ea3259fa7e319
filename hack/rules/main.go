// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Command rules prints the PrometheusRule that says what the VMRule on its standard
// input does.
package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
)

const (
	vmRule         = "apiVersion: operator.victoriametrics.com/v1beta1\nkind: VMRule\n"
	prometheusRule = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n"
	origin         = "# Made from ../victoriametrics/rules.yaml by make update: edit that one.\n"
)

// preface is the comment that a file begins with.
var preface = regexp.MustCompile(`\A(#.*\n)+`)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rules:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	rules, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("reading a VMRule: %w", err)
	}
	converted, err := convert(string(rules))
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, converted)
	return err
}

// convert changes what the two kinds are called. Below that they are the same, as long
// as no rule has what is VMAlert's own; comments stay where they are.
func convert(rules string) (string, error) {
	body := preface.ReplaceAllLiteralString(rules, "")
	if len(body) < len(vmRule) || body[:len(vmRule)] != vmRule {
		return "", fmt.Errorf("reading a VMRule: it does not begin with %q", vmRule)
	}
	return origin + prometheusRule + body[len(vmRule):], nil
}
