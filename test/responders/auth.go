// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package responders

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// reloadLag is how long after a change of the Secret a vmauth has loaded it: the
// config-reloader watches it, writes a file, and tells the vmauth after a second
// and its -delay-interval, 3s by default.
const reloadLag = 4 * time.Second

// config is one content of a Secret.
type config struct {
	hash uint64
	seen time.Time
}

// configs remembers what the Secrets of the cluster held, and since when.
type configs struct {
	clock clock.PassiveClock

	mu      sync.Mutex
	history map[types.NamespacedName][]config
}

// watch follows the Secrets while running lasts, and returns when all that there
// are now are known.
func (c *configs) watch(ctx, running context.Context, client kubernetes.Interface) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	informer := factory.Core().V1().Secrets().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    c.take,
		UpdateFunc: func(_, changed any) { c.take(changed) },
	})
	if err != nil {
		return err
	}
	factory.StartWithContext(running)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return fmt.Errorf("listing the Secrets of the cluster: %w", context.Cause(ctx))
	}
	return nil
}

func (c *configs) take(object any) {
	secret, ok := object.(*corev1.Secret)
	if !ok {
		return
	}
	c.note(types.NamespacedName{Namespace: secret.Namespace, Name: secret.Name}, hashOf(secret.Data))
}

// note remembers a content that differs from the one before: a vmauth that is
// told to load the same again does nothing.
func (c *configs) note(secret types.NamespacedName, hash uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.history[secret]
	if len(known) == 0 || known[len(known)-1].hash != hash {
		c.history[secret] = append(known, config{hash, c.clock.Now()})
	}
}

func hashOf(data map[string][]byte) uint64 {
	digest := xxhash.New()
	for _, key := range slices.Sorted(maps.Keys(data)) {
		_, _ = fmt.Fprintf(digest, "%q=%q;", key, data[key]) // a digest takes everything
	}
	return digest.Sum64()
}

// loaded is when a vmauth last loaded a configuration that was new to it, and how
// many times it was told to.
func (c *configs) loaded(secret types.NamespacedName, started time.Time, behaviour conduct) (at time.Time, times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at = started
	for _, config := range c.history[secret] {
		reload := config.seen.Add(reloadLag)
		switch {
		case reload.Before(started) || reload.After(c.clock.Now()):
		case behaviour.Stuck && reload.After(behaviour.since):
		default:
			at = reload
			times++
		}
	}
	return at, times
}

// secretOf returns the Secret that the config-reloader of a vmauth watches.
func secretOf(pod *corev1.Pod) types.NamespacedName {
	namespace, name, _ := strings.Cut(arguments(container(pod, "config-reloader"))["config-secret-name"], "/")
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// showReload writes what a vmauth says about its configuration, as in the golden
// page auth-reloaded.
func showReload(s *sheet, at time.Time, times int) {
	s.show("vmauth_config_last_reload_successful", 1)
	s.show("vmauth_config_last_reload_success_timestamp_seconds", float64(at.Unix()))
	s.show("vmauth_config_last_reload_total", float64(times))
	s.show("vmauth_config_last_reload_errors_total", 0)
}
