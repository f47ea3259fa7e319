// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/vmdistributed/vmdistributed-apiserver/test/examples"
)

// named makes what the inline example names: the VMAgent that writes to all
// zones, and the VMUsers that read from one each, behind a VMAuth.
func (s *stage) named(example examples.Example) {
	s.t.Helper()
	s.writePath(example.Agent, "5s", example.Zones...)
	s.readPath()
	for i, user := range example.Users {
		s.user(user, s.selectOf(example.Zones[i]))
	}
}

func TestExampleInlineFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	example, err := examples.Inline()
	must(t, err)
	s.named(example)
	s.apply(example.Name, example.Body)
	s.untilReady(example.Name)
	for _, zone := range example.Zones {
		expect(t, "owner references of "+zone, len(s.cluster(zone).GetOwnerReferences()), 0)
	}
	s.untilScraped(example)

	// A change of one field reaches one zone after the other.
	s.patch(example.Name, fields{"spec": fields{"strategy": fields{"updatePause": "1s"}}})
	s.changeRetention(example.Name, "2")
	s.untilReady(example.Name)
	s.expectUpdates(example.Zones[0]+"@2", example.Zones[1]+"@2")
	for _, zone := range example.Zones {
		expect(t, "retention of "+zone, at(s.cluster(zone), "spec.retentionPeriod"), any("2"))
	}
	s.expectDeletionWaitsForUsers(example)
}

// changeRetention sets the same field in every zone, as kubectl edit would.
func (s *stage) changeRetention(name, retention string) {
	s.t.Helper()
	must(s.t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		object, err := s.own.Get(s.t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for i := range object.Spec.Zones.VMClusters {
			raw := &object.Spec.Zones.VMClusters[i].Spec.Raw
			*raw = append(fmt.Appendf(nil, `{"retentionPeriod":%q,`, retention), bytes.TrimPrefix(bytes.TrimSpace(*raw), []byte("{"))...)
		}
		_, err = s.own.Update(s.t.Context(), object, metav1.UpdateOptions{FieldManager: "editor"})
		return err
	}))
}

// untilScraped waits for the operator to put the components of all zones into
// the configuration of the VMAgent.
func (s *stage) untilScraped(example examples.Example) {
	s.t.Helper()
	s.poll("the VMAgent to be configured to scrape all zones", func(ctx context.Context) string {
		secret, err := shared.kubernetes.CoreV1().Secrets(s.namespace).Get(ctx, "vmagent-"+example.Agent, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		configuration := ""
		for _, content := range secret.Data {
			configuration += unzipped(content)
		}
		for _, zone := range example.Zones {
			for _, component := range []string{"vmstorage", "vmselect", "vminsert"} {
				if job := fmt.Sprintf("serviceScrape/%s/%s-%s", s.namespace, component, zone); !strings.Contains(configuration, job) {
					return "there is no job " + job
				}
			}
		}
		return ""
	})
}

func unzipped(content []byte) string {
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return string(content)
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		return err.Error()
	}
	return string(plain)
}

// expectDeletionWaitsForUsers deletes the object, and then the VMUsers.
func (s *stage) expectDeletionWaitsForUsers(example examples.Example) {
	s.t.Helper()
	must(s.t, s.own.Delete(s.t.Context(), example.Name, metav1.DeleteOptions{}))
	for i, user := range example.Users {
		waitsFor := s.untilZone(example.Name, example.Zones[i], "Leaving", "StillReferenced")
		if !strings.Contains(waitsFor, "VMUser "+s.namespace+"/"+user) {
			s.t.Errorf("%s waits for %q, which does not name VMUser %s", example.Zones[i], waitsFor, user)
		}
		expect(s.t, "deletion of "+example.Zones[i], s.cluster(example.Zones[i]).GetDeletionTimestamp() != nil, false)
		s.delete(userResource, user)
		s.untilClusterGone(example.Zones[i])
	}
	s.untilGone(example.Name, func(ctx context.Context) error {
		_, err := s.own.Get(ctx, example.Name, metav1.GetOptions{})
		return err
	})
	s.poll("the VMAgent to have no selector of ours", func(ctx context.Context) string {
		agent, err := shared.objects.Resource(agentResource).Namespace(s.namespace).Get(ctx, example.Agent, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		if selector := at(agent, "spec.serviceScrapeSelector"); selector != nil {
			return fmt.Sprint(selector)
		}
		return ""
	})
}

func (s *stage) untilClusterGone(name string) {
	s.t.Helper()
	s.untilGone("VMCluster "+name, func(ctx context.Context) error {
		_, err := shared.objects.Resource(clusterResource).Namespace(s.namespace).Get(ctx, name, metav1.GetOptions{})
		return err
	})
}
