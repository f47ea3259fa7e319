// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
)

const (
	// lookEvery is how often what is waited for is looked at.
	lookEvery = 200 * time.Millisecond
	// untold is how many looks nobody is told of: most waits are short.
	untold = 5
)

// Carrier carries plans out.
type Carrier struct {
	// Cluster is where.
	Cluster *Cluster
	// Patience bounds each wait.
	Patience time.Duration
	// Done is told of each step that was taken, and Waiting what one waits for, whenever
	// that is something else.
	Done    func(Step)
	Waiting func(string)
}

// Stopped says that the plan was not carried out to its end since a rollout has begun.
type Stopped struct{ Refused []string }

func (s *Stopped) Error() string {
	return "a rollout has begun since the plan was made. Apply the manifests again, let it end, and uninstall then: " + strings.Join(s.Refused, "; ")
}

// Carry takes all steps, and stops at the first that fails. Another run goes on there.
func (c *Carrier) Carry(ctx context.Context, plan Plan) error {
	for _, step := range plan.Steps {
		if err := c.take(ctx, step); err != nil {
			var stopped *Stopped
			if errors.As(err, &stopped) {
				return err
			}
			return fmt.Errorf("%s: %w; run this again to go on from here", step, err)
		}
		c.Done(step)
	}
	return nil
}

func (s Step) String() string {
	switch s.Do {
	case Delete, DeleteRecords, DeleteRevisions:
		return "deleting " + s.What
	case CheckDrains:
		return "looking whether " + s.What
	}
	return "waiting until " + s.What
}

func (c *Carrier) take(ctx context.Context, step Step) error {
	switch step.Do {
	case Delete:
		return c.deleteObject(ctx, step.Object)
	case DeleteRecords:
		return c.deleteRecords(ctx)
	case DeleteRevisions:
		return c.deleteRevisions(ctx)
	case AwaitKinds:
		return c.await(ctx, c.Cluster.kindsMissing)
	case AwaitEnd:
		return c.await(ctx, c.Cluster.newEnd().missing)
	case CheckDrains:
		return c.checkDrains(ctx)
	}
	return fmt.Errorf("nobody knows what %q is", step.Do)
}

// await waits until nothing is missing.
func (c *Carrier) await(ctx context.Context, missing func(context.Context) (string, error)) error {
	last, looks, told := "", 0, ""
	err := wait.PollUntilContextTimeout(ctx, lookEvery, c.Patience, true, func(ctx context.Context) (bool, error) {
		now, err := missing(ctx)
		if err != nil || now == "" {
			return err == nil, err
		}
		if last, looks = now, looks+1; looks > untold && told != now {
			told = now
			c.Waiting(now)
		}
		return false, nil
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return fmt.Errorf("for %v in vain: %s", c.Patience, last)
	}
	return err
}

// deleteObject deletes the object that was looked at, and no other of that name. What
// something else waits for is waited for.
func (c *Carrier) deleteObject(ctx context.Context, object *Object) error {
	if object.Stage == Home {
		if err := c.nothingElseIsIn(ctx); err != nil {
			return err
		}
	}
	client := c.Cluster.objects.Resource(object.Resource).Namespace(object.Namespace)
	err := client.Delete(ctx, object.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &object.UID}, PropagationPolicy: ptr.To(metav1.DeletePropagationBackground),
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if !slices.Contains([]Stage{Workload, Store, Home}, object.Stage) {
		return nil
	}
	return c.await(ctx, func(ctx context.Context) (string, error) {
		found, err := client.Get(ctx, object.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && found.GetUID() != object.UID {
			return "", nil
		}
		return object.String() + " is still there", err
	})
}

// nothingElseIsIn looks at the namespace again, now that all else has gone.
func (c *Carrier) nothingElseIsIn(ctx context.Context) error {
	return c.await(ctx, func(ctx context.Context) (string, error) {
		found := Observed{Namespace: c.Cluster.namespace}
		if err := c.Cluster.lookForInhabitants(ctx, &found); err != nil || len(found.Inhabitants) == 0 {
			return "", err
		}
		return "in it is " + some(found.Inhabitants), nil
	})
}

func (c *Carrier) checkDrains(ctx context.Context) error {
	drains, err := c.Cluster.drains(ctx)
	if err != nil || len(drains) == 0 {
		return err
	}
	return &Stopped{Refused: refusals(Observed{Drains: drains})}
}
