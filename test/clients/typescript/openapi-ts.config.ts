// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

import { defineConfig } from '@hey-api/openapi-ts';

// Go packages say where a schema comes from; nobody wants to write that out.
const packages = /^(com\.github\.vmdistributed\.vmdistributed-apiserver\.apis\.(operator|distributed)\.v1alpha1|io\.k8s\.apimachinery\.pkg\.apis\.meta\.v1)\./;

export default defineConfig({
  // kubectl get --raw /openapi/v3/apis/operator.victoriametrics.com/v1alpha1 >openapi.json
  // or that of distributed.victoriametrics.com: the names are the same.
  input: './openapi.json',
  output: './src/generated',
  parser: {
    // Deprecated in all of Kubernetes, in favour of ?watch=true.
    filters: { operations: { exclude: ['/ \\/apis\\/[^/]+\\/v1alpha1\\/watch\\//'] } },
    patch: {
      operations: (_method, _path, operation) => {
        operation.operationId = operation.operationId?.replace(/(?:Operator|Distributed)VictoriametricsComV1alpha1(Collection)?(Namespaced)?/, '$1');
        // The document says "anything" where a body may be JSON, YAML or CBOR.
        if ('requestBody' in operation && operation.requestBody && 'content' in operation.requestBody) {
          const { '*/*': anything, ...others } = operation.requestBody.content;
          if (anything) {
            operation.requestBody.content = { 'application/json': anything, ...others };
          }
        }
      },
    },
  },
  plugins: [
    '@hey-api/client-fetch',
    { name: '@hey-api/typescript', definitions: { casing: 'preserve', name: (name) => name.replace(packages, '') } },
    { name: '@hey-api/sdk', operations: { methodName: { casing: 'preserve' } } },
  ],
});
