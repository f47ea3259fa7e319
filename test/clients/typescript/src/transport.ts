// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// doc: transport
import { type HttpMethod, IsomorphicFetchHttpLibrary, type KubeConfig, RequestContext } from '@kubernetes/client-node';

import { type Client, createClient } from './generated/client/index.js';

/**
 * A client for the cluster of a kubeconfig, as its user. Authorities, client
 * certificates, tokens and exec plugins are @kubernetes/client-node's business:
 * the fetch of Node.js takes none of them.
 */
export function clientFor(config: KubeConfig): Client {
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new Error('the kubeconfig has no current context that names a cluster');
  }
  return createClient({ baseUrl: cluster.server, fetch: fetchAs(config) });
}

/** What fetch is, but sent as the user of a kubeconfig. */
function fetchAs(config: KubeConfig): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const context = new RequestContext(request.url, request.method as HttpMethod);
    request.headers.forEach((value, name) => context.setHeaderParam(name, value));
    context.setSignal(request.signal);
    if (request.body) {
      context.setBody(await request.text());
    }
    await config.applySecurityAuthentication(context);
    const answer = await new IsomorphicFetchHttpLibrary().send(context).toPromise();
    return new Response((await answer.body.text()) || null, { status: answer.httpStatusCode, headers: answer.headers });
  };
}
// end
