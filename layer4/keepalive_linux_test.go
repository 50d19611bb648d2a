package layer4

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestTheSystemAsksForSignsOfLifeOnlyOnConnectionsThatLast(t *testing.T) {
	address := caddytest.Serve(t, func(conn net.Conn) { conn.Read(make([]byte, 1)) })
	conn, err := dialerBy(nil).Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	synctest.Test(t, func(t *testing.T) {
		defer keepAlive(conn)()
		for _, want := range []bool{false, true} {
			if got := isKeptAlive(t, conn); got != want {
				t.Errorf("kept alive: %v, want %v", got, want)
			}
			time.Sleep(keepAliveAfter)
			synctest.Wait()
		}
	})
}

func isKeptAlive(t *testing.T, conn net.Conn) bool {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var on int
	if controlErr := raw.Control(func(fd uintptr) {
		on, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
	}); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	return on != 0
}
