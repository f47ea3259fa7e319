// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/victoriametrics"
)

// podsOf are the pods of the components of a zone, the balancer of its requests among
// them.
func (s *stage) podsOf(zone string) map[types.UID]corev1.Pod {
	s.t.Helper()
	found, err := shared.kubernetes.CoreV1().Pods(s.namespace).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/instance=" + zone})
	must(s.t, err)
	pods := map[types.UID]corev1.Pod{}
	for _, pod := range found.Items {
		if pod.DeletionTimestamp == nil {
			pods[pod.UID] = pod
		}
	}
	return pods
}

func TestARestartStartsEveryPodAnewZoneByZone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	zones := []string{"east", "west"}
	w := s.newWorld(zones, fields{"requestsLoadBalancer": fields{"enabled": true}}, s.readers(zones))
	before := map[string]map[types.UID]corev1.Pod{}
	for _, zone := range zones {
		if before[zone] = s.podsOf(zone); len(before[zone]) != 4 {
			t.Fatalf("zone %s has %d pods, want one of each component and of the balancer", zone, len(before[zone]))
		}
	}
	_, err := w.own.Restart(t.Context(), worldName, &v1alpha1.VMDistributedClusterRestart{Reason: "a certificate"}, metav1.CreateOptions{})
	must(t, err)
	s.until(worldName, "restarted", func(object *own) string {
		if is := object.Status.Rollout; is == nil || is.RestartedAt == nil || is.Finished == nil {
			return fmt.Sprintf("its rollout is %+v", is)
		}
		return ""
	})
	w.expectUpdates("east@2", "west@2")
	for _, zone := range zones {
		s.poll("the pods of "+zone+" to be others", func(context.Context) string { return others(before[zone], s.podsOf(zone)) })
		w.untilRouted(zone, true)
	}
}

// others says which pods are not new, or do not say when they were restarted.
func others(before, after map[types.UID]corev1.Pod) string {
	var wrong []string
	for uid, pod := range after {
		if _, old := before[uid]; old || pod.Annotations[victoriametrics.RestartAnnotation] == "" {
			wrong = append(wrong, pod.Name)
		}
	}
	if len(after) != len(before) {
		wrong = append(wrong, fmt.Sprintf("there are %d", len(after)))
	}
	return strings.Join(wrong, ", ")
}
