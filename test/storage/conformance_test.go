// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/features"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
)

// upstream is a test of the suite, as it is run on our stores.
type upstream struct {
	// name is that of the function there, without Run.
	name string
	run  func(ctx context.Context, t *testing.T, b *backend)
}

// suite is all of it that is run on one store at least.
func suite() []upstream {
	return []upstream{
		{"TestCreate", func(ctx context.Context, t *testing.T, b *backend) { storagetesting.RunTestCreate(ctx, t, b, b.stored) }},
		{"TestCreateWithTTL", func(ctx context.Context, t *testing.T, b *backend) { storagetesting.RunTestCreateWithTTL(ctx, t, b) }},
		{"TestCreateWithKeyExist", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestCreateWithKeyExist(ctx, t, b)
		}},
		{"TestGet", func(ctx context.Context, t *testing.T, b *backend) { storagetesting.RunTestGet(ctx, t, b) }},
		{"TestUnconditionalDelete", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestUnconditionalDelete(ctx, t, b)
		}},
		{"TestConditionalDelete", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestConditionalDelete(ctx, t, b)
		}},
		{"TestDeleteWithSuggestion", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestDeleteWithSuggestion(ctx, t, b)
		}},
		{"TestDeleteWithSuggestionAndConflict", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestDeleteWithSuggestionAndConflict(ctx, t, b)
		}},
		{"TestDeleteWithConflict", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestDeleteWithConflict(ctx, t, b)
		}},
		{"TestDeleteWithSuggestionOfDeletedObject", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestDeleteWithSuggestionOfDeletedObject(ctx, t, b)
		}},
		{"TestValidateDeletionWithSuggestion", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestValidateDeletionWithSuggestion(ctx, t, b)
		}},
		{"TestValidateDeletionWithOnlySuggestionValid", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestValidateDeletionWithOnlySuggestionValid(ctx, t, b)
		}},
		{"TestPreconditionalDeleteWithSuggestion", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestPreconditionalDeleteWithSuggestion(ctx, t, b)
		}},
		{"TestPreconditionalDeleteWithOnlySuggestionPass", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestPreconditionalDeleteWithOnlySuggestionPass(ctx, t, b)
		}},
		{"TestList", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestList(ctx, t, b, b.compact, false, nil)
		}},
		{"TestDeleteWithConflictAndMissingExpectedTransformOrDecodeError", func(ctx context.Context, t *testing.T, b *backend) {
			unsafeDeletion(t)
			storagetesting.RunTestDeleteWithConflictAndMissingExpectedTransformOrDecodeError(ctx, t, b, b.codec.fail)
		}},
		{"TestDeleteExpectedTransformOrDecodeError", func(ctx context.Context, t *testing.T, b *backend) {
			unsafeDeletion(t)
			storagetesting.RunTestDeleteExpectedTransformOrDecodeError(ctx, t, b, b.codec.fail)
		}},
		{"TestDeleteWithSuggestionAndMissingExpectedTransformOrDecodeError", func(ctx context.Context, t *testing.T, b *backend) {
			unsafeDeletion(t)
			storagetesting.RunTestDeleteWithSuggestionAndMissingExpectedTransformOrDecodeError(ctx, t, b)
		}},
		{"TestConsistentList", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestConsistentList(ctx, t, b, b.increase, false, true, false)
		}},
		{"TestGetListNonRecursive", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestGetListNonRecursive(ctx, t, b.increase, b)
		}},
		{"TestGetListRecursivePrefix", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestGetListRecursivePrefix(ctx, t, b)
		}},
		{"TestListContinuation", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestListContinuation(ctx, t, b, anyCalls)
		}},
		{"TestListPaginationRareObject", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestListPaginationRareObject(ctx, t, b, anyCalls)
		}},
		{"TestListContinuationWithFilter", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestListContinuationWithFilter(ctx, t, b, anyCalls)
		}},
		{"TestListInconsistentContinuation", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestListInconsistentContinuation(ctx, t, b, b.compact)
		}},
		{"TestListResourceVersionMatch", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestListResourceVersionMatch(ctx, t, b)
		}},
		{"TestGuaranteedUpdate", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestGuaranteedUpdate(ctx, t, b, b.stored)
		}},
		{"TestGuaranteedUpdateWithTTL", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestGuaranteedUpdateWithTTL(ctx, t, b)
		}},
		{"TestGuaranteedUpdateChecksStoredData", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestGuaranteedUpdateChecksStoredData(ctx, t, b)
		}},
		{"TestGuaranteedUpdateWithConflict", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestGuaranteedUpdateWithConflict(ctx, t, b)
		}},
		{"TestGuaranteedUpdateWithSuggestionAndConflict", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestGuaranteedUpdateWithSuggestionAndConflict(ctx, t, b)
		}},
		{"TestTransformationFailure", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestTransformationFailure(ctx, t, b)
		}},
		{"TestStats", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestStats(ctx, t, b, b.codec, b.transformer, false)
		}},
		{"TestListPaging", func(ctx context.Context, t *testing.T, b *backend) { storagetesting.RunTestListPaging(ctx, t, b) }},
		{"TestNamespaceScopedList", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestNamespaceScopedList(ctx, t, b)
		}},
		{"TestCompactRevision", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestCompactRevision(ctx, t, b, b.increase, b.compact)
		}},
		{"TestKeySchema", func(ctx context.Context, t *testing.T, b *backend) { storagetesting.RunTestKeySchema(ctx, t, b) }},
		{"TestWatch", func(ctx context.Context, t *testing.T, b *backend) { storagetesting.RunTestWatch(ctx, t, b) }},
		{"TestWatchFromZero", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestWatchFromZero(ctx, t, b, b.forget)
		}},
		{"TestDeleteTriggerWatch", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestDeleteTriggerWatch(ctx, t, b)
		}},
		{"TestWatchFromNonZero", func(ctx context.Context, t *testing.T, b *backend) { storagetesting.RunTestWatchFromNonZero(ctx, t, b) }},
		{"TestDelayedWatchDelivery", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestDelayedWatchDelivery(ctx, t, b)
		}},
		{"TestWatchError", func(ctx context.Context, t *testing.T, b *backend) { storagetesting.RunTestWatchError(ctx, t, b) }},
		{"TestWatchContextCancel", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestWatchContextCancel(ctx, t, b)
		}},
		{"TestWatcherTimeout", func(ctx context.Context, t *testing.T, b *backend) { storagetesting.RunTestWatcherTimeout(ctx, t, b) }},
		{"TestWatchDeleteEventObjectHaveLatestRV", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestWatchDeleteEventObjectHaveLatestRV(ctx, t, b)
		}},
		{"TestWatchInitializationSignal", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestWatchInitializationSignal(ctx, t, b)
		}},
		{"TestClusterScopedWatch", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestClusterScopedWatch(ctx, t, b)
		}},
		{"TestNamespaceScopedWatch", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestNamespaceScopedWatch(ctx, t, b)
		}},
		{"TestWatchDispatchBookmarkEvents", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunTestWatchDispatchBookmarkEvents(ctx, t, b, false)
		}},
		{"WatchSemantics", func(ctx context.Context, t *testing.T, b *backend) { storagetesting.RunWatchSemantics(ctx, t, b) }},
		{"WatchListMatchSingle", func(ctx context.Context, t *testing.T, b *backend) { storagetesting.RunWatchListMatchSingle(ctx, t, b) }},
		{"SendInitialEventsBackwardCompatibility", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunSendInitialEventsBackwardCompatibility(ctx, t, b)
		}},
		{"WatchErrorIsBlockingFurtherEvents", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunWatchErrorIsBlockingFurtherEvents(ctx, t, b)
		}},
		{"WatchSemanticInitialEventsExtended", func(ctx context.Context, t *testing.T, b *backend) {
			storagetesting.RunWatchSemanticInitialEventsExtended(ctx, t, b)
		}},
	}
}

