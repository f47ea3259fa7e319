// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// OperatorMode says what reconciles the kinds of the VictoriaMetrics operator.
type OperatorMode string

const (
	// OperatorNone leaves these kinds alone. It is the default.
	OperatorNone OperatorMode = "none"
	// OperatorReal runs the VictoriaMetrics operator. It needs, and gets, a
	// controller manager, a scheduler and at least one node.
	OperatorReal OperatorMode = "real"
	// OperatorStandin runs the project's stand-in, which plays the operator and
	// the controllers of StatefulSets, Deployments and ReplicaSets as well.
	OperatorStandin OperatorMode = "standin"
	// OperatorDataPlane is like OperatorStandin, and runs processes of vmagent,
	// vmauth and victoria-metrics behind the objects.
	OperatorDataPlane OperatorMode = "dataplane"
)

// OperatorModes are all there are.
func OperatorModes() []OperatorMode {
	return []OperatorMode{OperatorReal, OperatorDataPlane, OperatorStandin, OperatorNone}
}

// Options says what to start. The zero value of everything but Dir is usable.
type Options struct {
	// Dir receives everything that is written. Required.
	Dir string
	// Root is the root of the repository. Default: found from the working directory.
	Root string
	// BinDir holds the programs. Default: .local/bin below Root.
	BinDir string
	// Detached makes the programs outlive this process. What already runs under
	// Dir as it should is kept, the rest is started or restarted.
	Detached bool

	// Operator selects who reconciles the operator's kinds.
	Operator OperatorMode
	// OperatorEnv is added to the environment of the operator or its stand-in.
	OperatorEnv []string
	// OperatorReconcilesAll leaves -controller.disableReconcileFor out of the flags of
	// OperatorReal, which keeps it from what CRDsAll leaves out. It goes with CRDsFull.
	OperatorReconcilesAll bool
	// Responders runs a program that answers for the pods of OperatorReal, in which
	// nothing runs, and makes the operator and the server ask it: see package
	// responders. A test that wants pods to misbehave runs them itself instead.
	Responders bool
	// CRDs selects the operator's custom resource definitions.
	CRDs CRDSet
	// ControllerManager and Scheduler run these programs.
	ControllerManager, Scheduler bool
	// Nodes is how many nodes kwok plays; none means no kwok.
	Nodes int

	// AuditPolicyFile turns the audit log on, as log/audit.log below Dir.
	AuditPolicyFile string
	// EtcdArgs are appended to the flags of etcd.
	EtcdArgs []string
	// APIServerArgs are appended to the flags of kube-apiserver.
	APIServerArgs []string
	// ControllerManagerArgs are appended to those of kube-controller-manager.
	ControllerManagerArgs []string

	// Patience bounds the wait for each program to be ready. Default: 2 minutes.
	Patience time.Duration
	// Out receives one line for each thing done. Default: nothing is said.
	Out io.Writer
}

const (
	defaultPatience = 2 * time.Minute
	defaultNodes    = 3
)

// complete checks the options, makes paths absolute and fills in defaults.
func (o Options) complete() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("Options.Dir is empty: say where the control plane may write")
	}
	var err error
	if o.Root == "" {
		if o.Root, err = FindRoot(); err != nil {
			return o, err
		}
	}
	if o.BinDir == "" {
		o.BinDir = filepath.Join(o.Root, ".local", "bin")
	}
	for _, path := range []*string{&o.Dir, &o.Root, &o.BinDir, &o.AuditPolicyFile} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return o, err
		}
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if err := o.completeOperator(); err != nil {
		return o, err
	}
	return o, o.checkPrograms()
}

func (o *Options) completeOperator() error {
	switch o.Operator {
	case "":
		o.Operator = OperatorNone
	case OperatorReal:
		o.ControllerManager, o.Scheduler = true, true
		if o.Nodes == 0 {
			o.Nodes = defaultNodes
		}
	case OperatorNone, OperatorStandin, OperatorDataPlane:
	default:
		return fmt.Errorf("operator mode %q is unknown: use one of %v", o.Operator, OperatorModes())
	}
	if o.Responders && o.Operator != OperatorReal {
		return fmt.Errorf("Options.Responders goes with operator mode %s: with %s there are no pods to answer for", OperatorReal, o.Operator)
	}
	if o.CRDs == "" {
		o.CRDs = CRDsAll
	}
	if o.Operator == OperatorReal && o.CRDs != CRDsAll && o.CRDs != CRDsFull {
		return fmt.Errorf("the operator does not start without all its custom resource definitions: CRDs must be %s or %s, not %s", CRDsAll, CRDsFull, o.CRDs)
	}
	if o.OperatorReconcilesAll && (o.Operator != OperatorReal || o.CRDs != CRDsFull) {
		return fmt.Errorf("Options.OperatorReconcilesAll goes with operator mode %s and CRDs %s, not with %s and %s", OperatorReal, CRDsFull, o.Operator, o.CRDs)
	}
	return o.CRDs.check()
}

// programs returns the names of what these options run.
func (o Options) programs() []string {
	programs := []string{etcdProgram, apiServerProgram}
	if o.ControllerManager {
		programs = append(programs, controllerManagerProgram)
	}
	if o.Scheduler {
		programs = append(programs, schedulerProgram)
	}
	if o.Nodes > 0 {
		programs = append(programs, kwokProgram)
	}
	if o.Responders {
		programs = append(programs, respondersProgram)
	}
	switch o.Operator {
	case OperatorReal:
		programs = append(programs, OperatorProgram)
	case OperatorStandin:
		programs = append(programs, standinProgram)
	case OperatorDataPlane:
		programs = append(programs, dataplaneProgram)
	}
	return programs
}

// checkPrograms fails before anything is started if something is not there.
func (o Options) checkPrograms() error {
	var problems []error
	for _, name := range o.programs() {
		problems = append(problems, checkProgram(filepath.Join(o.BinDir, name)))
	}
	if o.Operator == OperatorDataPlane {
		for _, name := range []string{"vmagent", "vmauth", "victoria-metrics"} {
			problems = append(problems, checkProgram(filepath.Join(o.BinDir, name)))
		}
	}
	if o.AuditPolicyFile != "" {
		_, err := os.Stat(o.AuditPolicyFile)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

func (o Options) layout() layout {
	return layout{root: o.Root, bin: o.BinDir, dir: o.Dir}
}
