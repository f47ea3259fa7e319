// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	applyregistration "k8s.io/kube-aggregator/pkg/client/applyconfiguration/apiregistration/v1"
)

// FieldManager owns spec.caBundle of our APIServices, and nothing else.
const FieldManager = "vmdistributed-apiserver-certificates"

// standing is what an APIService is to us.
type standing string

// The standings there are. Those of the metric are in docs/operations.md.
const (
	absent   standing = "absent"       // normal: it is applied when the server is ready
	local    standing = "local"        // kube-apiserver serves the group and version itself
	other    standing = "otherservice" // it names another Service
	insecure standing = "insecure"     // it has the aggregator verify nothing
	outdated standing = "outdated"     // it is ours, and has other authorities
	// contended: it is ours, and left for a while to another writer of spec.caBundle
	contended standing = "contended"
	injected  standing = "injected" // it is ours, and has what it needs
)

func standings() []standing {
	return []standing{absent, local, other, insecure, outdated, contended, injected}
}

// ours tells whether the aggregator verifies us by what the APIService says.
func (s standing) ours() bool { return s == outdated || s == injected }

// apiService is one that is ours.
type apiService struct {
	name, resourceVersion string
	uid                   types.UID
	caBundle              []byte
	// writers are the others that have spec.caBundle as theirs.
	writers []string
	// pause is for how long it is left to them.
	pause time.Duration
}

// writer is who has spec.caBundle, for people and for metrics.
func (a apiService) writer() string {
	if len(a.writers) == 0 {
		return "nobody" // who has taken it out leaves no trace
	}
	return strings.Join(a.writers, ",")
}

// judge says what an APIService is to us; nil stands for none.
func (o Options) judge(found *apiregistrationv1.APIService) (standing, apiService) {
	switch {
	case found == nil:
		return absent, apiService{}
	case found.Spec.Service == nil:
		return local, apiService{}
	case found.Spec.Service.Namespace != o.Namespace || found.Spec.Service.Name != o.Service:
		return other, apiService{}
	case found.Spec.InsecureSkipTLSVerify:
		return insecure, apiService{}
	}
	return outdated, apiService{
		name: found.Name, resourceVersion: found.ResourceVersion, uid: found.UID, caBundle: found.Spec.CABundle, writers: writersOfBundle(found),
	}
}

// writersOfBundle are the field managers beside ours that have spec.caBundle.
func writersOfBundle(found *apiregistrationv1.APIService) []string {
	var all []string
	for _, entry := range found.ManagedFields {
		if entry.Manager != FieldManager && entry.FieldsV1 != nil && strings.Contains(entry.FieldsV1.GetRawString(), `"f:caBundle"`) {
			all = append(all, entry.Manager)
		}
	}
	return all
}

// readAPIServices reads them all, past every cache, and says what each is to us.
func (k *Keeper) readAPIServices(ctx context.Context) ([]apiService, map[string]standing, error) {
	var ours []apiService
	all := map[string]standing{}
	for _, name := range k.options.APIServices {
		found, err := k.registrations.ApiregistrationV1().APIServices().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			found = nil
		} else if err != nil {
			return nil, nil, fmt.Errorf("reading the APIService %s, which has to trust our certificate: %w", name, err)
		}
		standing, service := k.options.judge(found)
		if all[name] = standing; standing.ours() {
			ours = append(ours, service)
		}
	}
	return ours, all, nil
}

// contend notes what others have done to our APIServices, and for how long each is left
// to them.
func (k *Keeper) contend(ctx context.Context, age time.Duration, services []apiService, authorities bundle) {
	wanted := string(authorities.encode())
	for i := range services {
		service := &services[i]
		taken := k.contests.see(age, service.name, string(service.caBundle), wanted)
		service.pause = k.contests.pause(age, service.name, wanted)
		if !taken {
			continue
		}
		k.metrics.taken.WithLabelValues(service.name, service.writer()).Inc()
		if service.pause > 0 {
			k.tellOfContention(*service)
			k.log(ctx).Error(nil, "Somebody else writes spec.caBundle of our APIService again and again: the aggregator does not trust us until they stop. "+
				"Take the field out of their manifests, or the annotation of cert-manager off the APIService",
				"apiService", service.name, "owner", service.writer(), "triesAgainAfter", service.pause)
		}
	}
}

// injectInto puts the authorities into each APIService that has others. It takes the
// field from whoever has it: that the server does this is why it is the server's. But who
// goes on writing it is given pauses. An APIService that has changed since it was read is
// left for the next time.
func (k *Keeper) injectInto(ctx context.Context, services []apiService, authorities bundle) error {
	var errs []error
	for _, service := range services {
		if service.pause > 0 || bytes.Equal(service.caBundle, authorities.encode()) {
			continue
		}
		wanted := applyregistration.APIService(service.name).WithResourceVersion(service.resourceVersion).
			WithSpec(applyregistration.APIServiceSpec().WithCABundle(authorities.encode()...))
		_, err := k.registrations.ApiregistrationV1().APIServices().Apply(ctx, wanted, metav1.ApplyOptions{FieldManager: FieldManager, Force: true})
		if err != nil {
			errs = append(errs, fmt.Errorf("putting our authorities into spec.caBundle of the APIService %s: %w", service.name, err))
			continue
		}
		k.contests.note(k.clock.Since(k.begun), service.name, string(authorities.encode()))
		k.log(ctx).Info("Put the authorities into spec.caBundle", "apiService", service.name,
			"authorities", len(authorities), "takenFrom", service.writer())
	}
	return errors.Join(errs...)
}
