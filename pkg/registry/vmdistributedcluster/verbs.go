// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package vmdistributedcluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/util/dryrun"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/admission"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/history"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/revision"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// maxReason is how many bytes a reason may have.
const maxReason = 1024

// body is what a verb is asked for with.
type body interface {
	runtime.Object
	metav1.Object
}

// verb serves a subresource by which users say how a rollout is to go on. What they say
// is kept in status, where nobody else can write it: a manifest that is applied again
// does not take it back, and a right of its own allows it.
type verb struct {
	store    *genericregistry.Store
	resource schema.GroupResource
	aborts   AbortMemory
	history  History
	clock    clock.PassiveClock
	newBody  func() body
	// say changes status as the body asks for, and completes the body.
	say func(*speech, body) error
}

var (
	_ rest.NamedCreater         = &verb{}
	_ rest.SingularNameProvider = &verb{}
)

// New returns an empty body for the decoder.
func (v *verb) New() runtime.Object { return v.newBody() }

// Destroy does nothing: the store belongs to the main resource.
func (*verb) Destroy() {}

// GetSingularName names the resource in the singular.
func (v *verb) GetSingularName() string { return v.store.GetSingularName() }

// Create says what the body asks for, and answers when that is stored.
func (v *verb) Create(ctx context.Context, name string, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	asked, ok := obj.(body)
	if !ok {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("got a %T, want a %T", obj, v.newBody()))
	}
	if asked.GetName() == "" {
		asked.SetName(name)
	}
	if asked.GetName() != name {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("metadata.name: is %q, and the request is about %q", asked.GetName(), name))
	}
	said := asked
	change := func(ctx context.Context, _, old runtime.Object) (runtime.Object, error) {
		before := old.(*vmdistributed.VMDistributedCluster)
		said = asked.DeepCopyObject().(body)
		after, about, err := v.change(ctx, before, said)
		if err != nil {
			return nil, err
		}
		// Who asks for it must be allowed to have us do what may follow.
		if validate != nil {
			if err := validate(admission.WithSubject(ctx, about), said.DeepCopyObject()); err != nil {
				return nil, err
			}
		}
		return after, nil
	}
	// The words are part of status.
	stored, _, err := v.store.Update(ofSubresource(ctx, "status"), name, rest.DefaultUpdatedObjectInfo(nil, change), nil, rest.ValidateAllObjectUpdateFunc, false,
		&metav1.UpdateOptions{DryRun: options.DryRun})
	if err != nil {
		return nil, err
	}
	complete(said, stored.(*vmdistributed.VMDistributedCluster))
	if !dryrun.IsDryRun(options.DryRun) {
		v.outlive(ctx, stored.(*vmdistributed.VMDistributedCluster))
	}
	return said, nil
}

// ofSubresource has an object be checked as if another subresource had been asked for; ""
// is the object itself.
func ofSubresource(ctx context.Context, subresource string) context.Context {
	info, known := request.RequestInfoFrom(ctx)
	if !known {
		return ctx
	}
	changed := *info
	changed.Subresource = subresource
	return request.WithRequestInfo(ctx, &changed)
}

// outlive has the host cluster remember which changes are called off. That it can't is no
// reason to take back what is in effect by now.
func (v *verb) outlive(ctx context.Context, stored *vmdistributed.VMDistributedCluster) {
	err := keepWords(ctx, v.aborts, v.store, stored)
	if err != nil {
		klog.FromContext(ctx).Error(err, "Which changes are called off would not outlive the loss of the store", "vmdistributedcluster", keyOf(stored))
		warning.AddWarning(ctx, "", fmt.Sprintf("it is in effect, but would not outlive the loss of the store: say it again later: %v", err))
	}
}

// complete has the answer tell what it is about.
func complete(said body, stored *vmdistributed.VMDistributedCluster) {
	said.SetNamespace(stored.Namespace)
	said.SetUID(stored.UID)
	said.SetResourceVersion(stored.ResourceVersion)
	said.SetGeneration(stored.Generation)
	said.SetCreationTimestamp(stored.CreationTimestamp)
}

// change returns the object as it is once the word is said, and in the form that has
// every zone which may be touched for that.
func (v *verb) change(ctx context.Context, before *vmdistributed.VMDistributedCluster, said body) (after, about *vmdistributed.VMDistributedCluster, err error) {
	if err := v.meant(before, said); err != nil {
		return nil, nil, err
	}
	after = before.DeepCopy()
	s := &speech{object: after, at: metav1.NewTime(v.clock.Now()), records: func() ([]history.Record, error) { return v.history.List(ctx, keyOf(before)) }}
	if user, known := request.UserFrom(ctx); known {
		s.by = user.GetName()
	}
	if err := s.lookUp(); err != nil {
		return nil, nil, err
	}
	var conflict *conflict
	switch err := v.say(s, said); {
	case errors.As(err, &conflict):
		return nil, nil, apierrors.NewConflict(v.resource, before.Name, err)
	case err != nil:
		return nil, nil, err
	}
	for _, note := range s.notes {
		warning.AddWarning(ctx, "", note)
	}
	if !equality.Semantic.DeepEqual(after.Status, before.Status) {
		s.awaitLook()
	}
	return after, withZones(before, s.touched), nil
}

// withZones returns an object that has more zones than it lists.
func withZones(object *vmdistributed.VMDistributedCluster, more []vmdistributed.Zone) *vmdistributed.VMDistributedCluster {
	if len(more) == 0 {
		return object
	}
	all := *object
	all.Spec.Zones.VMClusters = slices.Clone(more)
	known := all.ZonesByCluster()
	for _, zone := range object.Spec.Zones.VMClusters {
		if known[zone.ClusterName()] == nil {
			all.Spec.Zones.VMClusters = append(all.Spec.Zones.VMClusters, zone)
		}
	}
	return &all
}

