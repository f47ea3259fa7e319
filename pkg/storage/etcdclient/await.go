// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package etcdclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/klog/v2"
)

const (
	// retryPeriod is how often an etcd is asked that does not answer.
	retryPeriod = time.Second
	// answerTimeout is how long one member may take.
	answerTimeout = 5 * time.Second
	// remindPeriod is how often the log says that it does not.
	remindPeriod = 10 * time.Second
)

// Await returns once a member of an etcd answers, whatever it says. The storage library
// waits for 20 s, and names neither the member nor what is wrong with it; an etcd that is
// being restored takes longer.
func Await(ctx context.Context, to storagebackend.TransportConfig, patience time.Duration) error {
	members, err := each(to)
	if err != nil {
		return err
	}
	defer func() {
		for _, member := range members {
			_ = member.Close() // nothing is left to be done
		}
	}()
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(retryPeriod)
	defer ticker.Stop()
	var reminded time.Time
	for {
		silence := ask(waiting, members)
		if silence == nil {
			return nil
		}
		// A round that was cut short says that it was, and not what is wrong.
		if err == nil || waiting.Err() == nil {
			err = silence
		}
		if time.Since(reminded) >= remindPeriod && waiting.Err() == nil {
			reminded = time.Now()
			klog.FromContext(ctx).Error(err, "No member of the etcd answers yet, trying again", "etcdServers", to.ServerList, "givingUpAfter", patience)
		}
		select {
		case <-ticker.C:
		case <-waiting.Done():
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("no member of the etcd that --etcd-servers names has answered within %s: %w", patience, err)
		}
	}
}

// each makes a client for every member, since a client of several tells of none what is
// wrong with it.
func each(to storagebackend.TransportConfig) ([]*clientv3.Client, error) {
	var members []*clientv3.Client
	for _, endpoint := range to.ServerList {
		one := to
		one.ServerList = []string{endpoint}
		member, err := New(one)
		if err != nil {
			return nil, err
		}
		members = append(members, member)
	}
	return members, nil
}

// ask is nil once a member answers, and else says of each why it does not.
func ask(ctx context.Context, members []*clientv3.Client) error {
	var errs []error
	for _, member := range members {
		asking, cancel := context.WithTimeout(ctx, answerTimeout)
		// By the connection itself: the client would try until the end, and tell of that.
		_, err := etcdserverpb.NewMaintenanceClient(member.ActiveConnection()).Status(asking, &etcdserverpb.StatusRequest{})
		cancel()
		if err == nil || answered(err) {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", member.Endpoints()[0], err))
	}
	return errors.Join(errs...)
}

// answered tells whether an error is what a member has said, such as that it wants to know
// who asks.
func answered(err error) bool {
	code := status.Code(err)
	return code != codes.Unavailable && code != codes.DeadlineExceeded && code != codes.Canceled
}
