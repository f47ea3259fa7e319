// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// What Gather may not be able to find out.
const (
	whatCRDs        = "the CustomResourceDefinitions of the operator"
	whatAPIServices = "the APIServices"
	whatDeployments = "the flags of the operator"
	whatHeaderCA    = "the ConfigMap kube-system/extension-apiserver-authentication"
	whatNamespace   = "the namespace"
	whatRecords     = "the records"
	whatDefinition  = "the CustomResourceDefinition of the records"
	whatStore       = "which store the cluster knows"
	whatMarks       = "what VMDistributedClusters have left behind"
	whatRights      = "your rights"
	whatAccount     = "the rights of the server's account"
)

// vmclusters is the operator's kind that is a zone.
const vmclusters = "vmclusters"

// zoneResources are the operator's kinds that a rollout is about.
func zoneResources() []string { return []string{vmclusters, "vmagents", "vmusers", "vmauths"} }

// operatorVersion is where they are served.
const operatorVersion = "operator.victoriametrics.com/v1beta1"

// hidden are the kinds that the operator v0.74.1 has in the version that base takes.
func hidden() []string { return []string{"VMDistributed", "VLDistributed"} }

// OperatorFlag keeps the operator from the kinds that base hides.
func OperatorFlag() string { return "-controller.disableReconcileFor=" + strings.Join(hidden(), ",") }

// Judge tells what to make of the facts.
func Judge(facts Facts, plan Plan) Verdict {
	recommended, why := recommend(facts)
	manifests := plan.judged(facts)
	overlay := manifests.Overlay
	findings := slices.Concat(
		judgeOverlay(facts, overlay),
		judgeHost(facts, manifests, append(manifests.withoutPlugins(), plan.WithoutPlugins...)),
		judgeRights(facts),
		judgeZones(facts, overlay, plan.Overlay == "" && recommended == Undecided),
		judgeRecords(facts, manifests.Store),
		judgeLeaving(facts, manifests.Store),
		judgeStore(facts, manifests.Store),
		judgeUnknown(facts, overlay),
	)
	order := []Level{Blocking, Warning, Note}
	slices.SortStableFunc(findings, func(a, b Finding) int { return slices.Index(order, a.Level) - slices.Index(order, b.Level) })
	blocked := len(blocking(slices.Clone(findings))) > 0
	return Verdict{
		Manifests: manifests, Apply: manifests.Folders(), Recommended: recommended, Why: why, Ready: !blocked, Findings: findings,
		Instead: instead(overlay.other(), slices.Concat(judgeOverlay(facts, overlay.other()), blocking(judgeUnknown(facts, overlay.other())))),
	}
}

// recommend tells which overlay fits, and why. What could not be read counts as neither
// there nor absent.
func recommend(facts Facts) (Overlay, string) {
	first, second := facts.First, facts.Second
	switch {
	case first.Standing == Foreign:
		return Beside, fmt.Sprintf("the APIService %s belongs to %s, so that only the second group is free", first.Name, first.Service)
	case first.Standing == Ours:
		return Base, fmt.Sprintf("the APIService %s is this server's already: this is an upgrade", first.Name)
	case second.Standing == Ours:
		return Beside, fmt.Sprintf("the APIService %s is this server's already: this is an upgrade", second.Name)
	case !facts.knows(whatAPIServices):
		return Undecided, "whose the two groups are can't be told without the APIServices"
	case len(facts.Kinds) > 0:
		return Beside, fmt.Sprintf("the operator has %s in v1alpha1 of operator.victoriametrics.com, which %s would hide", resources(facts.Kinds), Base)
	case !facts.knows(whatCRDs):
		return Undecided, "what else is in v1alpha1 of operator.victoriametrics.com can't be told without the CustomResourceDefinitions"
	case facts.withoutOperator():
		return Undecided, "there is no VictoriaMetrics operator, and which one fits depends on the kinds that it brings"
	}
	return Base, "nothing else is in v1alpha1 of operator.victoriametrics.com"
}

// judgeOverlay tells what stands against one overlay and not against the other.
func judgeOverlay(facts Facts, overlay Overlay) []Finding {
	if overlay == Beside {
		return judgeAPIService(facts.Second)
	}
	findings := judgeAPIService(facts.First)
	if len(facts.Kinds) == 0 || facts.First.Standing == Foreign {
		return findings
	}
	findings = append(findings, judgeHidden(facts)...)
	return append(append(findings, judgeLabel(facts.First)), judgeOperators(facts)...)
}

