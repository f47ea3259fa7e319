#!/bin/sh
# Copyright The vmdistributed-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# What a pipeline does with kubectl vmdc, going by nothing but what the commands end
# with. KUBECONFIG and its namespace are given; v1.yaml, v2.yaml and wrong.yaml are the
# object demo in the working directory. Ends with the number of surprises.
set -u
surprises=0

# ends CODE COMMAND... runs a command, which has to end with a code.
ends() {
	want=$1
	shift
	"$@" >said 2>&1
	got=$?
	if [ "$got" -ne "$want" ]; then
		surprises=$((surprises + 1))
		echo "ended with $got, want $want: $*"
		sed 's/^/    /' said
	fi
}

vmdc() { kubectl vmdc "$@"; }

# 0: what was asked for came to be.
ends 0 vmdc version
ends 0 vmdc status
ends 0 vmdc plan -f v1.yaml
ends 0 kubectl apply -f v1.yaml
ends 0 vmdc wait demo --timeout=2m
ends 0 vmdc wait demo --zone=zone-a --timeout=2m
ends 0 vmdc status demo
ends 0 vmdc zones demo
ends 0 vmdc doctor demo
ends 0 vmdc plan demo
ends 0 vmdc history demo

# 1: the call was wrong, or a request failed; the object is not there.
for command in status zones doctor plan history wait promote abort retry undo restart pause resume; do
	ends 1 vmdc $command absent
done
ends 1 vmdc skip absent zone-a --reason=none
for command in zones doctor plan history wait promote abort retry undo skip restart pause resume; do
	ends 1 vmdc $command
done
ends 1 vmdc advance demo
ends 1 vmdc wait demo --zone=zone-x
ends 1 vmdc wait demo --timeout=soon
ends 1 vmdc status demo --output=xml
ends 1 vmdc promote demo # no zone waits for it
ends 1 vmdc retry demo
ends 1 vmdc undo demo
ends 1 vmdc skip demo zone-x --reason=none
ends 1 vmdc restart demo --revision=another
ends 1 vmdc abort demo --revision=another
ends 1 vmdc plan -f absent.yaml
for command in status zones doctor plan history wait promote abort pause; do
	ends 1 vmdc $command demo --server=https://127.0.0.1:1
done

# 2: it waits for the user.
ends 2 vmdc plan -f wrong.yaml
ends 0 vmdc pause demo
ends 2 vmdc wait demo --timeout=2m
ends 2 vmdc doctor demo
ends 0 vmdc status demo
ends 0 vmdc zones demo

# 3: the time was over, while it waits for the user and somebody is patient.
ends 3 vmdc wait demo --patient --timeout=1s
ends 0 vmdc resume demo
ends 0 vmdc wait demo --timeout=2m

# 3: or while it is under way; nobody has to do anything yet.
ends 0 kubectl annotate vmcluster zone-a standin.vmdistributed.test/behaviour=stuck standin.vmdistributed.test/from-generation=2
ends 0 kubectl apply -f v2.yaml
ends 3 vmdc wait demo --timeout=1s
ends 3 vmdc wait demo --zone=zone-a --timeout=1s --quiet
ends 0 kubectl wait --for=jsonpath='{.status.zones[0].reason}'=WaitingForOperator vmdc/demo --timeout=2m
ends 0 vmdc doctor demo

# A pipeline that ends with the first failure goes no further.
ends 3 sh -ec 'kubectl vmdc wait demo --timeout=1s; touch further'
ends 1 test -e further

# 2: or it was called off, and goes on by somebody's word.
ends 0 vmdc abort demo --reason=errors
ends 0 kubectl wait --for=condition=Stalled vmdc/demo --timeout=2m
ends 2 vmdc wait demo
ends 2 vmdc doctor demo
ends 0 vmdc retry demo
ends 0 vmdc skip demo zone-b --reason=disks
ends 2 vmdc wait demo --zone=zone-b --timeout=2m
ends 0 kubectl annotate vmcluster zone-a standin.vmdistributed.test/behaviour-
ends 0 vmdc wait demo --timeout=2m # without zone-b, which it names
ends 0 vmdc retry demo --zone=zone-b
ends 0 vmdc wait demo --timeout=2m
ends 0 vmdc undo demo
ends 0 kubectl wait --for=jsonpath='{.status.undo.revision}' vmdc/demo --timeout=2m
ends 0 vmdc undo demo --to-revision="$(kubectl get vmdc demo -o jsonpath='{.status.undo.revision}')"
ends 0 vmdc wait demo --timeout=2m
ends 0 vmdc restart demo --reason=certificate
ends 0 vmdc wait demo --timeout=2m

# 1: the object goes while it is waited for.
ends 0 kubectl delete vmdc demo --timeout=2m
ends 1 vmdc wait demo
exit "$surprises"
