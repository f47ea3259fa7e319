// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

// Package chronicle writes down what becomes of the VMClusters, the VMUsers and
// the configurations of VMAuths of a namespace, and judges afterwards whether a
// rollout kept what it promises: no two existing zones are changed at once, and no
// healthy zone is touched while another one is not, or while the configuration of
// a VMAuth leads to it; nor does one lead to it again before its VMUsers do. It
// sees what any watcher sees, every version of every object in order, and shares
// no code with what it judges.
package chronicle
