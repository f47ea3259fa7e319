// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"slices"
	"strings"
	"testing"
)

// installed is a cluster with all that may be there, and nothing of others.
func installed() Observed {
	found := Observed{Namespace: "ours", Records: []string{"monitoring/metrics"}, Revisions: []string{"monitoring/vmdc-metrics-1"}, Marked: 3}
	for _, item := range inventory(found.Namespace) {
		found.Objects = append(found.Objects, Object{Ref: item.Ref, Stage: item.stage, UID: "1"})
	}
	return found
}

// only has objects of some stages.
func only(found Observed, stages ...Stage) Observed {
	found.Objects = slices.DeleteFunc(found.Objects, func(object Object) bool { return !slices.Contains(stages, object.Stage) })
	return found
}

// where is the first step that says something, or -1.
func (p Plan) where(what string) int {
	return slices.IndexFunc(p.Steps, func(step Step) bool { return strings.Contains(step.String(), what) })
}

func TestWhatIsAskedGoesFirstAndRightsGoLast(t *testing.T) {
	found := installed()
	found.OperatorKinds = []string{"vldistributed", "vmdistributed"}
	plan := Decide(found, Options{DeleteStore: true})
	last := -1
	for _, what := range []string{
		"deleting APIService v1alpha1.operator.victoriametrics.com", "deleting APIService v1alpha1.distributed.victoriametrics.com",
		"waiting until kube-apiserver serves vldistributed and vmdistributed",
		"deleting Deployment ours/vmdistributed-apiserver", "deleting StatefulSet ours/vmdistributed-apiserver",
		"waiting until no server runs any more", "looking whether no rollout has begun",
		"deleting Service ours/", "deleting FlowSchema vmdistributed-apiserver", "deleting Secret ours/vmdistributed-apiserver-certificate",
		"deleting records of VMDistributedClusters: monitoring/metrics", "deleting revisions of VMDistributedClusters on record: monitoring/vmdc-metrics-1", "deleting CustomResourceDefinition ",
		"deleting PersistentVolumeClaim ours/store-", "deleting ConfigMap ours/vmdistributed-store", "deleting ConfigMap ours/vmdistributed-aborts",
		"deleting ClusterRoleBinding ", "deleting RoleBinding kube-system/", "deleting RoleBinding ours/",
		"deleting ClusterRole ", "deleting ServiceAccount ours/", "deleting Lease ours/", "deleting Namespace ours",
	} {
		at := plan.where(what)
		if at <= last {
			t.Errorf("%q is step %d, after step %d", what, at, last)
		}
		last = at
	}
	if last != len(plan.Steps)-1 {
		t.Errorf("something comes after the namespace: %v", plan.Steps[last:])
	}
}

