// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func writesOf(t *testing.T, spec string) ZoneWrites {
	t.Helper()
	agent := fromYAML(t, "kind: VMAgent\nmetadata: {namespace: monitoring, name: global}\nspec:\n"+indent(spec))
	zone := Cluster{Namespace: "monitoring", Name: "a", Spec: mapFromYAML(t, `{vminsert: {serviceSpec: {metadata: {name: entrance}}}}`)}
	others := []Cluster{{Namespace: "monitoring", Name: "b"}, {Namespace: "elsewhere", Name: "a"}, zone}
	return RemoteWrites(agent, zone, others)
}

func positions(w ZoneWrites) []int {
	var found []int
	for _, entry := range w.Entries {
		found = append(found, entry.Position)
	}
	return found
}

const toB = `{url: "http://vminsert-b:8480/insert/0/prometheus/api/v1/write"}`

func TestAnEntryLeadsToTheZoneByEveryServiceOfItsVMInsert(t *testing.T) {
	for _, host := range []string{
		"vminsert-a", "vminsert-a:8480", "vminsert-a.monitoring", "vminsert-a.monitoring.svc", "vminsert-a.monitoring.svc.cluster.local:8480",
		"vminsert-a.monitoring.svc.cluster.local.", "VMINSERT-A.monitoring.svc", "srv+vminsert-a.monitoring.svc", "a-vminsert", "a-vminsert.monitoring.svc",
		"vminsertinternal-a", "a-vminsert-internal.monitoring", "vmclusterlb-a.monitoring.svc:8427", "a-vmclusterlb",
		"entrance.monitoring.svc", "vminsert-a-additional-service", "user:secret@vminsert-a",
	} {
		w := writesOf(t, `remoteWrite: [`+toB+`, {url: "http://`+host+`/insert/0/prometheus/api/v1/write?key=secret#x"}]`)
		if diff := cmp.Diff([]int{1}, positions(w)); diff != "" || w.Unknown != "" || w.None() {
			t.Errorf("%s: %s %q", host, diff, w.Unknown)
			continue
		}
		if strings.Contains(w.Entries[0].URL, "secret") {
			t.Errorf("%s: shown as %s", host, w.Entries[0].URL)
		}
	}
}

func TestAnEntryForAnotherVMClusterIsNotOurs(t *testing.T) {
	for _, spec := range []string{
		`remoteWrite: []`, `{}`,
		`remoteWrite: [` + toB + `]`,
		`remoteWrite: [{url: "http://vminsert-a.elsewhere.svc:8480/insert/0/prometheus/api/v1/write"}]`,
		// A proxy changes nothing about a name that is another's.
		`remoteWrite: [{url: "http://vminsert-b:8480/w", proxyURL: "http://proxy"}]`,
	} {
		if w := writesOf(t, spec); !w.None() {
			t.Errorf("%s: %v, %q, want none", spec, positions(w), w.Unknown)
		}
	}
}

func TestAnEntryThatMayLeadAnywhereIsUnknownUnlessOneLeadsHere(t *testing.T) {
	const direct = `{url: "http://vminsert-a/w"}`
	for doubtful, part := range map[string]string{
		`{url: "http://vmauth-writes:8427/w"}`:                      "vmauth-writes",
		`{url: "https://metrics.example.com/api/v1/write"}`:         "metrics.example.com",
		`{url: "http://192.0.2.1:8480/w"}`:                          "192.0.2.1",
		`{url: "http://vminsert-unheard-of/w"}`:                     "vminsert-unheard-of",
		`{url: "http://vminsert-a.unheard-of/w"}`:                   "vminsert-a.unheard-of",
		`{url: "http://vminsert-a.monitoring.example.com/w"}`:       "vminsert-a.monitoring.example.com",
		`{url: "http://vmselect-a/w"}`:                              "vmselect-a",
		`{url: "http://vminsert-a/w", proxyURL: "http://u:p@prox"}`: "spec.remoteWrite[0].proxyURL",
		`{url: "http://%{HOST}/w"}`:                                 "filled in from the environment",
		`{url: "http://vminsert-a/$(TENANT)/w"}`:                    "filled in from the environment",
		`{url: "vminsert-a:8480/w"}`:                                "not a URL with a host",
		`{url: "::"}`:                                               "not a URL with a host",
		`{}`:                                                        "not a URL with a host",
	} {
		w := writesOf(t, `remoteWrite: [`+doubtful+`, `+toB+`]`)
		if len(w.Entries) != 0 || w.None() || !strings.Contains(w.Unknown, "remoteWrite[0]") || !strings.Contains(w.Unknown, part) {
			t.Errorf("%s: %v, %q, want unknown with %q", doubtful, positions(w), w.Unknown, part)
		}
		if w := writesOf(t, `remoteWrite: [`+doubtful+`, `+direct+`]`); w.Unknown != "" || !cmp.Equal([]int{1}, positions(w)) {
			t.Errorf("%s beside a direct one: %v, %q", doubtful, positions(w), w.Unknown)
		}
	}
}

func TestProxiesOfTheEnvironmentMakeAnEntryUnknown(t *testing.T) {
	const entry = `remoteWrite: [{url: "http://vminsert-a.monitoring.svc/w"}], extraEnvs: `
	for envs, unknown := range map[string]bool{
		`[{name: HTTP_PROXY, value: "http://proxy"}]`:                                    true,
		`[{name: http_proxy, value: "http://proxy"}]`:                                    true,
		`[{name: HTTP_PROXY, valueFrom: {configMapKeyRef: {name: a, key: b}}}]`:          true,
		`[{name: HTTPS_PROXY, value: "http://proxy"}]`:                                   false,
		`[{name: HTTP_PROXY, value: "http://proxy"}, {name: NO_PROXY, value: ".svc"}]`:   false,
		`[{name: HTTP_PROXY, value: "http://proxy"}, {name: NO_PROXY, value: ".local"}]`: true,
		`[{name: SOMETHING, value: else}]`:                                               false,
	} {
		w := writesOf(t, `{`+entry+envs+`}`)
		if (w.Unknown != "") != unknown || unknown && !strings.Contains(w.Unknown, "spec.extraEnvs[") {
			t.Errorf("%s: %v, %q", envs, positions(w), w.Unknown)
		}
	}
}

