// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"slices"
	"strings"
	"testing"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"
)

// fine is a cluster with an operator that has no kinds in the version that is ours.
func fine() Facts {
	facts := Facts{
		Namespace: "vmdistributed-system", Version: "v1.37.1", Served: map[string]bool{},
		First:           APIService{Name: firstAPIService, Standing: Absent},
		Second:          APIService{Name: secondAPIService, Standing: Absent},
		RequestHeaderCA: true,
	}
	for _, need := range hostNeeds() {
		for _, resource := range need.resources {
			facts.Served[resource] = true
		}
	}
	for _, resource := range zoneResources() {
		facts.Served[operatorVersion+"/"+resource] = true
	}
	return facts
}

// full makes the operator one that brings all of its definitions.
func full(f *Facts) {
	f.Kinds = []Kind{{Resource: "vldistributed"}, {Resource: "vmdistributed"}}
	f.First.Standing = Automanaged
}

// withoutOperator takes all of its kinds out.
func withoutOperator(f *Facts) {
	for _, resource := range zoneResources() {
		delete(f.Served, operatorVersion+"/"+resource)
	}
}

// toldToLeave gives the cluster an operator with the flag.
func toldToLeave(f *Facts) {
	f.Operators = []Operator{{Name: "monitoring/operator", LeavesAlone: []string{"VMDistributed", "VLDistributed"}}}
}

// installed makes an APIService this server's.
func installed(service *APIService) {
	service.Standing, service.Service, service.Kept = Ours, "vmdistributed-system/vmdistributed-apiserver", true
}

// known is a store that the cluster knows, with the identity a.
func known(kind string) identity.Known {
	return identity.Known{Kind: kind, ID: "a", Since: "then"}
}

