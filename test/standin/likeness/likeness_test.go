// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package likeness

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/diff"

	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
	"github.com/vmdistributed/vmdistributed-apiserver/test/standin"
)

// patience ends a test that waits for what does not come. The operator looks at
// some things only once a minute.
const patience = 4 * time.Minute

func TestTheStandInIsLikeTheOperator(t *testing.T) {
	operator := played(t, controlplane.OperatorReal)
	standIn := played(t, controlplane.OperatorNone)
	for name, want := range operator {
		if changes := diff.Diff(want, standIn[name]); changes != "" {
			t.Errorf("%s: the stand-in differs from the operator (-operator +stand-in):\n%s", name, changes)
		}
	}
}

// played returns what came of all scenes; without an operator, by the stand-in.
func played(t *testing.T, mode controlplane.OperatorMode) map[string]any {
	t.Helper()
	control, err := controlplane.Start(t.Context(), controlplane.Options{Dir: t.TempDir(), Operator: mode})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := control.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if mode == controlplane.OperatorNone {
		defer standIn(t, control)()
	}
	s := newScene(t, control.Config())
	s.cluster()
	s.agent()
	s.user()
	return s.record
}

// standIn runs the stand-in until the function that it returns is called.
func standIn(t *testing.T, control *controlplane.ControlPlane) func() {
	t.Helper()
	operator, err := standin.New(control.Config(), standin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- operator.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
