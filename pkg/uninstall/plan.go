// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/aborts"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/halt"
)

// Options say what somebody wants.
type Options struct {
	// DeleteStore has the objects go too, without any VMCluster being touched.
	DeleteStore bool
	// AbandonRollouts leaves zones as a rollout has them now.
	AbandonRollouts bool
}

// Action is what a step does.
type Action string

const (
	// Delete deletes one object.
	Delete Action = "delete"
	// DeleteRecords takes the guard off all records, and deletes them.
	DeleteRecords Action = "delete records"
	// DeleteRevisions deletes what is on record of revisions.
	DeleteRevisions Action = "delete revisions"
	// AwaitKinds waits until the operator's kinds are served again.
	AwaitKinds Action = "await kinds"
	// AwaitEnd waits until no server runs any more.
	AwaitEnd Action = "await end"
	// CheckDrains stops where a rollout has begun since the plan was made.
	CheckDrains Action = "check drains"
)

// Step is one thing to do.
type Step struct {
	Do Action `json:"do"`
	// Object is the one that Delete is about.
	Object *Object `json:"object,omitempty"`
	// What says so for people.
	What string `json:"what"`
}

// Note is about what stays.
type Note struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Plan is what to do about what was found.
type Plan struct {
	// Refused says why nothing is done, and what to do first.
	Refused []string `json:"refused,omitempty"`
	// Steps are to be taken in this order, each when the one before it is done.
	Steps []Step `json:"steps,omitempty"`
	// Kept is what stays, and why.
	Kept []Note `json:"kept,omitempty"`
}

// Decide says what to do.
func Decide(found Observed, options Options) Plan {
	plan := Plan{Kept: kept(found, options)}
	if !options.AbandonRollouts {
		plan.Refused = refusals(found)
	}
	if len(plan.Refused) > 0 {
		return plan
	}
	for stage := Registration; stage <= Home; stage++ {
		plan.Steps = append(plan.Steps, steps(found, options, stage)...)
	}
	if !slices.ContainsFunc(plan.Steps, func(step Step) bool {
		return slices.Contains([]Action{Delete, DeleteRecords, DeleteRevisions}, step.Do)
	}) {
		plan.Steps = nil // there is nothing left to wait for
	}
	return plan
}

// steps are those of one stage.
func steps(found Observed, options Options, stage Stage) []Step {
	var all []Step
	if stage == Store && options.DeleteStore && len(found.Records) > 0 {
		all = append(all, Step{Do: DeleteRecords, What: "records of VMDistributedClusters: " + some(found.Records)})
	}
	if stage == Store && options.DeleteStore && len(found.Revisions) > 0 {
		all = append(all, Step{Do: DeleteRevisions, What: "revisions of VMDistributedClusters on record: " + some(found.Revisions)})
	}
	for i := range found.Objects {
		object := &found.Objects[i]
		if object.Stage == stage && goes(found, options, object) {
			all = append(all, Step{Do: Delete, Object: object, What: object.String()})
		}
	}
	switch stage {
	case Registration:
		if len(found.OperatorKinds) > 0 {
			all = append(all, Step{Do: AwaitKinds, What: fmt.Sprintf("kube-apiserver serves %s of the operator", strings.Join(found.OperatorKinds, " and "))})
		}
	case Workload:
		all = append(all, Step{Do: AwaitEnd, What: "no server runs any more"})
		if !options.AbandonRollouts {
			// A change that came before the APIService went may have begun a rollout.
			all = append(all, Step{Do: CheckDrains, What: "no rollout has begun meanwhile"})
		}
	}
	return all
}

// goes tells whether an object is to be deleted.
func goes(found Observed, options Options, object *Object) bool {
	switch {
	case object.NotOurs != "":
		return false
	case object.Stage == Store:
		return options.DeleteStore
	case object.Stage == Home:
		return len(inhabitants(found, options)) == 0
	}
	return true
}

// inhabitants are what keeps the namespace from being deleted.
func inhabitants(found Observed, options Options) []string {
	all := slices.Clone(found.Inhabitants)
	for i := range found.Objects {
		object := &found.Objects[i]
		if object.Namespace == found.Namespace && !goes(found, options, object) {
			all = append(all, object.String())
		}
	}
	for _, record := range found.Records {
		if !options.DeleteStore && strings.HasPrefix(record, found.Namespace+"/") {
			all = append(all, "the record "+record)
		}
	}
	for _, revision := range found.Revisions {
		if !options.DeleteStore && strings.HasPrefix(revision, found.Namespace+"/") {
			all = append(all, "the ControllerRevision "+revision)
		}
	}
	return all
}

