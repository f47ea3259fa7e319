// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/warning"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
)

// lost is a memory that nobody reaches.
type lost struct{}

var errLost = errors.New("no route to host")

func (lost) Recall(context.Context, types.NamespacedName) ([]vmdistributed.Word, error) {
	return nil, errLost
}

func (lost) Keep(context.Context, types.NamespacedName, func(context.Context) ([]vmdistributed.Word, error)) error {
	return errLost
}

// recorder keeps warnings.
type recorder struct{ texts []string }

func (r *recorder) AddWarning(_, text string) { r.texts = append(r.texts, text) }

// oneZone is an object as a request brings it.
func oneZone(t *testing.T, name string) *vmdistributed.VMDistributedCluster {
	t.Helper()
	object, err := newDoor().decode(runtime.ContentTypeJSON, []byte(bodyOf+`{"name":"`+name+`"},"spec":{"zones":{"vmclusters":[{"name":"`+name+`-a","spec":{}}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	object.Namespace = doorNamespace
	return object
}

func (r *race) abort(ctx context.Context, options metav1.CreateOptions) error {
	_, err := r.storages[vmdistributed.Resource+"/abort"].(rest.NamedCreater).Create(ctx, r.name, &vmdistributed.VMDistributedClusterAbort{}, nil, &options)
	return err
}

func (r *race) get() *vmdistributed.VMDistributedCluster {
	r.t.Helper()
	found, err := r.main().Get(r.context(), r.name, &metav1.GetOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	return found.(*vmdistributed.VMDistributedCluster)
}

func TestAnAbortIsInEffectThoughTheHostClusterCanNotRememberIt(t *testing.T) {
	r := &race{t: t, name: "x", storages: newRaceway(t, lost{})}
	if _, err := r.main().Store.Create(r.context(), oneZone(t, "x"), rest.ValidateAllObjectFunc, &metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	warned := &recorder{}
	if err := r.abort(warning.WithWarningRecorder(r.context(), warned), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil || len(warned.texts) > 0 {
		t.Errorf("dry run: %v, warnings %q", err, warned.texts)
	}
	if err := r.abort(warning.WithWarningRecorder(r.context(), warned), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if len(warned.texts) != 1 || !strings.Contains(warned.texts[0], "it is in effect, but would not outlive the loss of the store: say it again later: "+errLost.Error()) {
		t.Errorf("warnings %q", warned.texts)
	}
	if words := r.get().Status.Words; len(words) != 1 || words[0].Verb != vmdistributed.WordAbort || words[0].By != "somebody" {
		t.Errorf("said is %v", words)
	}
}

// creations are the ways to make an object: an update creates what an apply finds absent.
func (r *race) creations() map[string]func(ctx context.Context, object *vmdistributed.VMDistributedCluster) error {
	return map[string]func(ctx context.Context, object *vmdistributed.VMDistributedCluster) error{
		"create": func(ctx context.Context, object *vmdistributed.VMDistributedCluster) error {
			_, err := r.main().Create(ctx, object, rest.ValidateAllObjectFunc, &metav1.CreateOptions{})
			return err
		},
		"apply": func(ctx context.Context, object *vmdistributed.VMDistributedCluster) error {
			_, _, err := r.main().Update(ctx, object.Name, rest.DefaultUpdatedObjectInfo(object), rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, true, &metav1.UpdateOptions{})
			return err
		},
	}
}

func TestNothingIsCreatedWhereItIsNotKnownWhatWasCalledOff(t *testing.T) {
	storages := newRaceway(t, lost{})
	r := &race{t: t, name: "x", storages: storages}
	for how, create := range r.creations() {
		if err := create(r.context(), oneZone(t, "x")); !apierrors.IsServiceUnavailable(err) || !strings.Contains(err.Error(), errLost.Error()) {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func TestAnObjectThatIsMadeAnewBeginsWithWhatWasCalledOffUntilItIsDeleted(t *testing.T) {
	off := []vmdistributed.Word{{Verb: vmdistributed.WordAbort, Revision: "0123456789", By: "ann"}}
	aborts := &notebook{kept: map[types.NamespacedName][]vmdistributed.Word{}}
	storages := newRaceway(t, aborts)
	for how, create := range (&race{t: t, storages: storages}).creations() {
		r := &race{t: t, name: how, storages: storages}
		aborts.kept[types.NamespacedName{Namespace: doorNamespace, Name: how}] = off
		if err := create(r.context(), oneZone(t, how)); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if words := r.get().Status.Words; !slices.Equal(words, off) {
			t.Errorf("%s: begins with %v, want %v", how, words, off)
		}
		if _, _, err := r.main().Delete(r.context(), how, rest.ValidateAllObjectFunc, &metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		r.dropFinalizers()
		if kept, _ := aborts.Recall(t.Context(), types.NamespacedName{Namespace: doorNamespace, Name: how}); len(kept) != 0 {
			t.Errorf("%s: of what was deleted is remembered %v", how, kept)
		}
	}
}

// TestASkipThatHasEndedByItselfDoesNotComeBackWithAnObjectThatIsMadeAnew: the controller
// has dropped it from status.
func TestASkipThatHasEndedByItselfDoesNotComeBackWithAnObjectThatIsMadeAnew(t *testing.T) {
	aborts := &notebook{kept: map[types.NamespacedName][]vmdistributed.Word{}}
	r := &race{t: t, name: "x", storages: newRaceway(t, aborts)}
	off, skipped := vmdistributed.Word{Verb: vmdistributed.WordAbort, Revision: "0123456789"}, vmdistributed.Word{Verb: vmdistributed.WordSkip, Zone: "x-a", Revision: "1"}
	aborts.kept[types.NamespacedName{Namespace: doorNamespace, Name: "x"}] = []vmdistributed.Word{off, skipped}
	if err := r.creations()["create"](r.context(), oneZone(t, "x")); err != nil {
		t.Fatal(err)
	}
	drop := func(options *metav1.UpdateOptions) []vmdistributed.Word {
		object := r.get().DeepCopy()
		object.Status.Words = []vmdistributed.Word{off}
		status := r.storages[vmdistributed.Resource+"/status"].(*StatusREST)
		if _, _, err := status.Update(r.context(), "x", rest.DefaultUpdatedObjectInfo(object), nil, rest.ValidateAllObjectUpdateFunc, false, options); err != nil {
			t.Fatal(err)
		}
		kept, err := aborts.Recall(t.Context(), keyOf(object))
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	if kept := drop(&metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}}); !slices.Equal(kept, []vmdistributed.Word{off, skipped}) {
		t.Errorf("after a dry run, %v is remembered", kept)
	}
	if kept := drop(&metav1.UpdateOptions{}); !slices.Equal(kept, []vmdistributed.Word{off}) {
		t.Errorf("remembered is %v, want %v", kept, off)
	}
}

// dropFinalizers lets the object go, as the controller does.
func (r *race) dropFinalizers() {
	r.t.Helper()
	object := r.get().DeepCopy()
	object.Finalizers = nil
	if _, _, err := r.main().Update(r.context(), r.name, rest.DefaultUpdatedObjectInfo(object), rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{}); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.main().Get(r.context(), r.name, &metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		r.t.Errorf("it is there: %v", err)
	}
}

func TestASecondReasonIsNotDroppedInSilence(t *testing.T) {
	r := &race{t: t, name: "x", storages: newRaceway(t, lost{})}
	if _, err := r.main().Store.Create(r.context(), oneZone(t, "x"), rest.ValidateAllObjectFunc, &metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		reason string
		warned bool
	}{{"it is slow", false}, {"it is slow", false}, {"", false}, {"it is wrong", true}} {
		warned := &recorder{}
		_, err := r.storages[vmdistributed.Resource+"/abort"].(rest.NamedCreater).Create(warning.WithWarningRecorder(r.context(), warned), r.name,
			&vmdistributed.VMDistributedClusterAbort{Reason: c.reason}, nil, &metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		told := slices.ContainsFunc(warned.texts, func(text string) bool {
			return strings.Contains(text, `somebody did that at `) && strings.Contains(text, `for the reason "it is slow"`)
		})
		if told != c.warned {
			t.Errorf("abort %d for the reason %q: warnings %q", i, c.reason, warned.texts)
		}
	}
	if words := r.get().Status.Words; len(words) != 1 || words[0].Reason != "it is slow" {
		t.Errorf("said is %v", words)
	}
}