func TestDecide(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*Observed)
		options Options
		refused []string // parts of what is said
		does    []string // parts of steps
		never   []string
		keeps   []string
	}{
		"objects are kept": {
			does:  []string{"deleting APIService", "deleting Deployment"},
			never: []string{"deleting records", "deleting revisions", "CustomResourceDefinition", "PersistentVolumeClaim", "ConfigMap", "Namespace"},
			keeps: []string{
				"monitoring/metrics: --delete-store deletes them", "monitoring/vmdc-metrics-1: they are what there is to go back to; --delete-store deletes them", "CustomResourceDefinition vmdistributedclusterrecords", "PersistentVolumeClaim ours/store",
				"ConfigMap ours/vmdistributed-store: it says which store",
				"ConfigMap ours/vmdistributed-aborts: it says which changes were called off", "Namespace ours: in it is PersistentVolumeClaim", "3 VMClusters, VMUsers and VMAgents: none is changed",
			},
		},
		"a namespace in which nothing is left goes": {
			change: func(f *Observed) { *f = only(*f, Registration, Workload, Rights, Home) },
			does:   []string{"deleting Namespace ours"},
		},
		"a namespace in which something else is stays": {
			change:  func(f *Observed) { f.Inhabitants = []string{"Secret ours/vmdistributed-apiserver-etcd"} },
			options: Options{DeleteStore: true},
			does:    []string{"deleting ConfigMap ours/vmdistributed-store"}, never: []string{"Namespace"},
			keeps: []string{"Namespace ours: in it is Secret ours/vmdistributed-apiserver-etcd"},
		},
		"a namespace with a record of its own stays": {
			change: func(f *Observed) {
				*f = only(*f, Registration, Home)
				f.Records = []string{"ours/metrics"}
			},
			never: []string{"Namespace"}, keeps: []string{"Namespace ours: in it is the record ours/metrics"},
		},
		"what is somebody else's stays": {
			change: func(f *Observed) { f.Objects[0].NotOurs = "it sends requests to the Service a/b" },
			does:   []string{"deleting APIService v1alpha1.distributed"}, never: []string{"APIService v1alpha1.operator"},
			keeps: []string{"APIService v1alpha1.operator.victoriametrics.com: it sends requests to the Service a/b"},
		},
		"nothing is waited for where nothing is left": {
			change: func(f *Observed) { *f = only(*f, Store) }, never: []string{"waiting", "looking"},
			keeps: []string{"monitoring/metrics"},
		},
		"servers are waited for where a first run got that far": {
			change: func(f *Observed) { *f = only(*f, Rights) }, does: []string{"no server runs any more", "deleting ServiceAccount"},
		},
		"a drain stands against it": {
			change:  func(f *Observed) { f.Drains = []Drain{{User: "a/read", Owner: "a/metrics", Zone: "zone-a"}} },
			refused: []string{"VMUser a/read is drained: without the server, its reads stay away from zone zone-a. Wait until VMDistributedCluster a/metrics"},
		},
		"so does one that can't be read": {
			change:  func(f *Observed) { f.Drains = []Drain{{User: "a/read", Unreadable: "it is no JSON"}} },
			refused: []string{"VMUser a/read carries the record of a drain, which can't be read: it is no JSON"},
		},
		"so does a zone in work": {
			change:  func(f *Observed) { f.InWork = []Work{{Object: "a/metrics", Doing: "zone zone-a is Updating"}} },
			refused: []string{"a/metrics is in the middle of a rollout: zone zone-a is Updating. Wait for its end: kubectl -n a wait --for=condition=Ready vmdc/metrics"},
		},
		"under a halt, no end comes by itself": {
			change: func(f *Observed) {
				f.Halt = &Halt{Switch: "ConfigMap ours/vmdistributed-halt", Reason: "an incident"}
				f.Drains = []Drain{{User: "a/read", Owner: "a/metrics", Zone: "zone-a"}}
				f.InWork = []Work{{Object: "a/metrics", Doing: "zone zone-a is Updating"}}
			},
			refused: []string{
				`a/metrics is in the middle of a rollout: zone zone-a is Updating. It goes no further while ConfigMap ours/vmdistributed-halt halts the server (reason: an incident): ` +
					`kubectl -n ours delete configmap vmdistributed-halt ends that. Then wait for its end: kubectl -n a wait`,
				"reads stay away from zone zone-a. They stay so while ConfigMap ours/vmdistributed-halt halts the server (reason: an incident): " +
					"kubectl -n ours delete configmap vmdistributed-halt ends that. Then wait until VMDistributedCluster a/metrics has given them back",
			},
		},
		"an object that is paused comes to no end by itself": {
			change: func(f *Observed) {
				f.InWork = []Work{{Object: "a/metrics", Doing: "zone zone-a is Updating", Paused: true}}
			},
			refused: []string{"It goes no further while it is paused (spec.paused): end that. Then wait for its end: kubectl -n a wait"},
		},
		"nor do its drains": {
			change: func(f *Observed) {
				f.Drains = []Drain{{User: "a/read", Owner: "a/metrics", Zone: "zone-a"}, {User: "a/other", Owner: "a/another", Zone: "zone-b"}}
				f.InWork = []Work{{Object: "a/metrics", Doing: "zone zone-a is Updating", Paused: true}, {Object: "a/another", Doing: "zone zone-b is Updating"}}
			},
			refused: []string{
				"away from zone zone-a. They stay so while VMDistributedCluster a/metrics is paused (spec.paused): end that. Then wait until VMDistributedCluster a/metrics has given them back",
				"away from zone zone-b. Wait until VMDistributedCluster a/another has given them back",
			},
		},
		"between two zones, a pause will do": {
			change: func(f *Observed) {
				f.InWork = []Work{{Object: "a/metrics", Doing: "VMAgentLacking: waiting", Between: true}}
			},
			refused: []string{"VMAgentLacking: waiting. No zone is drained or being changed: a pause (spec.paused) holds it there, and it can be taken away then. Or wait for its end: kubectl -n a wait"},
		},
		"unless somebody wants it all the same": {
			change: func(f *Observed) {
				f.Drains = []Drain{{User: "a/read", Owner: "a/metrics", Zone: "zone-a"}}
				f.InWork = []Work{{Object: "a/metrics", Doing: "zone zone-a is Updating"}}
			},
			options: Options{AbandonRollouts: true}, does: []string{"deleting APIService"}, never: []string{"no rollout has begun"},
		},
		"a server that does not answer is taken away": {
			change: func(f *Observed) { f.Silent = "the server does not answer (503)" },
			does:   []string{"deleting APIService"}, keeps: []string{"the server does not answer (503), so that only VMUsers tell of rollouts"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := installed()
			if c.change != nil {
				c.change(&found)
			}
			plan := Decide(found, c.options)
			if refused := len(plan.Refused) > 0; refused != (len(c.refused) > 0) || refused && len(plan.Steps) > 0 {
				t.Fatalf("refused with %q, steps %v", plan.Refused, plan.Steps)
			}
			text := plan.Text()
			for _, said := range slices.Concat(c.refused, c.keeps) {
				if !strings.Contains(text, said) {
					t.Errorf("%q is not in\n%s", said, text)
				}
			}
			for _, step := range c.does {
				if plan.where(step) < 0 {
					t.Errorf("no step is %q:\n%s", step, text)
				}
			}
			for _, step := range c.never {
				if at := plan.where(step); at >= 0 {
					t.Errorf("there is the step %q", plan.Steps[at])
				}
			}
		})
	}
}

