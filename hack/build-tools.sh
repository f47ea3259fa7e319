#!/usr/bin/env bash
# Copyright The vmdistributed-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Builds the programs that the local control plane, the data plane and the
# checks run, from the Go modules under hack/tools, into .local/bin.
#
#   hack/build-tools.sh                 the control plane and the data plane
#   hack/build-tools.sh NAME...         these programs only
#   hack/build-tools.sh --list          what can be built
#
# A program is built when it is missing, or when go.mod or go.sum of its
# module changed since it was built; otherwise this ends at once.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/.local/bin

controlplane=(etcd kube-apiserver kubectl kube-controller-manager kube-scheduler kwok vm-operator)
dataplane=(vmagent vmauth victoria-metrics)
checks=(golangci-lint gotestsum)

# describe NAME sets: module (folder under hack/tools), package, cold (how long
# a first build takes on two cores with an empty cache), versioned (the module
# whose version goes into the program) and symbols (where it goes).
describe() {
  versioned='' symbols=()
  case $1 in
    etcd) module=kubernetes package=go.etcd.io/etcd/server/v3 cold='10 to 60 s' ;;
    kube-apiserver) module=kubernetes package=k8s.io/kubernetes/cmd/$1 cold='5 to 9 min' ;;
    kubectl) module=kubernetes package=k8s.io/kubernetes/cmd/$1 cold='1 min' ;;
    kube-controller-manager) module=kubernetes package=k8s.io/kubernetes/cmd/$1 cold='1 to 2 min' ;;
    kube-scheduler) module=kubernetes package=k8s.io/kubernetes/cmd/$1 cold='0.5 min' ;;
    kwok) module=kwok package=sigs.k8s.io/kwok/cmd/kwok cold='2 min' ;;
    vm-operator) module=operator package=github.com/VictoriaMetrics/operator/cmd cold='2 min' ;;
    vmagent | vmauth | victoria-metrics)
      module=victoriametrics package=github.com/VictoriaMetrics/VictoriaMetrics/app/$1 cold='0.5 min' ;;
    golangci-lint) module=lint package=github.com/golangci/golangci-lint/v2/cmd/golangci-lint cold='3 min' ;;
    gotestsum) module=lint package=gotest.tools/gotestsum cold='0.5 min' ;;
    *) echo "build-tools: unknown program $1; known: ${controlplane[*]} ${dataplane[*]} ${checks[*]}" >&2; return 2 ;;
  esac
  case $package in
    k8s.io/*)
      versioned=k8s.io/kubernetes
      symbols=(k8s.io/component-base/version.gitVersion k8s.io/client-go/pkg/version.gitVersion) ;;
    sigs.k8s.io/kwok/*)
      versioned=sigs.k8s.io/kwok
      symbols=(sigs.k8s.io/kwok/pkg/consts.Version) ;;
    github.com/VictoriaMetrics/VictoriaMetrics/*)
      versioned=github.com/VictoriaMetrics/VictoriaMetrics
      symbols=(github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version) ;;
  esac
}

# linkflags prints the linker's flags of the program last described: nothing of
# the machine goes in, only the version, without which the programs report none.
linkflags() {
  local flags='-s -w' version symbol
  if [[ -n $versioned ]]; then
    version=$(go list -m -f '{{.Version}}' "$versioned")
    for symbol in "${symbols[@]}"; do flags+=" -X $symbol=$version"; done
    if [[ $versioned == k8s.io/kubernetes ]]; then
      local major=${version#v} minor=${version#*.}
      flags+=" -X k8s.io/component-base/version.gitMajor=${major%%.*}"
      flags+=" -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
    fi
  fi
  echo "$flags"
}

build() {
  local name=$1 module package cold versioned symbols stamp wanted flags begun
  describe "$name"
  stamp=$bin/.$name.sum
  wanted=$(cat "$root/hack/tools/$module/go.mod" "$root/hack/tools/$module/go.sum" | sha256sum)
  if [[ -x $bin/$name && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    return
  fi
  echo "build-tools: building $name from $package (about $cold with an empty cache, seconds with a warm one)"
  begun=$SECONDS
  # Written beside and renamed: a running program keeps its file.
  flags=$(cd "$root/hack/tools/$module" && linkflags)
  (cd "$root/hack/tools/$module" &&
    GOWORK=off CGO_ENABLED=0 go build -trimpath -ldflags "$flags" -o "$bin/.$name.new" "$package")
  mv -f "$bin/.$name.new" "$bin/$name"
  echo "$wanted" >"$stamp"
  echo "build-tools: $name is built ($((SECONDS - begun)) s)"
}

if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${controlplane[@]}" "${dataplane[@]}" "${checks[@]}"
  exit
fi
mkdir -p "$bin"
# One build at a time per checkout: two would compile the same packages twice.
exec 9>"$bin/.lock"
flock 9
[[ $# -gt 0 ]] || set -- "${controlplane[@]}" "${dataplane[@]}"
for name in "$@"; do build "$name"; done
