#!/usr/bin/env bash
# Copyright The vmdistributed-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests of all packages, with the flags given, and prints what
# gotestsum reads (go test -json). Those that need no other program run beside
# each other; those that put the machine under load, one package at a time. The
# fuzz targets run without the flags: nothing in them runs beside anything.
set -o nounset -o pipefail

fuzz=(2s)
[[ -z ${VMDC_TEST_LONG:-} ]] || fuzz=(--guided 3m)

status=0
go test -json "$@" ./apis/... ./pkg/... ./cmd/... ./generated/... ./hack/... || status=$?
hack/fuzz.sh "${fuzz[@]}" || status=$?
go test -json -p 1 "$@" ./test/... || status=$?
exit "$status"
