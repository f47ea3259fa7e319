// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	// ZoneLabel tells nodes of different availability zones apart.
	ZoneLabel = corev1.LabelTopologyZone
	// zones is how many zones the nodes are spread over.
	zones = 3

	// playedLabel marks the nodes that were made here.
	playedLabel = "controlplane.vmdistributed/played"
	// volumeClass is the name that the stages of kwok look for.
	volumeClass = "kwok-volume"
)

// ensureNodes makes exactly the wanted number of nodes exist, in zones zone-a to
// zone-c by turns, and a default storage class whose volumes can grow: without
// that, the operator leaves the claims of a VMCluster at their old size.
func (c *ControlPlane) ensureNodes(ctx context.Context, wanted int) error {
	client, err := kubernetes.NewForConfig(c.Config())
	if err != nil {
		return err
	}
	if err := removeExtraNodes(ctx, client, wanted); err != nil {
		return err
	}
	if wanted == 0 {
		return nil
	}
	for i := range wanted {
		_, err := client.CoreV1().Nodes().Create(ctx, playedNode(i), metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("creating node %d of %d: %w", i, wanted, err)
		}
	}
	_, err = client.StorageV1().StorageClasses().Create(ctx, playedVolumes(), metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating storage class %s: %w", volumeClass, err)
	}
	return nil
}

// removeExtraNodes removes nodes that an earlier start made and nobody plays now.
func removeExtraNodes(ctx context.Context, client kubernetes.Interface, wanted int) error {
	existing, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: playedLabel})
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for i := range wanted {
		keep[playedNode(i).Name] = true
	}
	for _, node := range existing.Items {
		if keep[node.Name] {
			continue
		}
		err := client.CoreV1().Nodes().Delete(ctx, node.Name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

func playedNode(i int) *corev1.Node {
	name := fmt.Sprintf("node-%d", i)
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: name,
		Labels: map[string]string{
			corev1.LabelHostname:   name,
			corev1.LabelOSStable:   "linux",
			corev1.LabelArchStable: "amd64",
			ZoneLabel:              "zone-" + string(rune('a'+i%zones)),
			playedLabel:            "true",
		},
	}}
}

func playedVolumes() *storagev1.StorageClass {
	expand := true
	return &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{
			Name:        volumeClass,
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner:          "kwok.x-k8s.io/volume",
		AllowVolumeExpansion: &expand,
	}
}
