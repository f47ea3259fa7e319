// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Behaviour is a way to treat one object.
type Behaviour string

const (
	// Normal is what the operator does when all goes well.
	Normal Behaviour = ""
	// Fail reports updateStatus failed with a reason: at once for a spec that
	// was applied before, after the lag for a new one. Workloads get no further.
	// A VMUser gets the reason in Applied conditions that are False.
	Fail Behaviour = "fail"
	// Stuck reports expanding for ever. Workloads get no further. The conditions
	// of a VMUser stay what they were.
	Stuck Behaviour = "stuck"
	// FalseOperational reports operational for a new generation at once, while
	// the workloads only converge after the lag. A VMUser is operational at once
	// while its conditions are still those of the generation before, which the
	// operator itself lets happen for a moment.
	FalseOperational Behaviour = "false-operational"
	// Stale overlooks every generation that was not observed before: status and
	// workloads remain those of the last one that was.
	Stale Behaviour = "stale"
	// Unready reports operational, as Normal does, while one replica of the
	// first workload that has any is not ready. It means nothing to a VMUser.
	Unready Behaviour = "unready"
	// Deaf does nothing at all; an object under deletion stays.
	Deaf Behaviour = "deaf"
)

const (
	// BehaviourAnnotation holds the Behaviour of the object that carries it. It
	// goes before Options.Behaviour. On a VMAuth, everything but Normal,
	// Unready and FalseOperational also leaves the conditions of the VMUsers
	// that it selects as they were.
	BehaviourAnnotation = "standin.vmdistributed.test/behaviour"
	// FromGenerationAnnotation is the first metadata.generation for which
	// BehaviourAnnotation counts. Without it, it counts at once.
	FromGenerationAnnotation = "standin.vmdistributed.test/from-generation"
	// ReasonAnnotation is the reason that Fail reports.
	ReasonAnnotation = "standin.vmdistributed.test/reason"
	// LagAnnotation is the time between the moment at which a new spec is
	// noticed and the one at which it has taken effect, such as 2s. It goes
	// before Options.Lag. The condition that a VMAuth sets on a VMUser has the
	// lag of the VMUser or, where that one names none, of the VMAuth.
	LagAnnotation = "standin.vmdistributed.test/lag"
)

// Behaviours lists all that BehaviourAnnotation accepts.
func Behaviours() []Behaviour {
	return []Behaviour{Normal, Fail, Stuck, FalseOperational, Stale, Unready, Deaf}
}

// orders is what is asked for in respect of one object.
type orders struct {
	behaviour Behaviour
	reason    string
	lag       time.Duration
	// ownLag tells that the lag is the object's own.
	ownLag bool
}

// ordersFor reads what is asked for. What it does not understand fails the
// object, so that a mistake in a test shows where it was made.
func (o Options) ordersFor(obj *unstructured.Unstructured) orders {
	result := orders{lag: o.lag(), reason: obj.GetAnnotations()[ReasonAnnotation]}
	if result.reason == "" {
		result.reason = "the stand-in was told to fail this object"
	}
	if err := result.read(o, obj); err != nil {
		result.behaviour, result.reason, result.lag = Fail, err.Error(), 0
	}
	return result
}

func (r *orders) read(o Options, obj *unstructured.Unstructured) error {
	annotations := obj.GetAnnotations()
	if raw, ok := annotations[LagAnnotation]; ok {
		lag, err := time.ParseDuration(raw)
		if err != nil {
			return fmt.Errorf("annotation %s: %w: write a duration such as 2s", LagAnnotation, err)
		}
		r.lag, r.ownLag = max(lag, 0), true
	}
	behaviour, err := o.behaviourOf(obj)
	if err != nil {
		return err
	}
	if !slices.Contains(Behaviours(), behaviour) {
		return fmt.Errorf("behaviour %q is unknown to the stand-in: use one of %q", behaviour, Behaviours())
	}
	r.behaviour = behaviour
	return nil
}

func (o Options) behaviourOf(obj *unstructured.Unstructured) (Behaviour, error) {
	annotations := obj.GetAnnotations()
	if raw, ok := annotations[FromGenerationAnnotation]; ok {
		first, err := strconv.ParseInt(raw, 10, 64)
		if err != nil {
			return "", fmt.Errorf("annotation %s: %w: write a generation such as 3", FromGenerationAnnotation, err)
		}
		if obj.GetGeneration() < first {
			return Normal, nil
		}
	}
	if behaviour, ok := annotations[BehaviourAnnotation]; ok {
		return Behaviour(behaviour), nil
	}
	if o.Behaviour != nil {
		return o.Behaviour(obj), nil
	}
	return Normal, nil
}
