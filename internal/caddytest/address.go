package caddytest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreeAddress returns a loopback address whose port is free for TCP and UDP. The port is below the
// range that systems assign to clients. Otherwise a client's connection could take the port of a
// server that is down for a moment, or connect to itself there.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
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