func judgeAPIService(found APIService) []Finding {
	switch found.Standing {
	case Foreign:
		return []Finding{{
			Level: Blocking, Topic: "APIService",
			Message: fmt.Sprintf("the APIService %s sends requests to the Service %s, which is not this server's: applying the manifests would take the API from it", found.Name, found.Service),
			Remedy:  "find out whose it is; give --namespace if it is this server in another namespace",
		}}
	case Ours:
		return []Finding{{
			Level: Note, Topic: "Upgrade",
			Message: fmt.Sprintf("the APIService %s sends requests to the Service %s already", found.Name, found.Service),
		}}
	}
	return nil
}

// judgeHidden tells of objects that nobody could reach any more.
func judgeHidden(facts Facts) []Finding {
	var findings []Finding
	for _, kind := range facts.Kinds {
		finding := Finding{Level: Blocking, Topic: "HiddenObjects", Remedy: "use " + string(Beside)}
		switch {
		case kind.Objects > 0:
			finding.Message = fmt.Sprintf("there are objects of the operator's kind %s (at least %d), which nobody could read, change or delete any more", kind.Resource, kind.Objects)
		case kind.Objects == 0:
			continue
		case facts.First.Standing == Ours:
			finding.Level, finding.Remedy = Note, ""
			finding.Message = fmt.Sprintf("the operator's kind %s is hidden already; whether there are objects of it can't be told", kind.Resource)
		default:
			finding.Message = fmt.Sprintf("whether there are objects of the operator's kind %s, which nobody could reach any more, can't be told", kind.Resource)
			finding.Remedy = "list them with more rights; or use " + string(Beside)
		}
		findings = append(findings, finding)
	}
	return findings
}

// judgeLabel tells what keeps the APIService from being turned back.
func judgeLabel(first APIService) Finding {
	if first.Standing == Ours && !first.Kept {
		return Finding{
			Level: Warning, Topic: "TakeoverLabel",
			Message: fmt.Sprintf("the APIService %s lacks the label %s: \"false\": kube-apiserver turns it back when it likes", first.Name, takeoverLabel),
			Remedy:  "apply the manifest, which has the label",
		}
	}
	return Finding{
		Level: Note, Topic: "TakeoverLabel",
		Message: fmt.Sprintf("the APIService %s is taken over from kube-apiserver, and stays so by its label %s: \"false\" alone: leave it there", first.Name, takeoverLabel),
	}
}

// judgeOperators tells whether the operator survives that kinds of it are hidden.
func judgeOperators(facts Facts) []Finding {
	const consequence = "an operator that watches what nobody serves ends after 3 minutes, again and again"
	remedy := "run the operator with " + OperatorFlag()
	if len(facts.Operators) == 0 {
		return []Finding{{
			Level: Warning, Topic: "OperatorFlag", Remedy: remedy,
			Message: "no Deployment of the operator is in sight, so that its flags can't be told: " + consequence,
		}}
	}
	var findings []Finding
	for _, operator := range facts.Operators {
		lacking := slices.DeleteFunc(hidden(), func(kind string) bool { return slices.Contains(operator.LeavesAlone, kind) })
		if len(lacking) > 0 {
			findings = append(findings, Finding{
				Level: Blocking, Topic: "OperatorFlag", Remedy: remedy + ", or use " + string(Beside),
				Message: fmt.Sprintf("the operator %s is not told to leave %s alone: %s", operator.Name, strings.Join(lacking, " and "), consequence),
			})
		}
	}
	return findings
}

