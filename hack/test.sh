#!/usr/bin/env bash
# Copyright The vmdistributed-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests of all packages, with the flags given, and prints what
# gotestsum reads (go test -json). Those that need no other program run beside
# each other, and so do those that mostly wait for one; those that put the machine
# under load, one package at a time. The fuzz targets run without the flags: nothing
# in them runs beside anything. Those of the clients, which need Node.js, are make
# test-clients.
set -o nounset -o pipefail

fuzz=(2s)
[[ -z ${VMDC_TEST_LONG:-} ]] || fuzz=(--guided 3m)

waiting='/test/(e2e|besideoperator|standin/likeness|integration/(baddays|certs|garbage|install|preflight|skew))$'

# What tests found, in figures, each as a line of the runner's.
VMDC_TEST_REPORT=$(mktemp)
export VMDC_TEST_REPORT
trap 'rm -f "$VMDC_TEST_REPORT"' EXIT

status=0
go test -json "$@" ./apis/... ./pkg/... ./cmd/... ./generated/... ./hack/... || status=$?
hack/fuzz.sh "${fuzz[@]}" || status=$?
if all=$(go list ./test/...); then
	mapfile -t patient < <(grep -E "$waiting" <<<"$all")
	mapfile -t others < <(grep -v -E -e "$waiting" -e '/test/clients$' <<<"$all")
	go test -json -p 2 "$@" "${patient[@]}" || status=$?
	go test -json -p 1 "$@" "${others[@]}" || status=$?
else
	status=1
fi
cat "$VMDC_TEST_REPORT"
exit "$status"
