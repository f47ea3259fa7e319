// Copyright The vmdistributed-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package spawn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// loopback is the address on which ports are looked for.
const loopback = "127.0.0.1"

// lowestPort keeps clear of what services are usually set to.
const lowestPort = 12000

// FreePort finds a port of 127.0.0.1 that nothing listens on and that is not taken. It looks below
// the range from which the kernel takes the near ends of outgoing connections:
// within it, a port would get lost to some client while its program restarts.
func FreePort(taken map[int]bool) (int, error) {
	limit := ephemeralStart()
	if limit <= lowestPort+1000 {
		return kernelPort()
	}
	for range 200 {
		port := lowestPort + rand.IntN(limit-lowestPort)
		if taken[port] {
			continue
		}
		listener, err := listen(port)
		if err != nil {
			continue
		}
		return port, listener.Close()
	}
	return 0, fmt.Errorf("200 ports between %d and %d tried on %s, all are in use", lowestPort, limit, loopback)
}

func kernelPort() (int, error) {
	listener, err := listen(0)
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

func listen(port int) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(context.Background(), "tcp4", net.JoinHostPort(loopback, strconv.Itoa(port)))
}

// ephemeralStart returns the first port of the kernel's own range, 0 if unknown.
func ephemeralStart() int {
	raw, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	var first, last int
	if _, err := fmt.Sscan(string(raw), &first, &last); err != nil {
		return 0
	}
	return first
}
