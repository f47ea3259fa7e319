// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package between

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
)

// Stream passes bytes on to a server, as they are. While it is Down, it cuts every
// connection.
type Stream struct {
	listener net.Listener
	target   *url.URL
	dialer   net.Dialer
	group    sync.WaitGroup

	mutex sync.Mutex
	down  bool
	open  map[net.Conn]struct{}
	cut   int
}

// NewStream returns one to the server of an URL.
func NewStream(ctx context.Context, target string) (*Stream, error) {
	parsed, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("the address of a server: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Stream{listener: listener, target: parsed, open: map[net.Conn]struct{}{}}
	s.group.Go(s.accept)
	return s, nil
}

// URL is that of the server, through the stream.
func (s *Stream) URL() string {
	through := *s.target
	through.Host = s.listener.Addr().String()
	return through.String()
}

// Down cuts all connections, and those that come from now on.
func (s *Stream) Down() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.down = true
	s.closeAll()
}

// Up lets connections live again.
func (s *Stream) Up() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.down = false
}

// Refused is how many connections came while it was Down.
func (s *Stream) Refused() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.cut
}

// Close ends all connections and takes no more.
func (s *Stream) Close() error {
	err := s.listener.Close()
	s.Down()
	s.group.Wait()
	return err
}

func (s *Stream) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return // it was closed
		}
		if !s.admit(client) {
			continue
		}
		s.group.Go(func() { s.pass(client) })
	}
}

// admit keeps a connection, unless none may live.
func (s *Stream) admit(conn net.Conn) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.down {
		s.cut++
		_ = conn.Close()
		return false
	}
	s.open[conn] = struct{}{}
	return true
}

func (s *Stream) pass(client net.Conn) {
	defer s.end(client)
	server, err := s.dialer.DialContext(context.Background(), "tcp", s.target.Host)
	if err != nil || !s.admit(server) {
		return
	}
	defer s.end(server)
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		s.end(client)
	})
	_, _ = io.Copy(server, client)
	s.end(server)
	back.Wait()
}

func (s *Stream) end(conn net.Conn) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.open, conn)
	_ = conn.Close() // it may have been cut before
}

func (s *Stream) closeAll() {
	for conn := range s.open {
		_ = conn.Close()
	}
}
