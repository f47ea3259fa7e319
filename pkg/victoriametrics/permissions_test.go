// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package victoriametrics

import (
	"slices"
	"strings"
	"testing"
)

func TestParsePermissionsAllowsExactlyWhatIsWritten(t *testing.T) {
	permissions, err := ParsePermissions(" zone-a:vmstorage.replicaCount=1,\n zone-b:vmstorage" + request + "10Gi, zone-a:vmstorage=absent,")
	if err != nil {
		t.Fatal(err)
	}
	shrinks := []Shrink{
		{Path: "vmstorage.replicaCount", To: "1"}, {Path: "vmstorage.replicaCount", To: "0"},
		{Path: "vmstorage.storage.volumeClaimTemplate.spec.resources.requests.storage", To: "10Gi"},
	}
	for zone, want := range map[string][]Shrink{"zone-a": shrinks[1:], "zone-b": shrinks[:2], "zone-c": shrinks} {
		if have := Unpermitted(zone, shrinks, permissions); !slices.Equal(have, want) {
			t.Errorf("%s: unpermitted are %v, want %v", zone, have, want)
		}
	}
}

func TestParsePermissionsOfNothingAllowsNothing(t *testing.T) {
	permissions, err := ParsePermissions("")
	if err != nil || len(permissions) != 0 {
		t.Fatalf("%v, %v", permissions, err)
	}
	shrinks := []Shrink{{Path: "vmstorage", To: "absent"}}
	if have := Unpermitted("zone-a", shrinks, nil); !slices.Equal(have, shrinks) {
		t.Errorf("unpermitted are %v", have)
	}
}

func TestParsePermissionsNamesTheEntryThatItCannotRead(t *testing.T) {
	for _, entry := range []string{"zone-a", "vmstorage.replicaCount=1", "zone-a:vmstorage.replicaCount", ":vmstorage=absent", "zone-a:=1", "zone-a:vmstorage=", "a=b:c", "zone-a:vmstorage.replicaCount = 1", "zone-a: vmstorage=absent", "zone-a :vmstorage=absent"} {
		_, err := ParsePermissions("zone-b:vmstorage=absent," + entry)
		if err == nil || !strings.Contains(err.Error(), "\""+entry+"\"") {
			t.Errorf("%q: error is %v", entry, err)
		}
	}
}