// refusals say what would stay as no one wants it.
func refusals(found Observed) []string {
	var all []string
	for _, drain := range found.Drains {
		all = append(all, drain.refusal(found))
	}
	for _, work := range found.InWork {
		all = append(all, work.refusal(found))
	}
	return all
}

func (d Drain) refusal(found Observed) string {
	if d.Unreadable != "" {
		return fmt.Sprintf("VMUser %s carries the record of a drain, which can't be read: %s", d.User, d.Unreadable)
	}
	wait := "Wait"
	switch {
	case found.Halt != nil:
		wait = "They stay so " + found.Halt.while(found.Namespace) + ". Then wait"
	case found.paused(d.Owner):
		wait = fmt.Sprintf("They stay so while VMDistributedCluster %s is paused (spec.paused): end that. Then wait", d.Owner)
	}
	return fmt.Sprintf("VMUser %s is drained: without the server, its reads stay away from zone %s. %s until VMDistributedCluster %s has given them back; "+
		"or, if it does not go on, do that by hand: docs/rollout.md, Undoing a drain by hand", d.User, d.Zone, wait, d.Owner)
}

// paused tells whether the server has said so of an object that it is doing something for.
func (o Observed) paused(object string) bool {
	return slices.ContainsFunc(o.InWork, func(work Work) bool { return work.Object == object && work.Paused })
}

func (w Work) refusal(found Observed) string {
	wait := "Wait"
	switch {
	case found.Halt != nil:
		wait = "It goes no further " + found.Halt.while(found.Namespace) + ". Then wait"
	case w.Paused:
		wait = "It goes no further while it is paused (spec.paused): end that. Then wait"
	case w.Between:
		wait = "No zone is drained or being changed: a pause (spec.paused) holds it there, and it can be taken away then. Or wait"
	}
	namespace, name, _ := strings.Cut(w.Object, "/")
	return fmt.Sprintf("VMDistributedCluster %s is in the middle of a rollout: %s. %s for its end: kubectl -n %s wait --for=condition=Ready vmdc/%s --timeout=1h",
		w.Object, w.Doing, wait, namespace, name)
}

// while says for how long nothing goes on, and how to end that.
func (h *Halt) while(namespace string) string {
	if h.Unknown != "" {
		return fmt.Sprintf("if there is %s, which can't be told (%s): look for it as somebody who may, and end the halt", h.Switch, h.Unknown)
	}
	return fmt.Sprintf("while %s halts the server (reason: %s): kubectl -n %s delete configmap %s ends that",
		h.Switch, cmp.Or(h.Reason, "none is given"), namespace, halt.Name)
}

// kept tells what stays.
func kept(found Observed, options Options) []Note {
	var notes []Note
	note := func(what, format string, args ...any) {
		notes = append(notes, Note{what, fmt.Sprintf(format, args...)})
	}
	if found.Marked > 0 {
		note(fmt.Sprintf("%d VMClusters, VMUsers and VMAgents", found.Marked), "none is changed; their annotations %s/* are for a server that comes later", ownGroup)
	}
	if len(found.Records) > 0 && !options.DeleteStore {
		note("records of VMDistributedClusters: "+some(found.Records), "--delete-store deletes them. Until the server is installed again, a namespace that has one can't be deleted")
	}
	if len(found.Revisions) > 0 && !options.DeleteStore {
		note("revisions of VMDistributedClusters on record: "+some(found.Revisions), "they are what there is to go back to; --delete-store deletes them")
	}
	for i := range found.Objects {
		object := &found.Objects[i]
		switch {
		case goes(found, options, object):
		case object.NotOurs != "":
			note(object.String(), "%s", object.NotOurs)
		case object.Stage == Store:
			note(object.String(), "%s; --delete-store deletes it", holds(object))
		case object.Stage == Home:
			note(object.String(), "in it is %s", some(inhabitants(found, options)))
		}
	}
	if found.Silent != "" {
		note("what was in the works", "%s, so that only VMUsers tell of rollouts", found.Silent)
	}
	return notes
}

// holds says what a part of the store is for.
func holds(object *Object) string {
	switch object.Kind {
	case "CustomResourceDefinition":
		return "it is that of the records"
	case "PersistentVolumeClaim":
		return "the objects are in the embedded etcd there"
	}
	if object.Name == aborts.ConfigMap {
		return "it says which changes were called off"
	}
	return "it says which store the cluster knows"
}

// some names a few of many.
func some(all []string) string {
	const most = 10
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}
