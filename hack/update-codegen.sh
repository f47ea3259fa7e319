#!/usr/bin/env bash
# Copyright The vmdistributed-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Generates everything that is generated: helpers beside the API types, and
# OpenAPI, clients, listers, informers and apply configurations in generated/, and the
# PrometheusRule in artifacts/monitoring.
# The generators are those of the k8s.io/code-generator that hack/tools/codegen pins.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

module=$(go list -m)
(cd hack/tools/codegen && go mod download k8s.io/code-generator)
codegen=$(cd hack/tools/codegen && go list -m -f '{{.Dir}}' k8s.io/code-generator)

# Generators and scratch files stay inside the checkout.
export GOBIN=$root/.local/codegen TMPDIR=$root/.local/tmp
mkdir -p "$GOBIN" "$TMPDIR"

# shellcheck source=/dev/null
source "$codegen/kube_codegen.sh"

boilerplate=$root/hack/boilerplate.go.txt

# Types of others need the tag +k8s:opaqueType where a field has them. Read-only
# packages would spare us some, but validation-gen looks for a hand-written
# function of metav1.Condition in the package of the type, where it is not
# (kubernetes/kubernetes#141765).
(
	KUBE_CODEGEN_READONLY_PKGS=()
	kube::codegen::gen_helpers --boilerplate "$boilerplate" "$root/apis"
)

kube::codegen::gen_openapi \
	--output-dir "$root/generated/openapi" \
	--output-pkg "$module/generated/openapi" \
	--output-model-name-file zz_generated.model_name.go \
	--report-filename "$root/hack/api-violations.list" \
	${UPDATE_API_VIOLATIONS:+--update-report} \
	--boilerplate "$boilerplate" \
	"$root/apis"

kube::codegen::gen_client \
	--with-watch \
	--with-applyconfig \
	--applyconfig-openapi-schema <(go run ./hack/models-schema) \
	--output-dir "$root/generated" \
	--output-pkg "$module/generated" \
	--boilerplate "$boilerplate" \
	"$root/apis"

# The schema that VMClusters are checked by where none is installed. It follows from
# two versions alone, and takes a while to make.
schema=$root/pkg/clusterschema/zz_generated.vmcluster.json
types=github.com/VictoriaMetrics/operator/api
versions=$(cd hack/tools/clusterschema && go list -m -f '{{.Version}}' "$types" sigs.k8s.io/controller-tools)
operator=${versions%%$'\n'*} generator=${versions##*$'\n'}
if ! grep -q "^{\"generatorVersion\":\"$generator\",\"operatorVersion\":\"$operator\"," "$schema"; then
	crds=$(mktemp -d)
	trap 'rm -rf "$crds"' EXIT
	(cd hack/tools/clusterschema && go run sigs.k8s.io/controller-tools/cmd/controller-gen \
		crd:maxDescLen=0 paths="$types/operator/v1beta1" output:crd:dir="$crds")
	go run ./hack/clusterschema -crd "$crds/operator.victoriametrics.com_vmclusters.yaml" \
		-operator "$operator" -generator "$generator" -output "$schema"
fi

rules=$root/artifacts/monitoring
go run ./hack/rules <"$rules/victoriametrics/rules.yaml" >"$rules/prometheus/rules.yaml"
