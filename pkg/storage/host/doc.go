// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package host keeps objects in the cluster that aggregates the server, as opaque
// records (package apis/storage/v1): nothing else has to be installed, backed up or
// made highly available.
//
// It is a storage.Interface under the generic registry. Reads go to the cluster each
// time, there is no cache here: kube-apiserver has one. What a client asks of
// consistency, resource versions, pages, selectors, bookmarks and initial events is
// passed on, since records have the resourceVersion, the names and the labels of
// their objects.
//
// What is different from etcd:
//   - In the place of a record that can't be read, lists and watches have a stand-in that
//     says so. One object that somebody has broken by hand neither takes the others along
//     nor looks as if it had been deleted.
//   - A record that was deleted beside the API stays, held by its guard, and so does
//     the object. Where somebody takes the guard away too, the object is gone without
//     having been deleted: nothing that a deletion does has happened.
//   - The cluster tells the revision of a deletion to watchers only, so that Delete watches
//     for it. Where it learns nothing in time, what it returns has the revision of the last
//     write before. Events have the right one.
//   - Nothing expires (there is no time to live).
package host
