// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package leader has one of several processes write. They elect it by a Lease. All
// serve the API, and only the one that leads rolls out.
//
// A process may believe to lead when it no longer does: it was stopped, its machine
// was, or its requests were late. Three fences stand between such a process and the
// objects.
//
// The round tripper, [Elector.Fence]. Every write of the controller passes it, to the
// host cluster and to our own API. It refuses while this process does not lead, and
// from some time before anybody else may take the Lease: measured by the monotonic
// clock from before the last renewal that succeeded was sent. It holds for as long as
// that clock runs at the pace of the others' and does not stand still: the clock of a
// virtual machine that is suspended may. It refuses when a request is begun, again or for
// the first time, which is after all waiting for client-side limits; and when its body is
// read, which is after all waiting for a connection. It can't call back what has passed it.
//
// resourceVersion. Every write of the controller names the version of the object that
// it is for, and a creation that there is none. So what was decided on a version of an
// object changes no other version of it, whoever decided. It says nothing of two
// objects.
//
// The term, in status.controller of a VMDistributedCluster. Whoever leads writes who it
// is, and the leaseTransitions of its Lease, with every status, and acts on an object
// only if its status says so: the write that records an intent records whose it is.
// Who finds a term there that is not before its own does not write. It makes its next
// renewal of the Lease carry a higher number, which succeeds only if it still leads;
// so the Lease decides, also where somebody deleted it and numbers began anew. Our API
// server refuses a status that goes back to an earlier term.
//
// Together: of two processes that both believe to lead, neither stores a status nor
// begins an action once it could have read that the other has recorded itself after
// it. What one has decided before the other recorded itself is refused by the round
// tripper, if it is not sent by then.
//
// Not covered is a request that has passed the round tripper in time, reaches the API
// server after the other process has recorded itself, and finds its one object just as
// it was. It carries out an intent that status had recorded before, as the request of a
// process that was killed a moment ago may. If a Lease is deleted by hand, a process
// that starts just then can't know the number that it had; until the leader's next
// renewal both may write, each to objects that no other has recorded itself in since.
// Between two stores that share no objects there is no term: package claim keeps a
// second embedded store from serving.
//
// An object with which nothing is to be done is not written because somebody else
// leads. Without a record, as an older server leaves it, the object is anybody's.
package leader
