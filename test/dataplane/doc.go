// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dataplane makes VMCluster, VMAgent, VMAuth and VMUser objects run: it
// plays the VictoriaMetrics operator as test/standin does, with processes behind
// what it reports, and it brings a writer, readers and an auditor that say
// whether a query failed or a sample was lost meanwhile.
//
// Real are: vmagent with its queues on disk, one per replica; vmauth with its
// configuration file and the reload of it, one per replica; the storage of each
// zone; every write and every query between them; how a process ends when asked
// (it refuses connections and finishes the queries it has) and when killed; all
// pages under /metrics.
//
// Played are:
//   - The cluster version of VictoriaMetrics, whose components are no Go module:
//     one victoria-metrics process is vmselect, vminsert and vmstorage of a zone
//     and restarts as a whole at every change of the VMCluster's spec. A front
//     per component listens on a loopback port while the process is ready, takes
//     the cluster's paths and passes them on as those of the single node. Several
//     replicas of a component are several addresses of the same process.
//   - Pods, Services and DNS: Services and EndpointSlices exist as objects, with
//     addresses of TEST-NET, because EndpointSlices refuse loopback ones. Proxy is
//     an HTTP forward proxy that knows these addresses and the names of the
//     Services; what needs them is started with it in HTTP_PROXY. vmagent is, so
//     that its remote write URLs, by whose hash it names its queues, are exactly
//     those of the spec. An address keeps its pod over restarts, unlike a real one.
//   - The Secret with vmauth's configuration, and the kubelet's way of bringing it
//     to each pod: a file per replica, that changes after a delay of its own. In
//     it, addresses of fronts stand for the names of Services, because vmauth
//     dials a backend that failed before it uses it again.
//   - Everything that test/standin plays. Its Behaviours work here too: a VMCluster
//     that is Stuck or that Fails has no process.
//
// A DataPlane listens on 127.0.0.1 only, on ports chosen at start, and writes
// below Options.Dir only.
package dataplane
