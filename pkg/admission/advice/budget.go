// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package advice

const (
	// maxPairs bounds how many ways from a VMUser or VMAuth to a zone are looked at,
	// and maxPlanned of how many a drain is planned.
	maxPairs   = 1000
	maxPlanned = 100
	// maxHosts bounds how often a host that is written to is held against the
	// Services of a VMCluster, which takes hardly any time.
	maxHosts = 200_000
)

// budget is what may still be looked at: an answer must not take long, however much
// there is. What is not looked at is not told of.
type budget struct{ pairs, plans, hosts int }

func newBudget() budget { return budget{pairs: maxPairs, plans: maxPlanned, hosts: maxHosts} }

// spend takes a cost from what is left, unless that is less.
func spend(left *int, cost int) bool {
	if *left < cost {
		return false
	}
	*left -= cost
	return true
}
