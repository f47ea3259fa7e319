// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/net/http/httpproxy"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// RemoteWrite is an entry of a VMAgent's spec.remoteWrite that leads to a zone.
type RemoteWrite struct {
	// Position in spec.remoteWrite, from 0. The VMAgent counts from 1.
	Position int
	// URL is for people: without query and password.
	URL string
	// QueueKey is the last part of the queue's folder, and so of label path.
	QueueKey string
	// MaxDiskUsage is the size in bytes at which the queue drops its oldest data, 0
	// for no limit but the disk's, -1 where it cannot be told.
	MaxDiskUsage int64
	// NoDiskQueue is true under -remoteWrite.disableOnDiskQueue: then nothing
	// outlives a zone that does not answer but what fits into memory.
	NoDiskQueue bool
	// SendPause is for how long a replica may be at sending a block, which is
	// counted nowhere meanwhile, before that counts as failed.
	SendPause time.Duration
}

// HasLeastQueue is true where the limit of the queue is as low as it can be: less
// was asked for, or just that.
func (w RemoteWrite) HasLeastQueue() bool {
	return w.MaxDiskUsage > 0 && w.MaxDiskUsage <= leastQueueLimit
}

// ZoneWrites is what can be told about a VMAgent's way to a zone: entries that
// lead there, or why that cannot be told, or, without either, that it does not
// write there.
type ZoneWrites struct {
	Entries []RemoteWrite
	Unknown string
	// Sharded is true under -remoteWrite.shardByURL: then zones are no replicas of
	// each other, and what one has, no other may have.
	Sharded bool
}

// None is true where the VMAgent clearly writes to other places only.
func (w ZoneWrites) None() bool { return len(w.Entries) == 0 && w.Unknown == "" }

// RemoteWrites returns the entries of spec.remoteWrite of a VMAgent that lead to
// the vminsert of a zone. others are the further VMClusters that are known.
//
//   - An entry leads to a zone when its host is a Service of the operator's before
//     the zone's vminsert, or the zone's own load balancer: vminsert-NAME,
//     vminsertinternal-NAME, vmclusterlb-NAME, these under useLegacyNaming, and
//     those of a serviceSpec; each as host, host.ns, host.ns.svc and
//     host.ns.svc.domain. Without a namespace it is in the VMAgent's.
//   - One whose host is such a Service of another VMCluster leads there and not here.
//   - Of any other, nobody can tell: a VMAuth, a load balancer, a name or address
//     from outside may lead here, to another place, or to all of them. So it is
//     with an entry that goes through a proxy. That makes the whole unknown only
//     where no entry leads here directly: a VMAgent that sends everything to its
//     zones, and a copy to an archive, is a usual thing.
//   - All is unknown where spec.remoteWrite is not what the VMAgent is started
//     with: extraArgs replace it (AddExtraArgsOverrideDefaults,
//     factory/build/container.go), and a comma or quote within a URL moves the
//     positions, since all URLs become one argument (Flag.Add,
//     factory/build/build.go; parseArrayValues, lib/flagutil/array.go of
//     VictoriaMetrics).
//
// Neither useMultiTenantMode nor queues nor sharding change which queues there
// are: one for each URL (initRemoteWriteCtxs,
// app/vmagent/remotewrite/remotewrite.go of VictoriaMetrics v1.148.0).
func RemoteWrites(agent *unstructured.Unstructured, zone Cluster, others []Cluster) ZoneWrites {
	w := writer{
		namespace: agent.GetNamespace(), spec: object(agent.Object, "spec"),
		args: arguments{at: "spec", spec: object(agent.Object, "spec")},
	}
	w.list, _ = w.spec["remoteWrite"].([]any)
	found := ZoneWrites{Sharded: w.args.first("remoteWrite.shardByURL").truth()}
	if found.Unknown = w.unknown(); found.Unknown != "" {
		return found
	}
	var doubts []string
	for i, item := range w.list {
		entry := writeEntry{position: i, raw: text(item, "url"), proxy: text(item, "proxyURL")}
		direct, doubt := w.leads(entry, zone, others)
		if doubt != "" {
			doubts = append(doubts, doubt)
		}
		if direct {
			found.Entries = append(found.Entries, w.describe(entry, item))
		}
	}
	if len(found.Entries) == 0 {
		found.Unknown = strings.Join(doubts, "; ")
	}
	return found
}

