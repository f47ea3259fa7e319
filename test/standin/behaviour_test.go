// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestOrdersComeFromTheObjectFirst(t *testing.T) {
	failing := Options{Lag: time.Minute, Behaviour: func(*unstructured.Unstructured) Behaviour { return Fail }}
	const unasked = "the stand-in was told to fail this object"
	for name, c := range map[string]struct {
		options     Options
		annotations map[string]string
		want        orders
	}{
		"nothing is asked for": {Options{}, nil, orders{reason: unasked, lag: DefaultLag}},
		"no lag at all":        {Options{Lag: -1}, nil, orders{reason: unasked}},
		"the options ask":      {failing, nil, orders{behaviour: Fail, reason: unasked, lag: time.Minute}},
		"the object goes first": {
			failing,
			map[string]string{BehaviourAnnotation: "stuck", LagAnnotation: "2s", ReasonAnnotation: "why"},
			orders{behaviour: Stuck, reason: "why", lag: 2 * time.Second, ownLag: true},
		},
		"an empty behaviour is normal": {
			failing, map[string]string{BehaviourAnnotation: ""}, orders{reason: unasked, lag: time.Minute},
		},
		"a behaviour is saved for a later generation": {
			Options{}, map[string]string{BehaviourAnnotation: "fail", FromGenerationAnnotation: "3"}, orders{reason: unasked, lag: DefaultLag},
		},
		"a behaviour counts from its generation on": {
			Options{}, map[string]string{BehaviourAnnotation: "fail", FromGenerationAnnotation: "2"}, orders{behaviour: Fail, reason: unasked, lag: DefaultLag},
		},
	} {
		t.Run(name, func(t *testing.T) {
			obj := object(t, "{apiVersion: v1, kind: X, metadata: {generation: 2}}")
			obj.SetAnnotations(c.annotations)
			expect(t, c.options.ordersFor(obj), c.want)
		})
	}
}

func TestAMistakeInAnAnnotationFailsTheObjectAtOnce(t *testing.T) {
	for annotation, value := range map[string]string{
		BehaviourAnnotation:      "explode",
		LagAnnotation:            "soon",
		FromGenerationAnnotation: "next",
	} {
		t.Run(annotation, func(t *testing.T) {
			obj := object(t, "{apiVersion: v1, kind: X}")
			obj.SetAnnotations(map[string]string{annotation: value})
			got := Options{}.ordersFor(obj)
			if got.behaviour != Fail || got.lag != 0 || !strings.Contains(got.reason, value) {
				t.Errorf("got %+v, want it to fail without lag and to name %q", got, value)
			}
		})
	}
}