// judgeHost tells what the cluster lacks.
func judgeHost(facts Facts, manifests Manifests, withoutPlugins []string) []Finding {
	var findings []Finding
	for _, need := range manifests.needs() {
		missing := need.missing(facts.Served)
		if len(missing) == 0 || need.plugin != "" && slices.Contains(withoutPlugins, need.plugin) {
			continue
		}
		findings = append(findings, Finding{
			Level: Blocking, Topic: "HostAPI", Remedy: need.help(),
			Message: fmt.Sprintf("the cluster (%s) does not serve %s, which is there since %s: %s", facts.Version, strings.Join(missing, ", "), need.since, need.purpose),
		})
	}
	if !facts.RequestHeaderCA && facts.knows(whatHeaderCA) {
		findings = append(findings, Finding{
			Level: Blocking, Topic: "RequestHeader",
			Message: whatHeaderCA + " has no requestheader-client-ca-file: the server could not tell the aggregator from anybody else",
			Remedy:  "give kube-apiserver --requestheader-client-ca-file and the flags beside it",
		})
	}
	if facts.NamespacePhase == "Terminating" {
		remedy := "wait until it is gone"
		if left := standing(facts, Ours); len(left) > 0 {
			remedy = fmt.Sprintf("delete the APIService %s: while it names a server that is gone, nobody can tell what of ours is in any namespace, and none goes", strings.Join(left, " and "))
		}
		findings = append(findings, Finding{
			Level: Blocking, Topic: "Namespace", Remedy: remedy,
			Message: fmt.Sprintf("the namespace %s is being deleted, so that nothing can be made in it", facts.Namespace),
		})
	}
	return append(findings, judgeAggregation(facts)...)
}

// standing are the names of those of the two APIServices that are that.
func standing(facts Facts, what Standing) []string {
	var names []string
	for _, found := range []APIService{facts.First, facts.Second} {
		if found.Standing == what {
			names = append(names, found.Name)
		}
	}
	return names
}

// help is what to do about a need that is not met.
func (n need) help() string {
	switch {
	case n.component != "":
		return fmt.Sprintf("add %s to your kustomization and name it here by --overlay, or run the server, and this, with --disable-admission-plugins=%s, or upgrade the cluster",
			n.component, n.plugin)
	case n.plugin != "":
		return fmt.Sprintf("run the server, and this, with --disable-admission-plugins=%s, or upgrade the cluster", n.plugin)
	case n.remedy != "":
		return n.remedy
	}
	return "upgrade the cluster"
}

// judgeAggregation tells how other aggregated servers do.
func judgeAggregation(facts Facts) []Finding {
	var findings []Finding
	working := 0
	for _, service := range facts.OtherAPIServices {
		if service.Available {
			working++
		}
	}
	if others := len(facts.OtherAPIServices); others > 0 && working == 0 {
		findings = append(findings, Finding{
			Level: Warning, Topic: "Aggregation",
			Message: fmt.Sprintf("no other aggregated API answers, such as %s: %s", facts.OtherAPIServices[0].Name, facts.OtherAPIServices[0].Message),
			Remedy:  "see whether kube-apiserver reaches Services of the cluster",
		})
	}
	for _, group := range slices.Sorted(maps.Keys(facts.Incomplete)) {
		findings = append(findings, Finding{
			Level: Warning, Topic: "Discovery", Message: fmt.Sprintf("what is in %s can't be told: %s", group, facts.Incomplete[group]),
		})
	}
	return findings
}

func judgeRights(facts Facts) []Finding {
	var findings []Finding
	if len(facts.MayNot) > 0 {
		findings = append(findings, Finding{
			Level: Blocking, Topic: "Rights", Remedy: "apply the manifests as somebody who may, and run this as them",
			Message: "you may not, as applying the manifests takes: " + strings.Join(facts.MayNot, "; "),
		})
	}
	if len(facts.ServerMayNot) > 0 {
		findings = append(findings, Finding{
			Level: Warning, Topic: "ServerRights", Remedy: "apply the manifests of this version, which give them; if they are applied, see what else the cluster authorizes by",
			Message: "the account of the server is there, and may not: " + strings.Join(facts.ServerMayNot, "; "),
		})
	}
	return findings
}

