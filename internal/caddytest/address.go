package caddytest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// The ports of FreeAddress.
const (
	firstPort = 12000
	portCount = 20000
)

// lastPort counts the ports that were tried. It begins anywhere, because the tests of other
// packages run at the same time.
var lastPort atomic.Uint32

func init() { lastPort.Store(rand.Uint32N(portCount)) }

// FreeAddress returns a loopback address whose port is free for TCP and UDP. The port is below the
// range that systems assign to clients. Otherwise a client's connection could take the port of a
// server that is down for a moment, or connect to itself there. No port comes again before all
// others, because another server must not take the port of one that is down either.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+lastPort.Add(1)%portCount)
		if IsFree(address) {
			return address
		}
	}
	t.Fatal("no free port")
	return ""
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
