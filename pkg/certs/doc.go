// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package certs makes the certificate that the server serves with, renews it, and has
// the aggregator trust it. All replicas share what one Secret holds, and any number of
// them may do all of this at the same time: each observes, decides on one step by a
// pure function, and carries it out guarded by the resourceVersion that was observed.
//
// # What is made
//
// Each certificate gets an authority of its own, which signs this one and nothing
// else. The authority's key is thrown away before anything is written, so that there is
// no key by which another certificate could be made, and none to look after. A renewal
// of the certificate is thereby one of the authority too. Both end at the same
// moment, so that an authority that has ended has nothing left to vouch for.
//
// The Secret is of type kubernetes.io/tls:
//
//	tls.crt, tls.key    the certificate that is served now
//	next.crt, next.key  the one that will be, while there is one
//	ca.crt              every authority that clients have to trust now
//
// # How it is renewed
//
//  1. When a third of its life is left, the next certificate is stored beside the one that
//     is served, and its authority is added to ca.crt.
//  2. ca.crt is put into spec.caBundle of each APIService that is ours.
//  3. When the new authority has been seen there, in all of them and by live reads, for
//     as long as an aggregator may need to take it up, the next certificate becomes the
//     one that is served.
//  4. An authority is taken out of ca.crt when it has ended. Until then, a replica that
//     has not heard of the change goes on being trusted, however late it is.
//
// How long the authority has been seen is measured by each process for itself, by a
// clock that runs evenly whatever is done to the time of day. A restart begins the
// wait anew, which costs five minutes of a month. So the order in which things happen rests on
// no clock that two machines would have to agree on; only the ends of certificates do,
// with the tolerance that timing has for it.
//
// # What can go wrong
//
//   - The Secret is deleted, or holds what can't be used: it is made anew at once.
//     Replicas go on serving what they have until the new authority has been seen in the
//     APIServices for long enough, and the authorities that are in these already are kept,
//     if they end as soon as ours would. A replica that has nothing, since it
//     starts just then, serves the new certificate, and is not ready before the APIServices have
//     its authority.
//   - All of it was off until the certificate ended: it is made anew at the start. Nobody
//     could have trusted the old one, so there is nothing to wait for.
//   - The Secret is not ours, or its certificate is good and for another Service: nothing is
//     touched, and the error says so.
//   - APIServices can't be read: a certificate that is there is served, and nothing else is
//     done.
package certs
