// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package responders

import (
	"context"
	"fmt"
	"hash/crc32"
	"maps"
	"strings"
	"sync"
	"time"

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

// reloader is the container beside a vmauth that makes it load its configuration.
const reloader = "config-reloader"

// content is what a Secret holds, as a CRC32 for each key.
type content map[string]uint32

// config is one content of a Secret.
type config struct {
	content content
	seen    time.Time
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
	c.note(types.NamespacedName{Namespace: secret.Namespace, Name: secret.Name}, contentOf(secret.Data))
}

// note remembers a content that differs from the one before: a vmauth that is
// told to load the same again does nothing.
func (c *configs) note(secret types.NamespacedName, is content) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.history[secret]
	if len(known) == 0 || !maps.Equal(known[len(known)-1].content, is) {
		c.history[secret] = append(known, config{is, c.clock.Now()})
	}
}

func contentOf(data map[string][]byte) content {
	found := content{}
	for key, value := range data {
		found[key] = crc32.ChecksumIEEE(value)
	}
	return found
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

// confirmed is the content that the config-reloader last made a vmauth load; nil
// where it has not come to it yet. What there is when it starts is the first.
func (c *configs) confirmed(secret types.NamespacedName, started time.Time, behaviour conduct) (last content) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, config := range c.history[secret] {
		from := config.seen
		if from.Before(started) {
			from = started
		}
		reload := from.Add(reloadLag)
		if reload.After(c.clock.Now()) || behaviour.Stuck && reload.After(behaviour.since) {
			break
		}
		last = config.content
	}
	return last
}

// secretOf returns the Secret that the config-reloader of a vmauth watches.
func secretOf(of corev1.Container) types.NamespacedName {
	namespace, name, _ := strings.Cut(arguments(of)["config-secret-name"], "/")
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// showConfirmed writes what the config-reloader says of the key that it watches:
// the checksum by which the operator tells whether a vmauth has loaded what it has
// written (cmd/config-reloader/content_hash.go of the operator v0.74.1).
func (c *configs) showConfirmed(s *sheet, of corev1.Container, started time.Time, behaviour conduct) {
	sum, known := c.confirmed(secretOf(of), started, behaviour)[arguments(of)["config-secret-key"]]
	if known {
		s.show("configreloader_reload_content_hash", float64(sum), "key", "main")
	}
}

// showReload writes what a vmauth says about its configuration, as in the golden
// page auth-reloaded.
func showReload(s *sheet, at time.Time, times int) {
	s.show("vmauth_config_last_reload_successful", 1)
	s.show("vmauth_config_last_reload_success_timestamp_seconds", float64(at.Unix()))
	s.show("vmauth_config_last_reload_total", float64(times))
	s.show("vmauth_config_last_reload_errors_total", 0)
}