// RemoteWriteEntries is how many entries RemoteWrites holds against each VMCluster.
func RemoteWriteEntries(agent *unstructured.Unstructured) int {
	list, _ := object(agent.Object, "spec")["remoteWrite"].([]any)
	return len(list)
}

// writer is a VMAgent as far as its remote writes go.
type writer struct {
	namespace string
	spec      map[string]any
	args      arguments
	list      []any
}

type writeEntry struct {
	position   int
	raw, proxy string
}

func (e writeEntry) String() string {
	return fmt.Sprintf("spec.remoteWrite[%d].url %s", e.position, shown(e.raw))
}

// shown is a URL without what may be secret in it.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	u.RawQuery, u.Fragment = "", ""
	return u.Redacted()
}

// unknown says why nothing about the positions and ways can be told.
func (w writer) unknown() string {
	for _, name := range []string{"remoteWrite.url", "remoteWrite.proxyURL"} {
		if given := w.args.get(name); given.place != "" {
			return fmt.Sprintf("%s takes the place of what spec.remoteWrite says; write it there", given.place)
		}
	}
	for i, item := range w.list {
		if strings.ContainsAny(text(item, "url"), `,"'`) {
			return fmt.Sprintf("spec.remoteWrite[%d].url holds a comma or a quote, with which the VMAgent counts its URLs otherwise; write it percent-encoded", i)
		}
	}
	return ""
}

// leads tells whether an entry leads to the zone, and why that is in doubt.
func (w writer) leads(e writeEntry, zone Cluster, others []Cluster) (direct bool, doubt string) {
	u, err := url.Parse(e.raw)
	switch {
	case strings.Contains(e.raw, "%{") || strings.Contains(e.raw, "$("):
		return false, fmt.Sprintf("spec.remoteWrite[%d].url is filled in from the environment of the pod", e.position)
	case err != nil || u.Hostname() == "":
		return false, fmt.Sprintf("spec.remoteWrite[%d].url is not a URL with a host", e.position)
	}
	labels := serviceLabels(u)
	here := w.isInsertOf(labels, zone)
	for i := range others {
		same := others[i].Namespace == zone.Namespace && others[i].Name == zone.Name
		if !here && !same && w.isInsertOf(labels, others[i]) {
			return false, ""
		}
	}
	if proxy := w.proxy(e, u); proxy != "" {
		return false, fmt.Sprintf("%s goes through a proxy (%s)", e, proxy)
	}
	if !here {
		return false, fmt.Sprintf("%s is no vminsert of a known VMCluster and may lead to any", e)
	}
	return true, ""
}

// proxy names what sends an entry through a proxy: its own proxyURL, or the
// environment (newHTTPClient, app/vmagent/remotewrite/client.go of
// VictoriaMetrics, whose transport is a copy of net/http's usual one).
func (w writer) proxy(e writeEntry, u *url.URL) string {
	if e.proxy != "" {
		return fmt.Sprintf("spec.remoteWrite[%d].proxyURL", e.position)
	}
	variable := func(name string) argument {
		if found := w.args.environment(name); found.place != "" {
			return found
		}
		return w.args.environment(strings.ToLower(name))
	}
	given := variable(strings.ToUpper(u.Scheme) + "_PROXY")
	config := httpproxy.Config{HTTPProxy: given.value, HTTPSProxy: given.value, NoProxy: variable("NO_PROXY").value}
	if given.unknown != "" {
		config.HTTPProxy, config.HTTPSProxy = "unknown:1", "unknown:1"
	}
	if through, err := config.ProxyFunc()(u); through == nil && err == nil {
		return ""
	}
	return given.place
}

// serviceLabels are the labels of a URL's host, of which the first may be the name
// of a Service. With srv+ the VMAgent asks for the SRV records of the name.
func serviceLabels(u *url.URL) []string {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return strings.Split(strings.TrimPrefix(host, "srv+"), ".")
}

