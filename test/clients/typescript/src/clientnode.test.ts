// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// @kubernetes/client-node alone against a server: nothing is generated but types.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import {
  CustomObjectsApi,
  HttpMethod,
  IsomorphicFetchHttpLibrary,
  KubeConfig,
  PatchStrategy,
  RequestContext,
  setHeaderOptions,
  Watch,
} from '@kubernetes/client-node';

import { eventually } from './await.js';
import type { VMDistributedCluster, VMDistributedClusterList, VMDistributedClusterZones } from './generated/index.js';

const name = 'metrics';
const namespace = process.env.NAMESPACE ?? 'default';

// doc: clientnode
const config = new KubeConfig();
config.loadFromDefault();
const objects = config.makeApiClient(CustomObjectsApi);
const kind = { group: 'operator.victoriametrics.com', version: 'v1alpha1', namespace, plural: 'vmdistributedclusters' };
const path = `/apis/${kind.group}/${kind.version}/namespaces/${namespace}/${kind.plural}`;

const list = async (): Promise<VMDistributedClusterList> => await objects.listNamespacedCustomObject(kind);

const patch = async (body: object): Promise<VMDistributedCluster> =>
  await objects.patchNamespacedCustomObject({ ...kind, name, body }, setHeaderOptions('Content-Type', PatchStrategy.MergePatch));

/** The subresource zones, for which CustomObjectsApi has no method. */
async function zones(): Promise<VMDistributedClusterZones> {
  const request = new RequestContext(`${config.getCurrentCluster()?.server}${path}/${name}/zones`, HttpMethod.GET);
  await config.applySecurityAuthentication(request);
  const answer = await new IsomorphicFetchHttpLibrary().send(request).toPromise();
  const text = await answer.body.text();
  if (answer.httpStatusCode !== 200) {
    throw new Error(`GET ${request.getUrl()} is answered with ${answer.httpStatusCode}: ${text}`);
  }
  return JSON.parse(text);
}
// end

before(async () => {
  const body: VMDistributedCluster = {
    apiVersion: `${kind.group}/${kind.version}`,
    kind: 'VMDistributedCluster',
    metadata: { name },
    spec: { zones: { vmclusters: [{ name: 'zone-a', spec: { vmselect: { replicaCount: 1 } } }, { ref: { name: 'existing' } }] } },
  };
  await objects.createNamespacedCustomObject({ ...kind, body });
});

test('a list holds it', async () => {
  const { kind, items } = await list();
  assert.equal(kind, 'VMDistributedClusterList');
  assert.deepEqual(items.map((item) => item.metadata?.name), [name]);
});

test('the subresource zones tells what exists', async ({ signal }) => {
  await eventually(signal, async () => {
    const { items } = await list();
    return items[0]?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') || undefined;
  });
  const report = await zones();
  assert.deepEqual(report.zones.map(({ name, source, ready }) => ({ name, source, ready })), [
    { name: 'zone-a', source: 'Inline', ready: true },
    { name: 'existing', source: 'Referenced', ready: true },
  ]);
});

test('a watch from a list on tells of a patch and of the deletion', async ({ signal }) => {
  const { metadata } = await list();
  const events: string[] = [];
  const ended = Promise.withResolvers<unknown>();
  // doc: watch
  const watch = await new Watch(config).watch(
    path,
    { resourceVersion: metadata?.resourceVersion },
    (event: string, found: VMDistributedCluster) => events.push(found.spec?.paused ? `${event} paused` : event),
    ended.resolve,
  );
  // end
  signal.addEventListener('abort', () => watch.abort());
  const told = (event: string) => eventually(signal, async () => events.includes(event) || undefined);

  const paused = await patch({ spec: { paused: true } });
  assert.equal(paused.spec?.paused, true);
  await told('MODIFIED paused');

  await objects.deleteNamespacedCustomObject({ ...kind, name });
  await told('DELETED paused');
  watch.abort();
  await ended.promise;
  assert.deepEqual((await list()).items, []);
});
