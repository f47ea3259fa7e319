// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package responders answers in the place of pods that nothing runs in, as those
// of kwok: GET /metrics of a vmagent, a vmauth with its config-reloader, or a
// vmselect, which are told by the labels that the operator gives them.
//
// Pods of kwok have addresses that lead nowhere. So the responders are an HTTP
// forward proxy: a program that is started with [Responders.Env], be it the server
// or the operator, asks the address that an EndpointSlice or a pod says, and the
// proxy looks up the pod that has it. Where no pod has it, where the pod does not
// listen on the port, or where a test has silenced it, the connection is closed
// without an answer. Tests run them in their own process; for a control plane that
// stays, the command pod-responders does.
//
// What is played, with names and labels as the programs of VictoriaMetrics have
// them (golden pages, captured from these, are in pkg/victoriametrics/testdata):
//
//   - A vmagent has one queue for each URL in the argument -remoteWrite.url of its
//     pod, in the order of that argument: it is what the operator has made of the
//     VMAgent that counts. Nothing is pending, what is sent grows with time, and
//     nothing fails.
//   - A vmauth loads what the Secret of its config-reloader holds, a moment after
//     it has changed, and what there is when its container starts. The time of the
//     last load moves with that and with nothing else.
//   - A config-reloader beside a vmauth shows the checksum of what it has made that
//     load, by which the operator knows under spec.waitForConfigReload.
//   - A vmselect answers reads all the time, of which none is in flight.
//
// So it is always true that no sample waits and no query runs: there are none.
//
// Tests can let a pod be silent, have bytes pending, no longer load anything, or
// be busy with reads; see [Behaviour].
package responders
