// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/responders"
)

// replicas is how many pods a VMAgent and a VMAuth have each.
const replicas = int64(2)

// authName is the VMAuth of every test that has one.
const authName = "read"

// writePath makes a VMAgent that writes to zones. For as long as an attempt to
// send may take, every flush does.
func (s *stage) writePath(agent, sendTimeout string, zones ...string) {
	s.t.Helper()
	var writes list
	for _, zone := range zones {
		writes = append(writes, fields{
			"url":         fmt.Sprintf("http://vminsert-%s.%s.svc:8480/insert/multitenant/prometheus/api/v1/write", zone, s.namespace),
			"sendTimeout": sendTimeout,
		})
	}
	s.create(agentResource, "VMAgent", agent, fields{"replicaCount": replicas, "remoteWrite": writes})
}

// readPath makes a VMAuth that serves all VMUsers of the namespace.
func (s *stage) readPath() {
	s.t.Helper()
	s.create(authResource, "VMAuth", authName, fields{"replicaCount": replicas, "userSelector": fields{}})
}

func (s *stage) user(name string, targets ...any) {
	s.t.Helper()
	s.create(userResource, "VMUser", name, fields{"generatePassword": true, "targetRefs": targets})
}

// selectOf is a target that leads to the vmselect of a zone.
func (s *stage) selectOf(zone string) fields {
	return fields{
		"crd":                fields{"kind": "VMCluster/vmselect", "name": zone, "namespace": s.namespace},
		"target_path_suffix": "/select/0",
	}
}

// worldName is the VMDistributedCluster of a world, and its VMAgent.
const worldName = "world"

// world is a VMDistributedCluster of inline zones that its readers are led to and
// its VMAgent writes to.
type world struct {
	*stage
	zones, users []string
}

// newWorld returns one that has come to rest with reads from all zones. Every zone
// has the given spec beside one replica of each component.
func (s *stage) newWorld(zones []string, spec fields, users map[string][]any) *world {
	s.t.Helper()
	w := &world{stage: s, zones: zones}
	for user := range users {
		w.users = append(w.users, user)
	}
	slices.Sort(w.users)
	s.writePath(worldName, "1s", zones...)
	s.readPath()
	s.apply(worldName, w.manifest(spec))
	// The operator looks at a VMUser whose zones do not exist only once a minute.
	for _, zone := range zones {
		s.untilOperational(clusterResource, zone)
	}
	for user, targets := range users {
		s.user(user, targets...)
	}
	s.untilReady(worldName)
	for _, zone := range zones {
		w.untilRouted(zone, true)
	}
	return w
}

func (w *world) manifest(extra fields) []byte {
	w.t.Helper()
	var entries, users list
	for _, zone := range w.zones {
		spec := fields{}
		for _, component := range []string{"vmstorage", "vmselect", "vminsert"} {
			spec[component] = fields{"replicaCount": int64(1)}
		}
		for field, value := range extra {
			spec[field] = value
		}
		entries = append(entries, fields{"name": zone, "spec": spec})
	}
	for _, user := range w.users {
		users = append(users, fields{"name": user})
	}
	body, err := json.Marshal(fields{
		"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "VMDistributedCluster", "metadata": fields{"name": worldName},
		"spec": fields{
			"vmagent": fields{"name": worldName}, "vmusers": users, "zones": fields{"vmclusters": entries},
			"strategy": fields{"updatePause": "0s", "flush": fields{"stableFor": "1s"}},
		},
	})
	must(w.t, err)
	return body
}

// untilRouted waits until the configuration of the VMAuth leads to a zone, or does
// no more.
func (w *world) untilRouted(zone string, wanted bool) {
	w.t.Helper()
	w.poll(fmt.Sprintf("the VMAuth to lead to %s: %t", zone, wanted), func(ctx context.Context) string {
		secret, err := shared.kubernetes.CoreV1().Secrets(w.namespace).Get(ctx, "vmauth-config-"+authName, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		configuration := ""
		for _, content := range secret.Data {
			configuration += unzipped(content)
		}
		if has := strings.Contains(configuration, fmt.Sprintf("//vmselect-%s.%s.svc", zone, w.namespace)); has != wanted {
			return configuration
		}
		return ""
	})
}

// pods returns the names of the pods of a program.
func (s *stage) pods(program string) []string {
	s.t.Helper()
	found, err := shared.kubernetes.CoreV1().Pods(s.namespace).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + program})
	must(s.t, err)
	var names []string
	for i := range found.Items {
		names = append(names, found.Items[i].Name)
	}
	slices.Sort(names)
	return names
}

// behave lets a pod behave so from now on.
func (s *stage) behave(pod string, behaviour responders.Behaviour) {
	shared.responders.Behave(types.NamespacedName{Namespace: s.namespace, Name: pod}, behaviour)
}
