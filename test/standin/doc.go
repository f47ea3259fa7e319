// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package standin plays the VictoriaMetrics operator in tests: it watches
// VMCluster, VMAgent, VMAuth and VMUser objects of a real API server whose
// custom resource definitions are the operator's own, and writes the status
// that the operator (v0.74.1) would write. No other program is needed, for it
// plays the controllers of StatefulSets and Deployments as well: the workloads
// of a cluster exist as objects, and their status says what pods would do.
// There are no pods, no Services and no Secrets; test/dataplane puts real
// processes in their place, see Pods.
//
// An update of a spec goes like this: updateStatus becomes expanding, with the
// new observedGeneration and lastAppliedSpec; the workloads get the new
// template; after a lag (Options.Lag, or LagAnnotation on the object) they have
// converged, and after them updateStatus becomes operational. A spec that is
// equal to the last one applied does not expand, and a paused object is
// reported as paused and left alone, both as with the operator. A VMUser gets an
// Applied condition from every VMAuth that selects it, after the lag; False, if
// it has no target or one of its targets does not exist.
//
// A test makes it go wrong by annotating the object, see Behaviour. What an
// object says counts at once: putting LagAnnotation "1h" on a cluster holds it
// in expanding, "0s" lets it go. FromGenerationAnnotation saves a misbehaviour
// for a spec that is still to come.
//
// Where it differs from the operator, on purpose: it reacts to every event (the
// operator finds some changes only at its resync, after 60 seconds); it deletes
// the workloads of a deleted object itself, because a control plane without
// kube-controller-manager has no garbage collector; it takes the specs of a
// cluster's components as they are, without the operator's defaults, so
// lastAppliedSpec holds the spec as written; it has no opinion on a spec beyond
// its schema; its StatefulSets have no volume claims.
package standin
