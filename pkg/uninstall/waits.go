// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/vmdistributed/vmdistributed-apiserver/pkg/leader"
	"github.com/vmdistributed/vmdistributed-apiserver/pkg/storage/claim"
)

// kindsMissing says which kind of the operator is not served again yet.
func (c *Cluster) kindsMissing(ctx context.Context) (string, error) {
	found := Observed{Objects: []Object{{Ref: Ref{Name: version + "." + operatorGroup}, Stage: Registration}}}
	if err := c.lookForKinds(ctx, &found); err != nil {
		return "", err
	}
	served, err := c.discovery.ServerResourcesForGroupVersion(operatorGroup + "/" + version)
	for _, kind := range found.OperatorKinds {
		is := func(resource metav1.APIResource) bool { return resource.Name == kind }
		if err != nil || !slices.ContainsFunc(served.APIResources, is) {
			return kind + " is not served yet", nil //nolint:nilerr // it is asked again
		}
	}
	return "", nil
}

// end finds out whether all servers have ended. Pods tell of those in the cluster; one
// that runs elsewhere, or is cut off from the cluster, shows by the Lease that it renews.
type end struct {
	cluster *Cluster
	seen    map[string]renewal
}

// renewal is when a Lease was last seen to have been renewed, by the clock of whoever
// looks: that of its holder may be another.
type renewal struct {
	at    string
	since time.Time
}

func (c *Cluster) newEnd() *end { return &end{c, map[string]renewal{}} }

func (e *end) missing(ctx context.Context) (string, error) {
	pods, err := e.cluster.metadata.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(e.cluster.namespace).
		List(ctx, metav1.ListOptions{LabelSelector: nameLabel + "=" + serverName})
	if err != nil {
		return "", fmt.Errorf("listing the server's pods: %w", err)
	}
	var names []string
	for _, pod := range pods.Items {
		names = append(names, pod.Name)
	}
	if len(names) > 0 {
		return "there are pods: " + strings.Join(names, ", "), nil
	}
	for _, name := range []string{leader.LeaseName, claim.LeaseName} {
		if held, err := e.held(ctx, name, time.Now()); held != "" || err != nil {
			return held, err
		}
	}
	return "", nil
}

// held says by whom a Lease is; "" where it was let go of, or has run out.
func (e *end) held(ctx context.Context, name string, now time.Time) (string, error) {
	leases := schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
	lease, err := e.cluster.objects.Resource(leases).Namespace(e.cluster.namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the Lease %s: %w", name, err)
	}
	holder, _, _ := unstructured.NestedString(lease.Object, "spec", "holderIdentity")
	if holder == "" {
		return "", nil
	}
	at, _, _ := unstructured.NestedString(lease.Object, "spec", "renewTime")
	if e.seen[name].at != at || e.seen[name].since.IsZero() {
		e.seen[name] = renewal{at, now}
	}
	seconds, _, _ := unstructured.NestedInt64(lease.Object, "spec", "leaseDurationSeconds")
	if now.Sub(e.seen[name].since) > time.Duration(seconds)*time.Second {
		return "", nil
	}
	return fmt.Sprintf("%s has the Lease %s, and runs until it has let go of it or not renewed it for %ds. A server outside of the cluster has to be ended by hand", holder, name, seconds), nil
}
