#!/usr/bin/env bash
# Copyright The vmdistributed-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0
#
# What docs/clients.md shows of kubectl; a test runs it.
set -o errexit -o nounset -o pipefail

# doc: apply
kubectl apply --server-side --field-manager=my-script -f - <<'EOF'
apiVersion: operator.victoriametrics.com/v1alpha1
kind: VMDistributedCluster
metadata:
  name: metrics
  namespace: monitoring
spec:
  zones:
    vmclusters:
      - name: zone-a
        spec:
          vmselect: {replicaCount: 1}
      - ref: {name: existing}
EOF
kubectl -n monitoring wait --for=condition=Ready vmdc/metrics --timeout=60s
kubectl -n monitoring get vmdc metrics --subresource=zones
# end

# doc: raw
api=/apis/operator.victoriametrics.com/v1alpha1
kubectl get --raw "$api/namespaces/monitoring/vmdistributedclusters?limit=10"
kubectl get --raw "$api/namespaces/monitoring/vmdistributedclusters/metrics/zones"
# end

# doc: schema
kubectl get --raw /openapi/v3/apis/operator.victoriametrics.com/v1alpha1 >openapi.json
# end