// isInsertOf reports whether a host leads to the vminsert of a VMCluster by one of
// the operator's Services.
func (w writer) isInsertOf(labels []string, cluster Cluster) bool {
	switch len(labels) {
	case 1:
		return w.namespace == cluster.Namespace && isInsertService(labels[0], cluster)
	case 2:
		return labels[1] == cluster.Namespace && isInsertService(labels[0], cluster)
	}
	return labels[1] == cluster.Namespace && labels[2] == "svc" && isInsertService(labels[0], cluster)
}

// isInsertService spares names that nothing speaks for the making of all names
// there could be: many entries are held against many VMClusters.
func isInsertService(name string, cluster Cluster) bool {
	named := strings.Contains(name, cluster.Name) || slices.ContainsFunc(insertComponents, func(c component) bool {
		return name == text(c.settings(cluster.Spec), "serviceSpec", "metadata", "name")
	})
	return named && insertServices(cluster)[name]
}

// insertComponents are those whose Services lead to vminsert.
var insertComponents = []component{vminsert, balancer}

// insertServices returns the names of the Services that lead to vminsert
// (createOrUpdateVMInsertService and createOrUpdateVMAuthLB,
// factory/vmcluster/vmcluster.go; NameOrDefault, types/vmextra_types.go). Those of
// the load balancer are among them whether it is enabled or not, and names of
// both ways of naming: what does not exist takes no data, and its queue says so.
func insertServices(cluster Cluster) map[string]bool {
	names := map[string]bool{
		"vminsertinternal-" + cluster.Name:  true,
		cluster.Name + "-vminsert-internal": true,
	}
	for _, c := range insertComponents {
		for _, name := range []string{c.name + "-" + cluster.Name, cluster.Name + "-" + c.name} {
			names[name] = true
			names[name+"-additional-service"] = true
		}
		if name := text(c.settings(cluster.Spec), "serviceSpec", "metadata", "name"); name != "" {
			names[name] = true
		}
	}
	return names
}

func (w writer) describe(e writeEntry, item any) RemoteWrite {
	limit, known := w.maxDiskUsage(e.position, item)
	if !known {
		limit = -1
	}
	return RemoteWrite{
		Position: e.position, URL: shown(e.raw), QueueKey: queueKey(e.position, e.raw),
		MaxDiskUsage: limit,
		NoDiskQueue:  nth(w.args.get("remoteWrite.disableOnDiskQueue"), e.position).truth(),
		SendPause:    w.sendPause(e.position, item),
	}
}

// defaultSendTimeout is that of -remoteWrite.sendTimeout
// (app/vmagent/remotewrite/client.go of VictoriaMetrics v1.148.0).
const defaultSendTimeout = time.Minute

// sendPause is that timeout, and a little until the failure is counted. The rest
// between two attempts shows: see QueueReading.Waiting.
func (w writer) sendPause(position int, item any) time.Duration {
	return w.duration("remoteWrite.sendTimeout", position, text(item, "sendTimeout"), defaultSendTimeout) + 2*time.Second
}

// duration is what the argument says, else the spec, else what is given.
func (w writer) duration(name string, position int, inSpec string, otherwise time.Duration) time.Duration {
	for _, value := range []string{nth(w.args.get(name), position).value, inSpec} {
		if d, err := time.ParseDuration(value); err == nil && d > 0 {
			return d
		}
	}
	return otherwise
}

// queueKey is the name of a queue's folder: the position from 1, and the hash of
// the URL without query and fragment (newRemoteWriteCtx,
// app/vmagent/remotewrite/remotewrite.go of VictoriaMetrics v1.148.0).
func queueKey(position int, raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.RawQuery, u.Fragment = "", ""
	return fmt.Sprintf("%d_%016X", position+1, xxhash.Sum64String(u.String()))
}

// nth returns the value for one URL of an argument that is given per URL. A
// single one is for all (GetOptionalArg, lib/flagutil/array.go of
// VictoriaMetrics).
func nth(list argument, n int) argument {
	values := strings.Split(list.value, ",")
	switch {
	case len(values) == 1:
		return list
	case n < len(values):
		list.value = strings.TrimSpace(values[n])
	default:
		list.value = ""
	}
	return list
}
