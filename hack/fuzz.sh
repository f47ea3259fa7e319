#!/usr/bin/env bash
# Copyright The vmdistributed-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Fuzzes every target of the module for a while, one after another, and prints
# what gotestsum reads (go test -json), with each target as a package of its own.
#
#   hack/fuzz.sh TIME [REGEXP]            mutate the corpus of the checkout
#   hack/fuzz.sh --guided TIME [REGEXP]   search with the help of coverage
#
# TIME is for each target, such as 2s or 5m; REGEXP chooses among their names.
#
# Without --guided, programs are those of the tests, which are built already. With
# it every dependency is compiled once more, and finds are kept in the build cache
# (GOCACHE/fuzz), from which the next guided run goes on. The checkout is written
# to only where a target fails.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
module=$(go list -m)
programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT

build=(go test -c -vet=off)
cache=''
if [[ ${1:-} == --guided ]]; then
  build+=(-fuzz=.)
  cache=$(go env GOCACHE)/fuzz
  shift
fi
time=${1:?usage: hack/fuzz.sh [--guided] TIME [REGEXP]} chosen=${2:-.}

# fuzz PROGRAM DIR TARGET. The end comes by a signal and not by -test.fuzztime,
# with which a target that found nothing fails now and then (golang/go#75804,
# until Go 1.27).
fuzz() {
  local program=$1 dir=$2 target=$3 status=0
  touch "$programs/begun"
  (cd "$dir" && go tool test2json -t -p "$module/$dir $target" \
    timeout --foreground --preserve-status --signal=INT --kill-after=1m "$time" \
    "$program" -test.v=test2json -test.run='^$' -test.fuzz="^$target\$" \
    -test.fuzzcachedir="${cache:-$programs/cache}/$module/$dir") || status=$?
  if [[ $status == 0 && -n $(find "$dir/testdata/fuzz/$target" -type f -newer "$programs/begun" 2>/dev/null) ]]; then
    echo "fuzz: $target of $dir found an input on which it fails as it was told to end: see $dir/testdata/fuzz/$target" >&2
    status=1
  fi
  return "$status"
}

# packages prints the folders that seem to have a target of the chosen names, so
# that no others are built.
packages() {
  grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' apis cmd generated hack pkg test |
    while IFS=: read -r file name; do
      if [[ ${name#func } =~ $chosen ]]; then dirname "$file"; fi
    done | sort -u
}

failed=0 ran=0
for dir in $(packages); do
  program=$programs/$(tr / - <<<"$dir").test
  "${build[@]}" -o "$program" "./$dir" || { failed=1; continue; }
  for target in $("$program" -test.list '^Fuzz' | grep -E "$chosen" || true); do
    ran=$((ran + 1))
    fuzz "$program" "$dir" "$target" || failed=1
  done
done
if [[ $ran == 0 ]]; then
  echo "fuzz: there is no target that matches $chosen" >&2
  exit 1
fi
exit "$failed"
