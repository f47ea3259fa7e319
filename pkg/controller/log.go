// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"

	"k8s.io/klog/v2"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/vmdistributed"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/rollout"
)

// What lines of the log are about is told by these keys, in the whole controller.
const (
	objectKey = "vmdistributedcluster"
	zoneKey   = "zone"
	actionKey = "action"
)

// logPhases writes down which zones have entered another phase, or another reason of it,
// between two statuses.
func logPhases(logger klog.Logger, before, after *vmdistributed.VMDistributedClusterStatus) {
	known := make(map[string]*vmdistributed.ZoneStatus, len(before.Zones))
	for i := range before.Zones {
		known[before.Zones[i].Name] = &before.Zones[i]
	}
	for i := range after.Zones {
		zone, was := &after.Zones[i], known[after.Zones[i].Name]
		if was == nil {
			was = &vmdistributed.ZoneStatus{}
		}
		if was.Phase != zone.Phase || was.Reason != zone.Reason {
			logger.Info("A zone has gone on", zoneKey, zone.Name, "phase", zone.Phase, "reason", zone.Reason, "before", was.Phase)
		}
	}
}

// stepError is one of an action, of which the log is to say what it was about.
type stepError struct {
	action rollout.Action
	err    error
}

func (e *stepError) Error() string { return fmt.Sprintf("%s: %v", e.action.Type, e.err) }

// Unwrap returns what went wrong.
func (e *stepError) Unwrap() error { return e.err }

// about adds to a logger what an error is about.
func about(logger klog.Logger, err error) klog.Logger {
	var step *stepError
	if errors.As(err, &step) {
		logger = klog.LoggerWithValues(logger, actionKey, step.action.Type, zoneKey, step.action.Cluster)
	}
	return logger
}
