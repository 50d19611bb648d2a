// Package freeport finds ports for servers of tests and measurements.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
)

// The ports of Address.
const (
	first = 12000
	count = 20000
)

// last counts the ports that were tried. It begins anywhere, because other processes look for ports
// at the same time.
var last atomic.Uint32

func init() { last.Store(rand.Uint32N(count)) }

// Address returns a loopback address whose port is free for TCP and UDP. The port is below the
// range that systems assign to clients. Otherwise a client's connection could take the port of a
// server that is down for a moment, or connect to itself there. No port comes again before all
// others, and on Linux no two processes that run have the same port, because another server must
// not take the port of one that is down either.
func Address() (string, error) {
	for range count {
		port := first + last.Add(1)%count
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if IsFree(address) && reserve(port) {
			return address, nil
		}
	}
	return "", errors.New("no free port")
}

// IsFree reports whether a server could listen at the address now, for TCP as well as for UDP.
func IsFree(address string) bool {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	return udp.Close() == nil
}
