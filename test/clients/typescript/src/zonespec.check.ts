// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Compiled where the document knows what is in the spec of a zone.
import type { Zone } from './generated/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

type Replicas = NonNullable<NonNullable<Zone['spec']>['vmselect']>['replicaCount'];

/** It does not compile unless the type is exactly this. */
export const replicas: Equal<Replicas, number | undefined> = true;

export const right: Zone = { name: 'zone-a', spec: { vmselect: { replicaCount: 2 } } };

// @ts-expect-error: a string for a number, inside the spec of a zone
export const wrong: Zone = { name: 'zone-a', spec: { vmselect: { replicaCount: '2' } } };

// @ts-expect-error: a misspelt field, inside the spec of a zone
export const misspelt: Zone = { name: 'zone-a', spec: { vmselect: { replicaCuont: 2 } } };
