#!/usr/bin/env bash
# Copyright The vmdistributed-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests of all packages, with the flags given, and prints what
# gotestsum reads (go test -json). Those that start other programs run two at a time, the
# longest first: with a third, two processors are overloaded for seconds. The fuzz targets run without the flags: nothing in them runs beside anything.
# Those of the clients, which need Node.js, are make test-clients.
set -o nounset -o pipefail

fuzz=(2s)
[[ -z ${VMDC_TEST_LONG:-} ]] || fuzz=(--guided 3m)

beside=2
longest='/test/(e2e|promise|storage|integration/(api|baddays|install|rollout))$'

# What tests found, in figures, each as a line of the runner's.
VMDC_TEST_REPORT=$(mktemp)
export VMDC_TEST_REPORT
trap 'rm -f "$VMDC_TEST_REPORT"' EXIT

status=0
go test -json "$@" ./apis/... ./pkg/... ./cmd/... ./generated/... ./hack/... || status=$?
hack/fuzz.sh "${fuzz[@]}" || status=$?
if all=$(go list ./test/...); then
	mapfile -t first < <(grep -E "$longest" <<<"$all")
	mapfile -t then < <(grep -v -E -e "$longest" -e '/test/clients$' <<<"$all")
	go test -json -p "$beside" "$@" "${first[@]}" "${then[@]}" || status=$?
else
	status=1
fi
cat "$VMDC_TEST_REPORT"
exit "$status"
