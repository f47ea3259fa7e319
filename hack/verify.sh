#!/usr/bin/env bash
# Copyright The vmdistributed-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Generates everything again and fails on a difference, then vets, compiles for arm64, and lints.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
cp -r apis generated hack/api-violations.list pkg/clusterschema/zz_generated.vmcluster.json artifacts/monitoring/prometheus/rules.yaml "$before/"

echo "verify: generating code"
hack/update-codegen.sh >/dev/null
status=0
for path in apis generated; do
	diff -ru "$before/$path" "$path" || status=1
done
diff -u "$before/api-violations.list" hack/api-violations.list || status=1
diff -u "$before/rules.yaml" artifacts/monitoring/prometheus/rules.yaml || status=1
cmp "$before/zz_generated.vmcluster.json" pkg/clusterschema/zz_generated.vmcluster.json || status=1
if [ "$status" -ne 0 ]; then
	echo "verify: generated code was out of date; it is up to date now, commit it" >&2
	exit 1
fi

echo "verify: modules"
go mod tidy -diff
go mod verify >/dev/null

echo "verify: formatting"
unformatted=$(gofmt -l apis cmd hack pkg test)
if [ -n "$unformatted" ]; then
	echo "verify: run gofmt -w on:" >&2
	echo "$unformatted" >&2
	exit 1
fi

echo "verify: vet"
go vet ./...

# The image is built for it too. Seconds once the libraries are compiled, about six minutes of
# two cores the first time.
echo "verify: linux/arm64"
GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -o /dev/null ./cmd/...

echo "verify: lint"
hack/build-tools.sh golangci-lint
.local/bin/golangci-lint run ./...
echo "verify: ok"
