// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
)

// Balancer passes connections on to servers in turn, as a Service does to pods. It
// leaves nobody out: a connection to a server that does not run is closed.
type Balancer struct {
	listener net.Listener
	end      context.CancelFunc
	group    sync.WaitGroup
}

// Balance starts one, to be ended with Close.
func Balance(ctx context.Context, servers ...*Server) (*Balancer, error) {
	var addresses []string
	for _, server := range servers {
		addresses = append(addresses, net.JoinHostPort(loopback, strconv.Itoa(server.port)))
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return nil, fmt.Errorf("listening before servers: %w", err)
	}
	b := &Balancer{listener: listener}
	ctx, b.end = context.WithCancel(context.WithoutCancel(ctx))
	b.group.Go(func() {
		for n := 0; ; n++ {
			near, err := listener.Accept()
			if err != nil {
				return // it was closed
			}
			b.group.Go(func() { passOn(ctx, near, addresses[n%len(addresses)]) })
		}
	})
	return b, nil
}

// Port is where it listens, on loopback.
func (b *Balancer) Port() int { return b.listener.Addr().(*net.TCPAddr).Port }

// Close ends all connections.
func (b *Balancer) Close() {
	b.end()
	_ = b.listener.Close()
	b.group.Wait()
}

// passOn ends when either side does, or ctx.
func passOn(ctx context.Context, near net.Conn, address string) {
	defer func() { _ = near.Close() }()
	far, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	ended := make(chan struct{}, 2)
	copying := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		ended <- struct{}{}
	}
	go copying(near, far)
	go copying(far, near)
	select {
	case <-ended:
	case <-ctx.Done():
	}
}