func TestAllIsUnknownWhereTheVMAgentIsStartedWithSomethingElse(t *testing.T) {
	for spec, part := range map[string]string{
		`{remoteWrite: [{url: "http://vminsert-a/w"}], extraArgs: {remoteWrite.url: "http://vminsert-a/w"}}`: "spec.extraArgs[remoteWrite.url]",
		`{remoteWrite: [{url: "http://vminsert-a/w"}], extraArgs: {remoteWrite.proxyURL: "http://proxy"}}`:   "spec.extraArgs[remoteWrite.proxyURL]",
		`{extraEnvs: [{name: remoteWrite_url, value: "http://vminsert-a/w"}]}`:                               "spec.extraEnvs[remoteWrite_url]",
		`{remoteWrite: [{url: "http://x/?a=1,2"}, {url: "http://vminsert-a/w"}]}`:                            "spec.remoteWrite[0].url holds a comma",
	} {
		if w := writesOf(t, spec); len(w.Entries) != 0 || !strings.Contains(w.Unknown, part) {
			t.Errorf("%s: %v, %q, want unknown with %q", spec, positions(w), w.Unknown, part)
		}
	}
}

func TestSettingsThatMatterForAQueueAreRead(t *testing.T) {
	w := writesOf(t, `{remoteWrite: [`+toB+`, {url: "http://vminsert-a/w"}], remoteWriteSettings: {useMultiTenantMode: true, queues: 3}, extraArgs: {remoteWrite.shardByURL: "true", remoteWrite.disableOnDiskQueue: "false,true"}}`)
	if len(w.Entries) != 1 || !w.Sharded || !w.Entries[0].NoDiskQueue {
		t.Errorf("%+v", w)
	}
	if w := writesOf(t, `remoteWrite: [{url: "http://vminsert-a/w"}]`); w.Sharded || w.Entries[0].NoDiskQueue {
		t.Errorf("%+v", w)
	}
}

func TestTheLimitOfAQueueIsWhatTheOperatorMakesOfTheSpec(t *testing.T) {
	const gib = 1 << 30
	for _, test := range []struct {
		name, entry, rest string
		want              int64
	}{
		{"default", ``, ``, gib},
		{"own", `, maxDiskUsage: 2GiB`, ``, 2 * gib},
		{"own, a number", `, maxDiskUsage: 2147483648`, `, remoteWriteSettings: {maxDiskUsagePerURL: 5GB}`, 2 * gib},
		{"common", ``, `, remoteWriteSettings: {maxDiskUsagePerURL: 5GB}`, 5_000_000_000},
		{"lower case", `, maxDiskUsage: 700mb`, ``, 700_000_000},
		{"unlimited", `, maxDiskUsage: 0`, ``, 0},
		{"too small", `, maxDiskUsage: 1KB`, ``, 536871040},
		{"part of the volume", ``, `, statefulMode: true, statefulStorage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 10Gi}}}}}`, 5 * gib},
		{"volume without statefulMode", ``, `, statefulStorage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 10Gi}}}}}`, gib},
		{"own before the volume", `, maxDiskUsage: 2GiB`, `, statefulMode: true, statefulStorage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 10Gi}}}}}`, 2 * gib},
		{"argument for all", `, maxDiskUsage: 2GiB`, `, extraArgs: {remoteWrite.maxDiskUsagePerURL: 3GiB}`, 3 * gib},
		{"argument for each", `, maxDiskUsage: 2GiB`, `, extraArgs: {remoteWrite.maxDiskUsagePerURL: "3GiB,4GiB"}`, 4 * gib},
		{"argument nobody understands", ``, `, extraArgs: {remoteWrite.maxDiskUsagePerURL: "some"}`, -1},
	} {
		w := writesOf(t, `{remoteWrite: [`+toB+`, {url: "http://vminsert-a/w"`+test.entry+`}]`+test.rest+`}`)
		if len(w.Entries) != 1 || w.Entries[0].MaxDiskUsage != test.want {
			t.Errorf("%s: %+v, want %d", test.name, w, test.want)
		}
	}
}

// The keys of the captured pages, which a vmagent v1.149.0 has made.
func TestTheKeyOfAQueueIsPositionAndHashOfTheURLWithoutQuery(t *testing.T) {
	const (
		a = "http://vminsert-a.monitoring.svc:8480/insert/0/prometheus/api/v1/write"
		b = "http://vminsert-b.monitoring.svc:8480/insert/0/prometheus/api/v1/write"
	)
	for _, test := range []struct {
		position int
		raw      string
		key      string
		same     bool
	}{
		{0, a + "?extra_label=from=global", "1_356B01CF19650883", true},
		{0, a, "1_356B01CF19650883", true},
		{1, b, "2_FD537CB21339E1F5", true},
		{1, b + "?x=y#z", "2_FD537CB21339E1F5", true},
		{1, b + "/elsewhere", "2_FD537CB21339E1F5", false},
		{2, b, "2_FD537CB21339E1F5", false},
	} {
		if got := queueKey(test.position, test.raw); (got == test.key) != test.same {
			t.Errorf("%d, %s: %s, want %s: %t", test.position, test.raw, got, test.key, test.same)
		}
	}
}