// TestWhereOneRunStopsTheNextGoesOn: what is left is done in the same order, wherever
// the first run has stopped.
func TestWhereOneRunStopsTheNextGoesOn(t *testing.T) {
	for _, options := range []Options{{}, {DeleteStore: true}} {
		whole := Decide(installed(), options)
		for done := range whole.Steps {
			found := installed()
			for _, step := range whole.Steps[:done] {
				switch step.Do {
				case Delete:
					found.Objects = slices.DeleteFunc(found.Objects, func(object Object) bool { return object.Ref == step.Object.Ref })
				case DeleteRecords:
					found.Records = nil
				}
			}
			left := deletions(Decide(found, options))
			if want := deletions(Plan{Steps: whole.Steps[done:]}); !slices.Equal(left, want) {
				t.Errorf("after %d steps, %q are left, want %q", done, left, want)
			}
		}
	}
}

func deletions(plan Plan) (all []string) {
	for _, step := range plan.Steps {
		if step.Do == Delete || step.Do == DeleteRecords {
			all = append(all, step.What)
		}
	}
	return all
}

// TestEachStepIsToldAsWhatItDoes, before and after it.
func TestEachStepIsToldAsWhatItDoes(t *testing.T) {
	for do, want := range map[Action][2]string{
		Delete: {"delete   it", "deleted  it"}, DeleteRecords: {"delete   it", "deleted  it"}, DeleteRevisions: {"delete   it", "deleted  it"},
		AwaitKinds: {"wait     it", "waited   it"}, AwaitEnd: {"wait     it", "waited   it"}, CheckDrains: {"check    it", "checked  it"},
	} {
		step := Step{Do: do, What: "it"}
		before, after := Plan{Steps: []Step{step}}.Text(), step.DoneText()
		if before != want[0]+"\n" || after != want[1]+"\n" {
			t.Errorf("%s is told as %q and %q, want %q", do, before, after, want)
		}
	}
}

func TestManyAreNotAllNamed(t *testing.T) {
	names := slices.Repeat([]string{"a/b"}, 12)
	if said := some(names); !strings.HasSuffix(said, "a/b and 2 more") || strings.Count(said, "a/b") != 10 {
		t.Errorf("said %q", said)
	}
}
