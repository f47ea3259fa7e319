// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/vmdistributed/vmdistributed-apiserver/apis/operator/v1alpha1"
	"github.com/vmdistributed/vmdistributed-apiserver/test/bench/site"
)

// informerMode is the first argument of a process that is nothing but an informer, so
// that its memory is that of one.
const informerMode = "informer"

// informers measures how long an informer takes to know all objects, and what it holds
// then.
func (b *bench) informers(ctx context.Context, s *site.Site, of string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, side := range []*site.Side{s.Aggregated, s.Peer} {
		var seconds, heaps []float64
		for range b.rounds() {
			command := exec.CommandContext(ctx, self, informerMode, s.Control.Kubeconfig(), side.Group)
			command.Stderr = os.Stderr
			out, err := command.Output()
			if err != nil {
				return fmt.Errorf("running an informer on %s: %w", side.Name, err)
			}
			var took, heap float64
			if _, err := fmt.Sscan(string(out), &took, &heap); err != nil {
				return fmt.Errorf("reading what an informer says: %q: %w", out, err)
			}
			seconds, heaps = append(seconds, took), append(heaps, heap)
		}
		b.book.Add("informer knows all, "+of, side.Name, "s", seconds...)
		b.book.Add("heap of an informer, "+of, side.Name, "MiB", heaps...)
	}
	return nil
}

// informer is the process. It says how many seconds it took, and how many MiB it holds.
func informer(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("an informer takes a kubeconfig file and a group")
	}
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Clean(args[0]))
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	begun := time.Now()
	factory := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	resource := schema.GroupVersionResource{Group: args[1], Version: v1alpha1.SchemeGroupVersion.Version, Resource: site.Plural}
	all := factory.ForResource(resource).Informer()
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), all.HasSynced) {
		return fmt.Errorf("waiting for the informer on %s: %w", resource, ctx.Err())
	}
	took := time.Since(begun)
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	fmt.Println(took.Seconds(), float64(memory.HeapAlloc)/(1<<20))
	return nil
}
