// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"slices"
	"testing"
)

// claim is a storage section that asks for a volume of a size.
func claim(size string) string {
	return "storage: {volumeClaimTemplate: {spec: {resources: {requests: {storage: " + size + "}}}}}"
}

const request = ".storage.volumeClaimTemplate.spec.resources.requests.storage="

func TestStorageShrinks(t *testing.T) {
	for name, test := range map[string]struct {
		from, to string
		want     []string
	}{
		"nothing changes":      {from: "{vmstorage: {replicaCount: 2, " + claim("10Gi") + "}}", to: "{vmstorage: {replicaCount: 2, " + claim("10Gi") + "}}"},
		"a new cluster":        {from: "", to: "{vmstorage: {replicaCount: 0}}"},
		"other settings":       {from: "{vmstorage: {logLevel: INFO}, vminsert: {}}", to: "{vmstorage: {logLevel: WARN}}"},
		"vmstorage is removed": {from: "{vmstorage: {replicaCount: 2, " + claim("10Gi") + "}}", to: "{}", want: []string{"vmstorage=absent"}},
		"vmstorage is null":    {from: "{vmstorage: {}}", to: "{vmstorage: null}", want: []string{"vmstorage=absent"}},

		"fewer nodes":                       {from: "{vmstorage: {replicaCount: 3}}", to: "{vmstorage: {replicaCount: 1}}", want: []string{"vmstorage.replicaCount=1"}},
		"more nodes":                        {from: "{vmstorage: {replicaCount: 1}}", to: "{vmstorage: {replicaCount: 3}}"},
		"no nodes":                          {from: "{vmstorage: {}}", to: "{vmstorage: {replicaCount: 0}}", want: []string{"vmstorage.replicaCount=0"}},
		"unset is one, down from three":     {from: "{vmstorage: {replicaCount: 3}}", to: "{vmstorage: {}}", want: []string{"vmstorage.replicaCount=1"}},
		"unset is one, and one is the same": {from: "{vmstorage: {}}", to: "{vmstorage: {replicaCount: 1}}"},
		"unset is one, up from none":        {from: "{vmstorage: {replicaCount: 0}}", to: "{vmstorage: {}}"},
		"the same number as float":          {from: "{vmstorage: {replicaCount: 2}}", to: "{vmstorage: {replicaCount: 2.0}}"},
		"an unreadable count":               {from: "{vmstorage: {replicaCount: 2}}", to: "{vmstorage: {replicaCount: \"2\"}}", want: []string{"vmstorage.replicaCount=unreadable"}},
		"the same unreadable count":         {from: "{vmstorage: {replicaCount: x}}", to: "{vmstorage: {replicaCount: x}}"},

		"an autoscaler with room":               {from: "{vmstorage: {replicaCount: 3}}", to: "{vmstorage: {hpa: {minReplicas: 1, maxReplicas: 3}}}"},
		"an autoscaler without room":            {from: "{vmstorage: {replicaCount: 3}}", to: "{vmstorage: {replicaCount: 3, hpa: {maxReplicas: 2}}}", want: []string{"vmstorage.hpa.maxReplicas=2"}},
		"an autoscaler with less room":          {from: "{vmstorage: {hpa: {maxReplicas: 5}}}", to: "{vmstorage: {hpa: {maxReplicas: 4}}}", want: []string{"vmstorage.hpa.maxReplicas=4"}},
		"an autoscaler without a maximum":       {from: "{vmstorage: {hpa: {maxReplicas: 5}}}", to: "{vmstorage: {hpa: {minReplicas: 5}}}", want: []string{"vmstorage.hpa.maxReplicas=absent"}},
		"no autoscaler and fewer than it might": {from: "{vmstorage: {replicaCount: 3, hpa: {maxReplicas: 5}}}", to: "{vmstorage: {replicaCount: 3}}", want: []string{"vmstorage.replicaCount=3"}},
		"no autoscaler and as many as it might": {from: "{vmstorage: {hpa: {maxReplicas: 5}}}", to: "{vmstorage: {replicaCount: 5}}"},
		"replicaCount under an autoscaler":      {from: "{vmstorage: {replicaCount: 3, hpa: {maxReplicas: 5}}}", to: "{vmstorage: {replicaCount: 1, hpa: {maxReplicas: 5}}}"},

		"workloads get other names":        {from: "{vmstorage: {}}", to: "{vmstorage: {}, useLegacyNaming: true}", want: []string{"useLegacyNaming=true"}},
		"workloads get their names back":   {from: "{vmstorage: {}, useLegacyNaming: true}", to: "{vmstorage: {}}", want: []string{"useLegacyNaming=false"}},
		"other names where no data is":     {from: "{vmselect: {}}", to: "{vmselect: {}, useLegacyNaming: true}"},
		"names spelled out as the default": {from: "{vmstorage: {}}", to: "{vmstorage: {}, useLegacyNaming: false}"},

		"a smaller volume":             {from: "{vmstorage: {" + claim("10Gi") + "}}", to: "{vmstorage: {" + claim("9Gi") + "}}", want: []string{"vmstorage" + request + "9Gi"}},
		"a larger volume":              {from: "{vmstorage: {" + claim("9Gi") + "}}", to: "{vmstorage: {" + claim("10Gi") + "}}"},
		"smaller in another unit":      {from: "{vmstorage: {" + claim("10Gi") + "}}", to: "{vmstorage: {" + claim("10G") + "}}", want: []string{"vmstorage" + request + "10G"}},
		"the same in another unit":     {from: "{vmstorage: {" + claim("10Gi") + "}}", to: "{vmstorage: {" + claim("10240Mi") + "}}"},
		"a number without unit":        {from: "{vmstorage: {" + claim("10Gi") + "}}", to: "{vmstorage: {" + claim("100") + "}}", want: []string{"vmstorage" + request + "100"}},
		"a malformed size":             {from: "{vmstorage: {" + claim("10Gi") + "}}", to: "{vmstorage: {" + claim("lots") + "}}", want: []string{"vmstorage" + request + "lots"}},
		"a malformed size after none":  {from: "{vmstorage: {" + claim("0") + "}}", to: "{vmstorage: {" + claim("lots") + "}}", want: []string{"vmstorage" + request + "lots"}},
		"the same malformed size":      {from: "{vmstorage: {" + claim("lots") + "}}", to: "{vmstorage: {" + claim("lots") + "}}"},
		"from a malformed size":        {from: "{vmstorage: {" + claim("lots") + "}}", to: "{vmstorage: {" + claim("10Gi") + "}}", want: []string{"vmstorage" + request + "10Gi"}},
		"a size of the wrong type":     {from: "{vmstorage: {" + claim("10Gi") + "}}", to: "{vmstorage: {" + claim("[1]") + "}}", want: []string{"vmstorage" + request + "unreadable"}},
		"no size any more":             {from: "{vmstorage: {" + claim("10Gi") + "}}", to: "{vmstorage: {storage: {}}}", want: []string{"vmstorage" + request + "absent"}},
		"no storage section any more":  {from: "{vmstorage: {" + claim("10Gi") + "}}", to: "{vmstorage: {}}", want: []string{"vmstorage.storage=absent"}},
		"an emptyDir instead":          {from: "{vmstorage: {" + claim("10Gi") + "}}", to: "{vmstorage: {storage: {emptyDir: {}, volumeClaimTemplate: {spec: {}}}}}", want: []string{"vmstorage.storage=emptyDir"}},
		"a volume instead of emptyDir": {from: "{vmstorage: {storage: {emptyDir: {}}}}", to: "{vmstorage: {" + claim("1Gi") + "}}"},
		"an unreadable section":        {from: "{vmstorage: {" + claim("10Gi") + "}}", to: "{vmstorage: {storage: big}}", want: []string{"vmstorage.storage=unreadable"}},
		"another claim name": {
			from: "{vmstorage: {" + claim("10Gi") + "}}",
			to:   "{vmstorage: {storage: {volumeClaimTemplate: {metadata: {name: data}, spec: {resources: {requests: {storage: 10Gi}}}}}}}",
			want: []string{"vmstorage.storage.volumeClaimTemplate.metadata.name=data"},
		},
		"the default claim name, spelled out": {
			from: "{vmstorage: {" + claim("10Gi") + "}}",
			to:   "{vmstorage: {storage: {volumeClaimTemplate: {metadata: {name: vmstorage-db}, spec: {resources: {requests: {storage: 10Gi}}}}}}}",
		},
		"another storage class": {
			from: "{vmstorage: {" + claim("10Gi") + "}}",
			to:   "{vmstorage: {storage: {volumeClaimTemplate: {spec: {storageClassName: fast, resources: {requests: {storage: 10Gi}}}}}}}",
		},
		"an own volume goes": {
			from: "{vmstorage: {volumes: [{name: vmstorage-db, hostPath: {path: /data}}]}}", to: "{vmstorage: {}}",
			want: []string{"vmstorage.volumes[vmstorage-db]=absent"},
		},
		"an own volume moves": {
			from: "{vmstorage: {volumes: [{name: vmstorage-db, hostPath: {path: /data}}]}}",
			to:   "{vmstorage: {volumes: [{name: vmstorage-db, hostPath: {path: /other}}]}}",
			want: []string{"vmstorage.volumes[vmstorage-db]=changed"},
		},
		"another own volume": {
			from: "{vmstorage: {volumes: [{name: tmp}, {name: vmstorage-db, hostPath: {path: /data}}]}}",
			to:   "{vmstorage: {volumes: [{name: vmstorage-db, hostPath: {path: /data}}]}}",
		},

		"data path moves with its mount":       {from: "{vmstorage: {}}", to: "{vmstorage: {storageDataPath: /data}}"},
		"data path leaves the mount":           {from: "{vmstorage: {storageDataPath: /data}}", to: "{vmstorage: {storageDataPath: /data, extraArgs: {storageDataPath: /data/sub}}}", want: []string{"vmstorage.extraArgs.storageDataPath=/data/sub"}},
		"data path returns to the mount":       {from: "{vmstorage: {storageDataPath: /data, extraArgs: {storageDataPath: /tmp}}}", to: "{vmstorage: {storageDataPath: /data}}", want: []string{"vmstorage.extraArgs.storageDataPath=absent"}},
		"the mount leaves the data path":       {from: "{vmstorage: {storageDataPath: /data, extraArgs: {storageDataPath: /data}}}", to: "{vmstorage: {storageDataPath: /mnt, extraArgs: {storageDataPath: /data}}}", want: []string{"vmstorage.storageDataPath=/mnt"}},
		"data path and mount move together":    {from: "{vmstorage: {storageDataPath: /data, extraArgs: {storageDataPath: /data/x}}}", to: "{vmstorage: {storageDataPath: /mnt, extraArgs: {storageDataPath: /mnt/x/}}}"},
		"the data path is said twice the same": {from: "{vmstorage: {storageDataPath: /data}}", to: "{vmstorage: {storageDataPath: /data, extraArgs: {storageDataPath: /data/}}}"},

		"a smaller cache":             {from: "{vmselect: {" + claim("2Gi") + "}}", to: "{vmselect: {" + claim("1Gi") + "}}", want: []string{"vmselect" + request + "1Gi"}},
		"no cache any more":           {from: "{vmselect: {" + claim("2Gi") + "}}", to: "{vmselect: {storage: {emptyDir: {}}}}", want: []string{"vmselect.storage=emptyDir"}},
		"no vmselect with a volume":   {from: "{vmselect: {" + claim("2Gi") + "}}", to: "{}", want: []string{"vmselect.storage=absent"}},
		"no vmselect without volumes": {from: "{vmselect: {replicaCount: 2}}", to: "{}"},
		"fewer vmselects":             {from: "{vmselect: {replicaCount: 2, " + claim("2Gi") + "}}", to: "{vmselect: {replicaCount: 1, " + claim("2Gi") + "}}"},

		"a smaller claim template": {
			from: "{vmstorage: {claimTemplates: [{metadata: {name: wal}, spec: {resources: {requests: {storage: 5Gi}}}}]}}",
			to:   "{vmstorage: {claimTemplates: [{metadata: {name: wal}, spec: {resources: {requests: {storage: 4Gi}}}}]}}",
			want: []string{"vmstorage.claimTemplates[wal].spec.resources.requests.storage=4Gi"},
		},
		"a claim template goes, another one comes": {
			from: "{vmselect: {claimTemplates: [{metadata: {name: wal}, spec: {resources: {requests: {storage: 5Gi}}}}]}}",
			to:   "{vmselect: {claimTemplates: [{metadata: {name: new}, spec: {resources: {requests: {storage: 5Gi}}}}]}}",
			want: []string{"vmselect.claimTemplates[wal]=absent"},
		},
		"all claim templates go": {
			from: "{vmstorage: {claimTemplates: [{metadata: {name: wal}}]}}", to: "{vmstorage: {}}",
			want: []string{"vmstorage.claimTemplates[wal]=absent"},
		},
		"claim templates in another order": {
			from: "{vmstorage: {claimTemplates: [{metadata: {name: a}}, {metadata: {name: b}}]}}",
			to:   "{vmstorage: {claimTemplates: [{metadata: {name: b}}, {metadata: {name: a}}]}}",
		},
		"unreadable claim templates": {
			from: "{vmstorage: {claimTemplates: [{metadata: {name: a}}]}}", to: "{vmstorage: {claimTemplates: [a]}}",
			want: []string{"vmstorage.claimTemplates=unreadable"},
		},

		"several at once": {
			from: "{vmstorage: {replicaCount: 3, " + claim("10Gi") + "}, vmselect: {" + claim("2Gi") + "}}",
			to:   "{vmstorage: {replicaCount: 2, " + claim("5Gi") + "}, vmselect: {}}",
			want: []string{"vmstorage.replicaCount=2", "vmstorage" + request + "5Gi", "vmselect.storage=absent"},
		},
	} {
		var have []string
		for _, shrink := range StorageShrinks(mapFromYAML(t, test.from), mapFromYAML(t, test.to)) {
			have = append(have, shrink.String())
		}
		if !slices.Equal(have, test.want) {
			t.Errorf("%s: shrinks are %q, want %q", name, have, test.want)
		}
	}
}

func TestStorageShrinksSaysWhatThereWas(t *testing.T) {
	from := mapFromYAML(t, "{vmstorage: {hpa: {maxReplicas: 5}, "+claim("10Gi")+"}}")
	have := StorageShrinks(from, mapFromYAML(t, "{vmstorage: {}}"))
	want := []Shrink{
		{Path: "vmstorage.replicaCount", From: "5 (vmstorage.hpa.maxReplicas)", To: "1"},
		{Path: "vmstorage.storage", From: "10Gi", To: "absent"},
	}
	if !slices.Equal(have, want) {
		t.Errorf("shrinks are %+v, want %+v", have, want)
	}
}
