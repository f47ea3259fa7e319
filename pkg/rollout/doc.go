// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rollout decides what to do next with the zones of a
// VMDistributedCluster. It is pure: Decide maps what was observed, the time
// included, to one action, the new records of the zones and the moment at which
// to look again. There is no client, no clock and no goroutine in here.
//
// The rules, in the order in which they are applied:
//
//   - Halted: nothing is written for any object.
//   - Deletion: inline clusters that nothing refers to any more are deleted, all
//     others are released. In a terminating namespace nothing is written.
//   - paused, or only observed: nothing is written. What would be, and what stands
//     against it, is found out by the rules that follow; see [Outlook].
//   - A cluster that the list no longer names is released.
//   - An inline cluster that does not exist is created at once: there is nothing
//     to disturb.
//   - An existing cluster is changed only while no other one is being changed.
//     One left unfinished comes first, then those that are not healthy, then
//     the healthy ones in list order. One left unfinished and yet healthy, since
//     nothing was written, comes after those that are not healthy.
//   - A healthy cluster is changed only if all other existing ones are healthy,
//     enough of them are ours to read from, the last one changed has been so for
//     the pause, and no zone before it is refused.
//   - A cluster that is not healthy may always be changed: that is how it gets
//     repaired. A change that failed, or is over its deadline, keeps none of
//     them waiting.
//   - What was written, has been seen in place and is not there any more has
//     been changed by somebody else. It is overwritten three times at most.
package rollout