func anyCalls(*testing.T, uint64, uint64) {}

func unsafeDeletion(t *testing.T) {
	featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.AllowUnsafeMalformedObjectDeletion, true)
}

// onlyEtcd is what is about etcd itself, or asks for what the package of Kubernetes's own
// store keeps to itself. docs/storage.md has the same list.
func onlyEtcd() map[string]string {
	return map[string]string{
		"TestGetListWithErrorAggregation":                      "makes errors of a type that only the store of Kubernetes has",
		"TestGetListWithoutErrorAggregation":                   "makes errors of a type that only the store of Kubernetes has",
		"TestWatchWithUnsafeDelete":                            "makes errors of a type that only the store of Kubernetes has",
		"OptionalTestProgressNotify":                           "is about how often etcd tells of its revision",
		"TestOptionalWatchBookmarksWithCorrectResourceVersion": "is about the watch cache",
	}
}

// notHost is what records can't do, or are not to do.
func notHost() map[string]string {
	return map[string]string{
		"TestCreateWithTTL":                    "records do not expire",
		"TestGuaranteedUpdateWithTTL":          "records do not expire",
		"TestCompactRevision":                  "the cluster compacts, and tells nobody how far",
		"TestGuaranteedUpdateChecksStoredData": "a cluster writes nothing where nothing changes",
		"TestTransformationFailure":            "what can't be read is a corrupt object, and no internal error",
	}
}

func TestHost(t *testing.T) { runSuite(t, "host", newHost, onlyEtcd(), notHost()) }
func TestEtcd(t *testing.T) { runSuite(t, "etcd", newEtcd, onlyEtcd()) }

func runSuite(t *testing.T, name string, make func(*testing.T) *backend, without ...map[string]string) {
	ran, passed := 0, 0
	for _, one := range suite() {
		if slices.ContainsFunc(without, func(left map[string]string) bool { return left[one.name] != "" }) {
			continue
		}
		ran++
		if t.Run(one.name, func(t *testing.T) { one.run(t.Context(), t, make(t)) }) {
			passed++
		}
	}
	findings.Add(fmt.Sprintf("%s: %d of the %d tests that Kubernetes has for stores run, %d passed", name, ran, len(allUpstream(t)), passed))
}

// TestNothingOfTheSuiteIsForgotten holds our lists against what the suite has.
func TestNothingOfTheSuiteIsForgotten(t *testing.T) {
	known := map[string]bool{}
	for _, one := range suite() {
		known[one.name] = true
	}
	for name := range onlyEtcd() {
		if known[name] {
			t.Errorf("%s is run and left out", name)
		}
		known[name] = true
	}
	for _, name := range allUpstream(t) {
		if !known[name] {
			t.Errorf("%s is neither run nor left out", name)
		}
		delete(known, name)
	}
	for name := range known {
		t.Errorf("the suite has no %s", name)
	}
}

// allUpstream are the tests of the suite, by the names of their functions without Run.
func allUpstream(t *testing.T) []string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/apiserver").Output()
	must(t, err)
	var all []string
	for _, file := range []string{"store_tests.go", "watcher_tests.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "pkg/storage/testing", file), nil, parser.SkipObjectResolution)
		must(t, err)
		for _, declaration := range parsed.Decls {
			function, is := declaration.(*ast.FuncDecl)
			if name, runs := strings.CutPrefix(nameOf(function, is), "Run"); runs {
				all = append(all, name)
			}
		}
	}
	return all
}

func nameOf(function *ast.FuncDecl, is bool) string {
	if !is || function.Recv != nil {
		return ""
	}
	return function.Name.Name
}
