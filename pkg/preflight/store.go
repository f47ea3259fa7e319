// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"fmt"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/identity"
)

const (
	// unanswered is what a server does about a store that the cluster does not know.
	unanswered = "the server would answer nothing, since what belongs to a VMDistributedCluster would be deleted as garbage where that is absent"
	// restoring is how lost records come back.
	restoring = "kubectl apply -f artifacts/base/crd.yaml, restore the records from a backup if there is one, and run this again, " +
		"which says how to have them accepted"
)

// kind is what a server with the store calls it.
func (s Store) kind() string {
	return map[Store]string{Host: identity.KindHost, ExternalEtcd: identity.KindEtcd, EmbeddedEtcd: identity.KindEmbeddedEtcd}[s]
}

// storeOf is the store of that kind; "" where there is none.
func storeOf(kind string) Store {
	for _, store := range []Store{Host, ExternalEtcd, EmbeddedEtcd} {
		if store.kind() == kind {
			return store
		}
	}
	return ""
}

// judgeLeaving tells of records that are being taken away.
func judgeLeaving(facts Facts, store Store) []Finding {
	if !facts.Records.Leaving {
		return nil
	}
	finding := Finding{
		Level: Blocking, Topic: "RecordsLeaving",
		Message: fmt.Sprintf("CustomResourceDefinition %s is being deleted with the VMDistributedClusters that are stored in this cluster (records: %s), and no manifest takes that back: "+
			"a server can make none, and can't tell what is gone with them from what was never there", recordsDefinition, atLeast(facts.Records.Count)),
		Remedy: "copy those that are left (kubectl get vmdistributedclusterrecords -A -o yaml), take their guards off so that the definition can go, then " + restoring,
	}
	if store != Host {
		finding.Level = Warning
	}
	return []Finding{finding}
}

// judgeStore tells whether the server would take its store for the one that the cluster
// knows. The identity of an etcd, the server alone can read.
func judgeStore(facts Facts, store Store) []Finding {
	known := facts.Store
	switch {
	case known.ID != "" && known.Kind != store.kind():
		return judgeKind(facts, store)
	case store != Host || facts.Records.Leaving:
		return nil
	case known.ID == "" || !facts.knows(whatDefinition) || facts.Records.ID == known.ID:
		return judgeEmptied(facts)
	case facts.Records.ID == "":
		return []Finding{{
			Level: Blocking, Topic: "Store", Remedy: restoring,
			Message: fmt.Sprintf("CustomResourceDefinition %s is gone with the VMDistributedClusters that were stored in this cluster, and one that is made anew is another store than %s: %s",
				recordsDefinition, remembered(facts), unanswered),
		}}
	case known.Accepted == facts.Records.ID:
		return []Finding{accepted(facts)}
	}
	return []Finding{{
		Level: Blocking, Topic: "Store",
		Message: fmt.Sprintf("CustomResourceDefinition %s was made anew (its uid is %s), and is another store than %s: %s",
			recordsDefinition, facts.Records.ID, remembered(facts), unanswered),
		Remedy: "restore the records from a backup if there is one; when all are there, or were lost for good, " + identity.HowToAccept(facts.Namespace, facts.Records.ID),
	}}
}

// judgeEmptied tells of records that are gone while what they were about is not.
func judgeEmptied(facts Facts) []Finding {
	known := facts.Store
	switch {
	case facts.Records.Count != 0 || len(facts.Marks) == 0:
		return nil
	case known.Empty, known.Accepted != "" && known.Accepted == facts.Records.ID: // so somebody has said
		return nil
	}
	anew := "apply the manifests all the same, have the store accepted as the server then says"
	if known.ID != "" && facts.Records.ID != "" {
		anew = identity.HowToAccept(facts.Namespace, facts.Records.ID)
	}
	return []Finding{{
		Level: Blocking, Topic: "Store",
		Message: fmt.Sprintf("there are no records of VMDistributedClusters, and %s, so that they did not go in the ordinary way: %s", facts.Marks[0], unanswered),
		Remedy:  fmt.Sprintf("restore the records from a backup if there is one; if they were lost for good, do this, and then apply your VMDistributedClusters again: %s", anew),
	}}
}

// judgeKind is for manifests whose store is of another kind than the one that the cluster
// knows.
func judgeKind(facts Facts, store Store) []Finding {
	known := facts.Store
	if known.Accepted != "" && (store != Host || known.Accepted == facts.Records.ID) {
		return []Finding{accepted(facts)}
	}
	former := "the manifests that the former server had"
	if store := storeOf(known.Kind); store != "" {
		former = Manifests{Store: store}.decided(Base).Folders()[0]
	}
	anew := "apply the manifests all the same, have the store accepted as the server then says"
	if store == Host && facts.Records.ID != "" {
		anew = identity.HowToAccept(facts.Namespace, facts.Records.ID)
	}
	return []Finding{{
		Level: Blocking, Topic: "Store",
		Message: fmt.Sprintf("the store of these manifests is of kind %s, and is another one than %s; objects are not taken along from one kind to another: %s",
			store.kind(), remembered(facts), unanswered),
		Remedy: fmt.Sprintf("to go on with it, name its folder by --overlay (%s); to change it on purpose, do this, and then apply your VMDistributedClusters again: %s", former, anew),
	}}
}

// accepted is what to tell where somebody has said already that another store is to be taken.
func accepted(facts Facts) Finding {
	return Finding{
		Level: Note, Topic: "Store",
		Message: fmt.Sprintf("the server takes the store with the identity %s in the place of %s, as somebody has said by the annotation %s",
			facts.Store.Accepted, remembered(facts), identity.AcceptAnnotation),
	}
}

// remembered says which store the cluster knows, and by what.
func remembered(facts Facts) string {
	return fmt.Sprintf("the one that ConfigMap %s/%s remembers, of kind %s with the identity %s, since %s",
		facts.Namespace, identity.ConfigMap, facts.Store.Kind, facts.Store.ID, facts.Store.Since)
}
