package layer4_test

import (
	"fmt"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAnEndpointWhoseKernelAcceptsNoConnectionIsNotWaitedFor(t *testing.T) {
	f, a := newFront(t), newBackend(t, "a")
	f.start(inOrder(fullQueue(t), a.address()) + "connect_timeout 500ms")
	connect(t, f.address).wantAnswerBy("a")
}

// fullQueue returns the address of a server that has more connections than it may keep waiting.
func fullQueue(t *testing.T) string {
	t.Helper()
	address := listenWithShortQueue(t)
	for range 3 {
		go func() {
			if c, err := net.Dial("tcp", address); err == nil {
				t.Cleanup(func() { c.Close() })
			}
		}()
	}
	return address
}

// listenWithShortQueue returns the address of a socket that keeps one connection waiting.
func listenWithShortQueue(t *testing.T) string {
	t.Helper()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(socket) })
	if err := unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(socket, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
}