// meant refuses a word that is for another state of the object. A uid is not in the body
// any more: whatever creates loses it on the way here.
func (v *verb) meant(object *vmdistributed.VMDistributedCluster, said body) error {
	if version := said.GetResourceVersion(); version != "" && version != object.ResourceVersion {
		return apierrors.NewConflict(v.resource, object.Name, fmt.Errorf("metadata.resourceVersion: is %s, and the object has %s", version, object.ResourceVersion))
	}
	return nil
}

// conflict says why a word is none for the state that the object is in.
type conflict struct{ message string }

func (c *conflict) Error() string { return c.message }

func conflictf(format string, args ...any) error {
	return &conflict{fmt.Sprintf(format, args...)}
}

// speech is what is said of an object.
type speech struct {
	object *vmdistributed.VMDistributedCluster
	// wanted is the revision that spec asks for.
	wanted string
	// all and zones are the revisions that are rolled out now: that one, unless it was
	// undone.
	all   string
	zones map[string]string
	// listed are those of them that the list names.
	listed map[string]bool
	// records are the revisions that are on record.
	records func() ([]history.Record, error)
	// blind says why it can't be told what runs by an undo; nil where it can.
	blind error
	// touched are zones that may be touched and that spec does not have like that.
	touched []vmdistributed.Zone
	by      string
	at      metav1.Time
	// notes are for whoever speaks.
	notes []string
}

// lookUp finds out what is rolled out now.
func (s *speech) lookUp() error {
	zones, err := revision.Of(s.object)
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	s.wanted = revision.OfZones(zones)
	s.all = s.wanted
	if word, undone := s.object.Status.Undone(s.wanted); undone {
		s.all = word.To
		var record history.Record
		record, s.blind = s.record(word.To)
		if zones, err = revision.OfList(record.Zones.VMClusters); err != nil {
			return apierrors.NewInternalError(err)
		}
		s.touched = record.Zones.VMClusters
	}
	s.listed = map[string]bool{}
	at := s.object.Status.RestartedAt()
	for name := range zones {
		s.listed[name], zones[name] = true, revision.Restarted(zones[name], at)
	}
	s.zones = withStrays(zones, s.object.Status.Zones)
	return nil
}

// record finds what is on record of a revision: nothing of one that is lost.
func (s *speech) record(wanted string) (history.Record, error) {
	records, err := s.recorded()
	if err != nil {
		return history.Record{}, err
	}
	i := slices.IndexFunc(records, func(r history.Record) bool { return r.Revision == wanted && r.Problem == "" })
	if i < 0 {
		return history.Record{}, nil
	}
	return records[i], nil
}

func (s *speech) recorded() ([]history.Record, error) {
	records, err := s.records()
	if err != nil {
		return nil, apierrors.NewServiceUnavailable(fmt.Sprintf("which revisions there are is not known, try again: %v", err))
	}
	return records, nil
}

// withStrays adds the revisions that zones have which the list no longer names.
func withStrays(zones map[string]string, remembered []vmdistributed.ZoneStatus) map[string]string {
	all := maps.Clone(zones)
	for i := range remembered {
		if zone := &remembered[i]; all[zone.Name] == "" {
			all[zone.Name] = cmp.Or(zone.UpdateRevision, zone.Revision, rollout.UnknownRevision)
		}
	}
	return all
}

func (s *speech) say(verb vmdistributed.WordVerb, zone, revision, reason string) {
	if before, said := s.object.Status.Said(verb, zone, revision); said {
		s.keep(before, reason)
	}
	s.object.Status.Say(vmdistributed.Word{Verb: verb, Zone: zone, Revision: revision, By: s.by, At: s.at, Reason: reason})
}

// keep leaves a word as it was said before, and notes that the reason is not kept which
// was given now.
func (s *speech) keep(before vmdistributed.Word, reason string) {
	if reason == "" || reason == before.Reason {
		return
	}
	given := "no reason that was given"
	if before.Reason != "" {
		given = fmt.Sprintf("the reason %q", before.Reason)
	}
	s.notes = append(s.notes, fmt.Sprintf("%s did that at %s, for %s, and that is kept", before.By, before.At.UTC().Format(time.RFC3339), given))
}

// awaitLook says that what the conditions tell is of before.
func (s *speech) awaitLook() {
	meta.SetStatusCondition(&s.object.Status.Conditions, metav1.Condition{
		Type: rollout.ConditionReconciling, Status: metav1.ConditionTrue, Reason: rollout.NotObserved, ObservedGeneration: s.object.Status.ObservedGeneration,
		Message: "the controller has not looked at the object since something was asked for by a verb", LastTransitionTime: s.at,
	})
}

// of returns the present revision of all zones, if it is the one that is meant.
func (s *speech) of(wanted string) (string, error) {
	if wanted != "" && wanted != s.all {
		return "", conflictf("revision: is %s, and the object's is %s now", wanted, s.all)
	}
	return s.all, nil
}

// checkReason bounds what is kept.
func (s *speech) checkReason(kind, reason string) error {
	if len(reason) <= maxReason {
		return nil
	}
	errs := field.ErrorList{field.TooLong(field.NewPath("reason"), "", maxReason)}
	return apierrors.NewInvalid(schema.GroupKind{Kind: kind}, s.object.Name, errs)
}