// judgeZones tells whether there is anything to roll out to, and whether the overlay is
// a guess for want of an operator.
func judgeZones(facts Facts, overlay Overlay, guessed bool) []Finding {
	missing := slices.DeleteFunc(zoneResources(), func(resource string) bool { return facts.Served[operatorVersion+"/"+resource] })
	if len(missing) == 0 {
		return nil
	}
	finding := Finding{
		Level: Warning, Topic: "OperatorKinds", Remedy: "install the VictoriaMetrics operator",
		Message: fmt.Sprintf("%s has no %s: VMDistributedClusters can be written, and their zones wait until it does", operatorVersion, strings.Join(missing, ", ")),
	}
	if !facts.withoutOperator() {
		return []Finding{finding}
	}
	finding.Message = fmt.Sprintf("there is no VictoriaMetrics operator (%s is not served): VMDistributedClusters can be written, and their zones wait until there is one",
		operatorVersion+"/"+vmclusters)
	if len(facts.Operators) > 0 {
		finding.Message = fmt.Sprintf("the operator %s is there, and its CustomResourceDefinitions are not (%s is not served): VMDistributedClusters can be written, and their zones wait until they are",
			facts.Operators[0].Name, operatorVersion+"/"+vmclusters)
	}
	switch {
	case guessed:
		finding.Level = Blocking
		finding.Remedy = "install it first, with its CustomResourceDefinitions, and run this again; or choose by --overlay"
	case overlay == Base:
		finding.Message += fmt.Sprintf("; an operator that brings %s afterwards, as v0.74.1 does, finds them hidden, and ends again and again", strings.Join(hidden(), " and "))
		finding.Remedy += " first; or run it with " + OperatorFlag() + "; or use " + string(Beside)
	}
	return []Finding{finding}
}

// withoutOperator tells whether nobody has defined what a zone is.
func (f Facts) withoutOperator() bool {
	return !f.Served[operatorVersion+"/"+vmclusters] && f.Incomplete[operatorVersion] == ""
}

func judgeRecords(facts Facts, store Store) []Finding {
	if !facts.Records.Defined || facts.Records.Count == 0 || facts.Records.Leaving {
		return nil
	}
	finding := Finding{
		Level: Note, Topic: "Records",
		Message: fmt.Sprintf("VMDistributedClusters are stored in this cluster already (records: %s): the server goes on with them", atLeast(facts.Records.Count)),
	}
	if store != Host {
		finding.Level = Warning
		finding.Message = fmt.Sprintf("VMDistributedClusters are stored in this cluster already (records: %s), and a server with another store does not see them",
			atLeast(facts.Records.Count))
		finding.Remedy = "choose manifests without etcd to go on with them; else apply your VMDistributedClusters again afterwards"
	}
	return []Finding{finding}
}

func judgeUnknown(facts Facts, overlay Overlay) []Finding {
	var findings []Finding
	for _, unknown := range facts.Unknown {
		finding := Finding{Level: Warning, Topic: "Unknown", Message: fmt.Sprintf("can't tell %s: %s", unknown.What, unknown.Why), Remedy: unknown.help()}
		switch {
		case unknown.What == whatAPIServices:
			// Applying the manifests might take the API from somebody.
			finding.Level = Blocking
		case unknown.What == whatCRDs && overlay == Base && facts.First.Standing != Ours:
			finding.Level = Blocking
			finding.Remedy += ", or use " + string(Beside) + ", which hides nothing"
		}
		findings = append(findings, finding)
	}
	return findings
}

// blocking are those of the findings that have to be mended first.
func blocking(findings []Finding) []Finding {
	return slices.DeleteFunc(findings, func(f Finding) bool { return f.Level != Blocking })
}

// help is what to do to find it out.
func (u Unknown) help() string {
	if u.Right != "" {
		return "run this as somebody who may " + u.Right
	}
	return "mend that, and run this again"
}

// knows tells whether something could be found out.
func (f Facts) knows(what string) bool {
	return !slices.ContainsFunc(f.Unknown, func(unknown Unknown) bool { return unknown.What == what })
}

// instead says what the overlay that is not chosen would take.
func instead(overlay Overlay, findings []Finding) string {
	var conditions []string
	for _, finding := range findings {
		if finding.Level == Note && finding.Topic != "TakeoverLabel" {
			continue
		}
		conditions = append(conditions, finding.Message)
		if finding.Remedy != "" {
			conditions[len(conditions)-1] += " (" + finding.Remedy + ")"
		}
	}
	if len(conditions) == 0 {
		return fmt.Sprintf("%s is possible too", overlay)
	}
	return fmt.Sprintf("%s, but %s", overlay, strings.Join(conditions, "; "))
}

func resources(kinds []Kind) string {
	var all []string
	for _, kind := range kinds {
		all = append(all, kind.Resource)
	}
	return strings.Join(all, " and ")
}

func atLeast(count int) string {
	if count < 0 {
		return "an unknown number"
	}
	return fmt.Sprint(count)
}
