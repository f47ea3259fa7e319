// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/leader"
	"github.com/vmdistributed/vmdistributed-apiserver/test/controlplane"
)

// longerThanAnyRun is how long the Lease is held.
const longerThanAnyRun = 24 * time.Hour

// holdLease is the leader that a server finds, so that it serves and does nothing else.
func (s *Site) holdLease(ctx context.Context) error {
	now := metav1.NowMicro()
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: leader.LeaseName, Namespace: controlplane.ServerNamespace},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To("bench"), LeaseDurationSeconds: ptr.To(int32(longerThanAnyRun.Seconds())), AcquireTime: &now, RenewTime: &now,
		},
	}
	if _, err := s.kubernetes.CoordinationV1().Leases(lease.Namespace).Create(ctx, lease, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("taking the controller's Lease: %w", err)
	}
	return nil
}

// Release lets the controller of an idle site work.
func (s *Site) Release(ctx context.Context) error {
	if err := s.kubernetes.CoordinationV1().Leases(controlplane.ServerNamespace).Delete(ctx, leader.LeaseName, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("letting go of the controller's Lease: %w", err)
	}
	return nil
}
