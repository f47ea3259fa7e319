// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Programs that must not compile. The compiler fails where it finds nothing wrong
// in the line below a @ts-expect-error.
import type { VMDistributedCluster, VMDistributedClusterZones, Zone } from './generated/index.js';
import { readVMDistributedCluster } from './generated/index.js';
import type { MergePatch } from './patch.js';

export const wrong: VMDistributedCluster[] = [
  // @ts-expect-error: a misspelt field of spec
  { spec: { pausd: true, zones: { vmclusters: [] } } },
  // @ts-expect-error: a misspelt field of a zone
  { spec: { zones: { vmclusters: [{ nmae: 'zone-a', spec: {} }] } } },
  // @ts-expect-error: a string for a number
  { spec: { strategy: { maxUnavailable: '1' }, zones: { vmclusters: [] } } },
  // @ts-expect-error: a name for a reference
  { spec: { zones: { vmclusters: [{ ref: 'existing' }] } } },
  // @ts-expect-error: a list for an object
  { spec: { zones: { vmclusters: [{ name: 'zone-a', spec: [] }] } } },
  // @ts-expect-error: a word that is none of the deletion policies
  { spec: { deletionPolicy: 'Keep', zones: { vmclusters: [] } } },
];

// @ts-expect-error: a reference without a name
export const nameless: Zone = { ref: {} };

// @ts-expect-error: a misspelt field in a patch
export const patch: MergePatch<VMDistributedCluster> = { spec: { strategy: { updatePaus: '0s' } } };

// @ts-expect-error: a path without a namespace
export const astray = () => readVMDistributedCluster({ path: { name: 'metrics' } });

// @ts-expect-error: a field that the zones do not have
export const phase = (answer: VMDistributedClusterZones) => answer.zones[0]?.phsae;