func TestJudge(t *testing.T) {
	for name, tc := range map[string]struct {
		change      func(*Facts)
		plan        Plan
		recommended Overlay
		blocking    []string // topics
		warnings    []string
		says        []string // in the text
	}{
		"an operator without kinds in that version": {
			recommended: Base, says: []string{"ready: kubectl apply -k artifacts/base", "artifacts/overlays/beside-the-operator is possible too"},
		},
		"one kind of the operator is missing": {
			change:      func(f *Facts) { delete(f.Served, operatorVersion+"/vmauths") },
			recommended: Base, warnings: []string{"OperatorKinds"}, says: []string{"has no vmauths", "their zones wait"},
		},
		"no operator": {
			change: withoutOperator, recommended: Undecided, blocking: []string{"OperatorKinds"},
			says: []string{"fits:     can't be told", "no VictoriaMetrics operator", "install it first", "not ready"},
		},
		"no operator, whose Deployment is there": {
			change: func(f *Facts) { withoutOperator(f); toldToLeave(f) }, recommended: Undecided, blocking: []string{"OperatorKinds"},
			says: []string{"monitoring/operator is there, and its CustomResourceDefinitions are not"},
		},
		"no operator, and the second group is asked for": {
			change: withoutOperator, plan: Plan{Manifests: Manifests{Overlay: Beside}}, recommended: Undecided, warnings: []string{"OperatorKinds"},
			says: []string{"their zones wait", "ready: kubectl apply -k artifacts/overlays/beside-the-operator"},
		},
		"no operator, and base is asked for": {
			change: withoutOperator, plan: Plan{Manifests: Manifests{Overlay: Base}}, recommended: Undecided, warnings: []string{"OperatorKinds"},
			says: []string{"an operator that brings VMDistributed and VLDistributed", OperatorFlag()},
		},
		"an upgrade without the operator": {
			change: func(f *Facts) { withoutOperator(f); installed(&f.First) }, recommended: Base, warnings: []string{"OperatorKinds"},
		},
		"all definitions of the operator": {
			change: full, recommended: Beside,
			says: []string{"vldistributed and vmdistributed", "instead:  artifacts/base, but ", "-controller.disableReconcileFor=VMDistributed,VLDistributed", "automanaged: \"false\""},
		},
		"base though the operator brings all, and nobody knows its flags": {
			change: full, plan: Plan{Manifests: Manifests{Overlay: Base}}, recommended: Beside, warnings: []string{"OperatorFlag"},
			says: []string{"stays so by its label kube-aggregator.kubernetes.io/automanaged: \"false\" alone", "no Deployment of the operator is in sight"},
		},
		"base though the operator is not told to leave its kinds alone": {
			change: func(f *Facts) {
				full(f)
				f.Operators = []Operator{{Name: "monitoring/operator", LeavesAlone: []string{"VMDistributed"}}}
			},
			plan: Plan{Manifests: Manifests{Overlay: Base}}, recommended: Beside, blocking: []string{"OperatorFlag"},
			says: []string{"monitoring/operator is not told to leave VLDistributed alone", "ends after 3 minutes"},
		},
		"base, with the operator told to": {
			change: func(f *Facts) { full(f); toldToLeave(f) },
			plan:   Plan{Manifests: Manifests{Overlay: Base}}, recommended: Beside,
		},
		"base, and objects that it would hide": {
			change: func(f *Facts) { full(f); toldToLeave(f); f.Kinds[1].Objects = 2 },
			plan:   Plan{Manifests: Manifests{Overlay: Base}}, recommended: Beside, blocking: []string{"HiddenObjects"},
			says: []string{"objects of the operator's kind vmdistributed (at least 2)"},
		},
		"base, and nobody can tell whether it would hide objects": {
			change: func(f *Facts) { full(f); toldToLeave(f); f.Kinds[0].Objects = -1 },
			plan:   Plan{Manifests: Manifests{Overlay: Base}}, recommended: Beside, blocking: []string{"HiddenObjects"},
		},
		"objects that base would hide are no matter for the other one": {
			change: func(f *Facts) { full(f); f.Kinds[1].Objects = 2 }, recommended: Beside,
		},
		"an upgrade of base": {
			change:      func(f *Facts) { installed(&f.First) },
			recommended: Base, says: []string{"this is an upgrade"},
		},
		"an upgrade of base, which hides kinds": {
			change: func(f *Facts) {
				f.Kinds = []Kind{{Resource: "vmdistributed", Objects: -1}}
				installed(&f.First)
				toldToLeave(f)
			},
			recommended: Base, says: []string{"is hidden already"},
		},
		"the label is gone": {
			change: func(f *Facts) {
				f.Kinds = []Kind{{Resource: "vmdistributed", Objects: -1}}
				installed(&f.First)
				f.First.Kept = false
				toldToLeave(f)
			},
			recommended: Base, warnings: []string{"TakeoverLabel"},
		},
		"an upgrade of the other one": {
			change:      func(f *Facts) { installed(&f.Second) },
			recommended: Beside, says: []string{"this is an upgrade"},
		},
		"somebody else has the operator's group and version": {
			change:      func(f *Facts) { f.First.Standing, f.First.Service = Foreign, "other/server" },
			recommended: Beside, says: []string{"only the second group is free", "sends requests to the Service other/server"},
		},
		"base, and somebody else has the group and version": {
			change: func(f *Facts) { f.First.Standing, f.First.Service = Foreign, "other/server" },
			plan:   Plan{Manifests: Manifests{Overlay: Base}}, recommended: Beside, blocking: []string{"APIService"},
		},
		"somebody else has both": {
			change: func(f *Facts) {
				f.First.Standing, f.First.Service = Foreign, "other/server"
				f.Second.Standing, f.Second.Service = Foreign, "other/server"
			},
			recommended: Beside, blocking: []string{"APIService"},
		},
		"a cluster from before mutating policies": {
			change:      func(f *Facts) { lack(f, "mutatingadmissionpolicies", "mutatingadmissionpolicybindings") },
			recommended: Base, blocking: []string{"HostAPI"},
			says: []string{"since Kubernetes 1.36", "--disable-admission-plugins=MutatingAdmissionPolicy"},
		},
		"the same, with a server that does without": {
			change:      func(f *Facts) { lack(f, "mutatingadmissionpolicies", "mutatingadmissionpolicybindings") },
			plan:        Plan{WithoutPlugins: []string{"MutatingAdmissionPolicy"}},
			recommended: Base,
		},
		"no aggregation": {
			change:      func(f *Facts) { lack(f, "apiservices"); f.RequestHeaderCA = false },
			recommended: Base, blocking: []string{"HostAPI", "RequestHeader"},
		},
		"nobody may tell whether there is aggregation": {
			change: func(f *Facts) {
				f.RequestHeaderCA = false
				f.Unknown = []Unknown{{What: whatHeaderCA, Why: "forbidden"}}
			},
			recommended: Base, warnings: []string{"Unknown"},
		},
		"nobody may tell whose the APIServices are": {
			change: func(f *Facts) {
				f.First.Standing, f.Second.Standing = "", ""
				f.Unknown = []Unknown{{What: whatAPIServices, Why: "forbidden", Right: "list apiservices.apiregistration.k8s.io"}}
			},
			recommended: Undecided, blocking: []string{"Unknown"},
			says: []string{"can't tell the APIServices: forbidden", "somebody who may list apiservices.apiregistration.k8s.io", "not ready"},
		},
		"the APIServices could not be read, and the other way is asked for": {
			change: func(f *Facts) {
				f.First.Standing, f.Second.Standing = "", ""
				f.Unknown = []Unknown{{What: whatAPIServices, Why: "connection refused"}}
			},
			plan: Plan{Manifests: Manifests{Overlay: Beside}}, recommended: Undecided, blocking: []string{"Unknown"}, says: []string{"connection refused", "run this again"},
		},
		"nobody may tell what the operator has defined": {
			change: func(f *Facts) {
				f.Unknown = []Unknown{{What: whatCRDs, Why: "forbidden", Right: "get, list customresourcedefinitions.apiextensions.k8s.io"}}
			},
			recommended: Undecided, blocking: []string{"Unknown"},
			says: []string{"somebody who may get, list customresourcedefinitions.apiextensions.k8s.io", string(Beside) + ", which hides nothing"},
		},
		"what the operator has defined is no matter for the other one": {
			change: func(f *Facts) { f.Unknown = []Unknown{{What: whatCRDs, Why: "forbidden"}} },
			plan:   Plan{Manifests: Manifests{Overlay: Beside}}, recommended: Undecided, warnings: []string{"Unknown"},
		},
		"discovery shows kinds whose definitions nobody may read": {
			change:      func(f *Facts) { full(f); f.Unknown = []Unknown{{What: whatCRDs, Why: "forbidden"}} },
			recommended: Beside, warnings: []string{"Unknown"},
		},
		"an upgrade needs to know no definition": {
			change:      func(f *Facts) { installed(&f.Second); f.Unknown = []Unknown{{What: whatCRDs, Why: "forbidden"}} },
			recommended: Beside, warnings: []string{"Unknown"},
		},
		"other aggregated servers do not answer": {
			change:      func(f *Facts) { f.OtherAPIServices = []OtherAPIService{{Name: "v1.other", Message: "no route"}} },
			recommended: Base, warnings: []string{"Aggregation"}, says: []string{"no route"},
		},
		"one of them answers": {
			change: func(f *Facts) {
				f.OtherAPIServices = []OtherAPIService{{Name: "v1.other", Message: "no route"}, {Name: "v1.metrics", Available: true}}
			},
			recommended: Base,
		},
		"a group that can't be discovered": {
			change:      func(f *Facts) { f.Incomplete = map[string]string{"other/v1": "503"} },
			recommended: Base, warnings: []string{"Discovery"},
		},
		"the namespace is going": {
			change:      func(f *Facts) { f.NamespacePhase = "Terminating" },
			recommended: Base, blocking: []string{"Namespace"}, says: []string{"wait until it is gone"},
		},
		"the namespace is going, and an APIService of ours is left": {
			change: func(f *Facts) {
				f.NamespacePhase = "Terminating"
				f.First.Standing, f.First.Service = Ours, "vmdistributed-system/vmdistributed-apiserver"
			},
			recommended: Base, blocking: []string{"Namespace"}, says: []string{"delete the APIService v1alpha1.operator.victoriametrics.com: while it names a server that is gone"},
		},
		"rights are missing": {
			change: func(f *Facts) {
				f.MayNot, f.ServerMayNot = []string{"create apiservices.apiregistration.k8s.io"}, []string{"list namespaces"}
			},
			recommended: Base, blocking: []string{"Rights"}, warnings: []string{"ServerRights"},
			says: []string{"create apiservices.apiregistration.k8s.io", "list namespaces", "not ready"},
		},
		"records are there": {
			change:      func(f *Facts) { f.Records = Records{Defined: true, Count: 3} },
			recommended: Base, says: []string{"records: 3", "goes on with them", "judged:   artifacts/base (objects in the cluster itself, a certificate of its own)"},
		},
		"records are there, and another store is wanted": {
			change: func(f *Facts) { f.Records = Records{Defined: true, Count: 3} },
			plan:   Plan{Manifests: Manifests{Store: ExternalEtcd}}, recommended: Base, warnings: []string{"Records"},
			says: []string{"does not see them", "ready: kubectl apply -k artifacts/overlays/external-etcd"},
		},
		"the store is the one that the cluster knows": {
			change: func(f *Facts) {
				f.Records, f.Store = Records{Defined: true, Count: 3, ID: "a"}, known(identity.KindHost)
			}, recommended: Base,
		},
		"the definition of records was made anew": {
			change:      func(f *Facts) { f.Records, f.Store = Records{Defined: true, ID: "b"}, known(identity.KindHost) },
			recommended: Base, blocking: []string{"Store"},
			says: []string{"was made anew (its uid is b)", "ConfigMap vmdistributed-system/vmdistributed-store remembers, of kind host with the identity a, since then",
				"answer nothing", "kubectl -n vmdistributed-system annotate --overwrite configmap vmdistributed-store distributed.victoriametrics.com/accept-store=b"},
		},
		"the definition was made anew, and is accepted": {
			change: func(f *Facts) {
				f.Records, f.Store = Records{Defined: true, ID: "b"}, known(identity.KindHost)
				f.Store.Accepted = "b"
			},
			recommended: Base, says: []string{"takes the store with the identity b"},
		},
		"the definition was made anew, and another one is accepted": {
			change: func(f *Facts) {
				f.Records, f.Store = Records{Defined: true, ID: "b"}, known(identity.KindHost)
				f.Store.Accepted = "c"
			},
			recommended: Base, blocking: []string{"Store"},
		},
		"records are gone, and their definition is not": {
			change: func(f *Facts) {
				f.Records, f.Store, f.Marks = Records{Defined: true, ID: "a"}, known(identity.KindHost), []string{"VMCluster x/y carries the mark of VMDistributedCluster x/z"}
			},
			recommended: Base, blocking: []string{"Store"},
			says: []string{"there are no records", "VMCluster x/y carries the mark", "did not go in the ordinary way", "accept-store=a"},
		},
		"records are gone, and the cluster knows no store": {
			change:      func(f *Facts) { f.Marks = []string{"VMCluster x/y carries the mark of VMDistributedCluster x/z"} },
			recommended: Base, blocking: []string{"Store"}, says: []string{"have the store accepted as the server then says"},
		},
		"records are gone, and that is accepted": {
			change: func(f *Facts) {
				f.Records, f.Store, f.Marks = Records{Defined: true, ID: "a"}, known(identity.KindHost), []string{"VMCluster x/y carries the mark of VMDistributedCluster x/z"}
				f.Store.Empty = true
			},
			recommended: Base,
		},
		"records are gone, and that is accepted from now on": {
			change: func(f *Facts) {
				f.Records, f.Store, f.Marks = Records{Defined: true, ID: "a"}, known(identity.KindHost), []string{"VMCluster x/y carries the mark of VMDistributedCluster x/z"}
				f.Store.Accepted = "a"
			},
			recommended: Base,
		},
		"no records, for another store": {
			change: func(f *Facts) { f.Marks = []string{"VMCluster x/y carries the mark of VMDistributedCluster x/z"} },
			plan:   Plan{Manifests: Manifests{Store: ExternalEtcd}}, recommended: Base,
		},
		"the definition of records is gone": {
			change:      func(f *Facts) { f.Store = known(identity.KindHost) },
			recommended: Base, blocking: []string{"Store"}, says: []string{"is gone with", "kubectl apply -f artifacts/base/crd.yaml"},
		},
		"nobody may read the definition of records": {
			change: func(f *Facts) {
				f.Store = known(identity.KindHost)
				f.Unknown = []Unknown{{What: whatDefinition, Why: "forbidden"}}
			},
			recommended: Base, warnings: []string{"Unknown"},
		},
		"the definition of records is being deleted": {
			change: func(f *Facts) {
				f.Records, f.Store = Records{Defined: true, Count: 2, ID: "a", Leaving: true}, known(identity.KindHost)
			},
			recommended: Base, blocking: []string{"RecordsLeaving"}, says: []string{"is being deleted", "records: 2", "take their guards off"},
		},
		"the definition of records is being deleted, and another store is wanted": {
			change:      func(f *Facts) { f.Records = Records{Defined: true, ID: "a", Leaving: true} },
			plan:        Plan{Manifests: Manifests{Store: ExternalEtcd}},
			recommended: Base, warnings: []string{"RecordsLeaving"},
		},
		"the cluster knows an etcd, and manifests without one are asked for": {
			change:      func(f *Facts) { f.Records, f.Store = Records{ID: "b"}, known(identity.KindEtcd) },
			recommended: Base, blocking: []string{"Store"},
			says: []string{"is of kind host, and is another one than", "by --overlay (artifacts/overlays/external-etcd)", "accept-store=b"},
		},
		"the cluster knows an etcd, and the records are accepted": {
			change: func(f *Facts) {
				f.Records, f.Store = Records{ID: "b"}, known(identity.KindEtcd)
				f.Store.Accepted = "b"
			},
			recommended: Base, says: []string{"takes the store with the identity b"},
		},
		"the cluster knows an etcd, and so do the manifests": {
			change: func(f *Facts) { f.Store = known(identity.KindEtcd) },
			plan:   Plan{Manifests: Manifests{Store: ExternalEtcd}}, recommended: Base,
		},
		"the cluster knows records, and an embedded etcd is wanted": {
			change: func(f *Facts) { f.Records, f.Store = Records{ID: "a"}, known(identity.KindHost) },
			plan:   Plan{Manifests: Manifests{Store: EmbeddedEtcd}}, recommended: Base, blocking: []string{"Store"},
			says: []string{"is of kind embedded-etcd", "by --overlay (artifacts/base)", "as the server then says"},
		},
		"the cluster knows a store that this version has not heard of": {
			change:      func(f *Facts) { f.Store = known("tape") },
			recommended: Base, blocking: []string{"Store"}, says: []string{"the manifests that the former server had"},
		},
		"cert-manager is wanted, and is not there": {
			plan: Plan{Manifests: Manifests{Certificate: CertManager}}, recommended: Base, blocking: []string{"HostAPI"},
			says: []string{"cert-manager.io/v1/certificates", "install cert-manager first"},
		},
		"cert-manager is there": {
			change: func(f *Facts) {
				full(f)
				f.Served["cert-manager.io/v1/issuers"], f.Served["cert-manager.io/v1/certificates"] = true, true
			},
			plan: Plan{Manifests: Manifests{Certificate: CertManager}}, recommended: Beside,
			says: []string{"ready: apply a kustomization of artifacts/overlays/beside-the-operator, artifacts/components/cert-manager"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			facts := fine()
			if tc.change != nil {
				tc.change(&facts)
			}
			verdict := Judge(facts, tc.plan)
			if verdict.Recommended != tc.recommended {
				t.Errorf("recommends %s, want %s", verdict.Recommended, tc.recommended)
			}
			if got := topics(verdict, Blocking); !slices.Equal(got, tc.blocking) {
				t.Errorf("blocking is %v, want %v", got, tc.blocking)
			}
			if got := topics(verdict, Warning); !slices.Equal(got, tc.warnings) {
				t.Errorf("warned of is %v, want %v", got, tc.warnings)
			}
			if verdict.Ready != (len(tc.blocking) == 0) {
				t.Errorf("ready is %v", verdict.Ready)
			}
			text := verdict.Text(facts)
			for _, part := range tc.says {
				if !strings.Contains(text, part) {
					t.Errorf("does not say %q:\n%s", part, text)
				}
			}
		})
	}
}

func TestTheWorstIsToldFirst(t *testing.T) {
	facts := fine()
	full(&facts)
	facts.Kinds[0].Objects = 1
	facts.Unknown = []Unknown{{What: whatAccount, Why: "forbidden"}}
	var levels []Level
	for _, finding := range Judge(facts, Plan{Manifests: Manifests{Overlay: Base}}).Findings {
		levels = append(levels, finding.Level)
	}
	want := []Level{Blocking, Warning, Warning, Note}
	if !slices.Equal(levels, want) {
		t.Errorf("levels are %v, want %v", levels, want)
	}
}

// lack takes resources from what is served, whatever group they are in.
func lack(facts *Facts, resources ...string) {
	for served := range facts.Served {
		if slices.Contains(resources, served[strings.LastIndex(served, "/")+1:]) {
			delete(facts.Served, served)
		}
	}
}

// topics are those of the findings of a level, each once.
func topics(verdict Verdict, level Level) (found []string) {
	for _, finding := range verdict.Findings {
		if finding.Level == level && !slices.Contains(found, finding.Topic) {
			found = append(found, finding.Topic)
		}
	}
	return found
}
