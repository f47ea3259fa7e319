// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// The generated client against a server. NAMESPACE is the test's own, and holds
// a VMCluster by the name of existing.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { KubeConfig } from '@kubernetes/client-node';

import { eventually } from './await.js';
import {
  createVMDistributedCluster,
  deleteVMDistributedCluster,
  listVMDistributedCluster,
  patchVMDistributedCluster,
  readVMDistributedCluster,
  readVMDistributedClusterStatus,
  readVMDistributedClusterZones,
  replaceVMDistributedCluster,
  type VMDistributedCluster,
} from './generated/index.js';
import type { MergePatch } from './patch.js';
import { clientFor } from './transport.js';

const name = 'metrics';
const namespace = process.env.NAMESPACE ?? 'default';

// doc: client
const config = new KubeConfig();
config.loadFromDefault();
const client = clientFor(config);
// end

const collection = { client, path: { namespace }, throwOnError: true } as const;
const object = { client, path: { namespace, name }, throwOnError: true } as const;

/** A rejection with the Status that the API server answers. */
const status = (code: number, reason: string) => (error: unknown) => {
  assert.partialDeepStrictEqual(error, { kind: 'Status', code, reason });
  return true;
};

before(async () => {
  // doc: create
  const wanted: VMDistributedCluster = {
    metadata: { name: 'metrics' },
    spec: {
      strategy: { updatePause: '0s' },
      zones: {
        vmclusters: [
          { ref: { name: 'existing' }, overrideSpec: { vmselect: { replicaCount: 2 } } },
          {
            name: 'zone-b',
            spec: { vmstorage: { replicaCount: 1 }, vmselect: { replicaCount: 1 }, vminsert: { replicaCount: 1 } },
          },
        ],
      },
    },
  };
  const { data: created } = await createVMDistributedCluster({ client, path: { namespace }, body: wanted, throwOnError: true });
  // end
  assert.equal(created.metadata?.generation, 1);
  assert.equal(created.spec?.deletionPolicy, 'Delete', 'the default comes back');
});

test('an object reads back as it was written', async () => {
  const { data: found } = await readVMDistributedCluster(object);
  assert.equal(found.kind, 'VMDistributedCluster');
  const [first, second] = found.spec?.zones?.vmclusters ?? [];
  assert.equal(first?.ref?.name, 'existing');
  assert.deepEqual(first?.overrideSpec, { vmselect: { replicaCount: 2 } });
  assert.equal(second?.name, 'zone-b');
  assert.deepEqual(second?.spec?.vmstorage, { replicaCount: 1 });
});

test('a list holds it, and a selector leaves it out', async () => {
  const { data: all } = await listVMDistributedCluster(collection);
  assert.deepEqual(all.items.map((item) => item.metadata?.name), [name]);
  const { data: none } = await listVMDistributedCluster({ ...collection, query: { labelSelector: 'team=another' } });
  assert.deepEqual(none.items, []);
});

test('status and zones tell when every zone is ready', async ({ signal }) => {
  const ready = await eventually(signal, async () => {
    const { data } = await readVMDistributedClusterStatus(object);
    return data.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ? data.status : undefined;
  });
  assert.equal(ready.readyZones, 2);
  assert.deepEqual(ready.zones?.map(({ name, phase }) => `${name} ${phase}`), ['existing Ready', 'zone-b Ready']);

  // doc: zones
  const { data: report } = await readVMDistributedClusterZones({ client, path: { namespace, name }, throwOnError: true });
  const unready = report.zones.filter((zone) => !zone.ready).map(({ name, phase, waitingFor }) => `${name} is ${phase}: ${waitingFor}`);
  // end
  assert.deepEqual(unready, []);
  assert.equal(report.kind, 'VMDistributedClusterZones');
  assert.deepEqual(
    report.zones.map(({ name, source, ready, cluster }) => ({ name, source, ready, exists: cluster.exists })),
    [
      { name: 'existing', source: 'Referenced', ready: true, exists: true },
      { name: 'zone-b', source: 'Inline', ready: true, exists: true },
    ],
  );
});

test('a JSON merge patch changes what it names, and null takes away', async () => {
  // doc: patch
  const patch = (body: MergePatch<VMDistributedCluster>) =>
    patchVMDistributedCluster({
      client,
      path: { namespace, name },
      body,
      headers: { 'Content-Type': 'application/merge-patch+json' },
      throwOnError: true,
    });
  // end

  const { data: paused } = await patch({ metadata: { labels: { team: 'metrics' } }, spec: { paused: true } });
  assert.equal(paused.spec?.paused, true);
  assert.equal(paused.spec?.zones?.vmclusters.length, 2);
  assert.equal(paused.metadata?.labels?.team, 'metrics');

  const { data: resumed } = await patch({ metadata: { labels: null }, spec: { paused: null } });
  assert.equal(resumed.spec?.paused ?? false, false);
  assert.equal(resumed.metadata?.labels, undefined);
});

test('server-side apply protects the fields of others, and takes them by force', async () => {
  // The group is the one that the client was generated for.
  const { apiVersion } = (await readVMDistributedCluster(object)).data;
  const apply = (fieldManager: string, paused: boolean, force = false) =>
    patchVMDistributedCluster({
      ...object,
      query: { fieldManager, force },
      headers: { 'Content-Type': 'application/apply-patch+yaml' },
      body: {
        apiVersion,
        kind: 'VMDistributedCluster',
        spec: { paused },
      } satisfies MergePatch<VMDistributedCluster>,
    });
  const { data: applied } = await apply('one', true);
  assert.equal(applied.spec?.paused, true);
  await assert.rejects(apply('another', false), (error) => {
    assert.match(JSON.stringify(error), /conflict with \\"one\\": \.spec\.paused/);
    return status(409, 'Conflict')(error);
  });
  const { data: forced } = await apply('another', false, true);
  assert.equal(forced.spec?.paused ?? false, false);
});

test('what was changed meanwhile is not overwritten', async () => {
  const { data: stale } = await readVMDistributedCluster(object);
  await patchVMDistributedCluster({
    ...object,
    body: { metadata: { labels: { changed: 'meanwhile' } } } satisfies MergePatch<VMDistributedCluster>,
    headers: { 'Content-Type': 'application/merge-patch+json' },
  });
  await assert.rejects(replaceVMDistributedCluster({ ...object, body: stale }), status(409, 'Conflict'));
});

test('what the server refuses says why', async () => {
  const body: VMDistributedCluster = { metadata: { name: 'refused' }, spec: { zones: { vmclusters: [{ name: 'a', ref: { name: 'b' }, spec: {} }] } } };
  await assert.rejects(createVMDistributedCluster({ ...collection, body }), (error) => {
    assert.match(JSON.stringify(error), /spec\.zones\.vmclusters\[0\]/);
    return status(422, 'Invalid')(error);
  });
});

test('a deleted object is gone', async ({ signal }) => {
  await deleteVMDistributedCluster(object);
  await eventually(signal, async () => {
    const { response } = await readVMDistributedCluster({ ...object, throwOnError: false });
    return response?.status === 404 ? true : undefined;
  });
  await assert.rejects(readVMDistributedCluster(object), status(404, 'NotFound'));
});
