package layer4_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// listenPackets returns a server that answers each datagram with its name and what answer makes of
// the datagram.
func listenPackets(t *testing.T, name string, answer func([]byte) string) net.PacketConn {
	t.Helper()
	server, err := net.ListenPacket("udp", caddytest.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			server.WriteTo([]byte(name+" "+answer(buffer[:n])), from)
		}
	}()
	return server
}

func same(text []byte) string { return string(text) }

func newPacketFront(t *testing.T) *front {
	f := newFront(t)
	f.network = "udp/"
	return f
}

// send opens a client that sends one datagram.
func send(t *testing.T, address, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// receive returns the next datagram, or "" if none comes within the limit.
func receive(t *testing.T, conn net.Conn, limit time.Duration) string {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(limit))
	buffer := make([]byte, 64<<10)
	n, err := conn.Read(buffer)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return string(buffer[:n])
}

func TestDatagramsAreAnswered(t *testing.T) {
	server := listenPackets(t, "a", same)
	f := newPacketFront(t)
	f.start("source static " + server.LocalAddr().String())
	conn := send(t, f.address, "first")
	if got := receive(t, conn, patience); got != "a first" {
		t.Errorf("%q", got)
	}
	for _, size := range []int{1, 500, 8000} {
		sent := bytes.Repeat([]byte("z"), size)
		conn.Write(sent)
		if got := receive(t, conn, patience); got != "a "+string(sent) {
			t.Errorf("%d bytes: %d came back", size, len(got))
		}
	}
	f.wantInFlight(1)
}

// The client sends it once, so that only Caddy can have sent it again.
func TestADatagramThatTheFirstEndpointRefusesReachesAnother(t *testing.T) {
	server := listenPackets(t, "a", same)
	f := newPacketFront(t)
	f.start(inOrder(caddytest.FreeAddress(t), caddytest.FreeAddress(t), server.LocalAddr()))
	for i := range 5 {
		text := fmt.Sprint("question ", i)
		if got := receive(t, send(t, f.address, text), patience); got != "a "+text {
			t.Errorf("%q", got)
		}
	}
	f.wantInFlight(5)
}

func TestDatagramsThatAllEndpointsRefuseEndTheSession(t *testing.T) {
	f := newPacketFront(t)
	f.start(fmt.Sprintf("source static %s %s", caddytest.FreeAddress(t), caddytest.FreeAddress(t)))
	conn := send(t, f.address, "question")
	caddytest.Eventually(t, patience, "the error", func() bool {
		return caddytest.Log.Count("no endpoint could be connected to", "refused") > 0
	})
	f.wantInFlight(0)
	conn.Close()
}

func TestASessionWhoseServerDiesGoesOnAtAnother(t *testing.T) {
	a, b := listenPackets(t, "a", same), listenPackets(t, "b", same)
	f := newPacketFront(t)
	f.start(inOrder(a.LocalAddr(), b.LocalAddr()))
	conn := send(t, f.address, "one")
	if got := receive(t, conn, patience); got != "a one" {
		t.Fatalf("%q", got)
	}
	a.Close()
	caddytest.Eventually(t, patience, "the other server answers", func() bool {
		conn.Write([]byte("two"))
		return receive(t, conn, 50*time.Millisecond) == "b two"
	})
	f.wantInFlight(1)
}

func TestASessionEndsWhenTheClientHasBeenSilent(t *testing.T) {
	server := listenPackets(t, "a", same)
	f := newPacketFront(t)
	f.caddy.Start(strings.Replace(f.config("source static "+server.LocalAddr().String()), "route {", "idle_timeout 100ms\nroute {", 1))
	receive(t, send(t, f.address, "one"), patience)
	f.wantInFlight(0)
}

func TestEachDatagramTellsTheEndpointTheAddressOfTheClient(t *testing.T) {
	server := listenPackets(t, "a", func(text []byte) string {
		reader := bufio.NewReader(bytes.NewReader(text))
		header, err := proxyproto.Read(reader)
		if err != nil {
			return err.Error()
		}
		rest := make([]byte, reader.Buffered())
		reader.Read(rest)
		return fmt.Sprintf("%s %t %s", header.SourceAddr, header.TransportProtocol.IsDatagram(), rest)
	})
	f := newPacketFront(t)
	// The first endpoint refuses, so that the first datagram is sent twice.
	f.start(inOrder(caddytest.FreeAddress(t), server.LocalAddr()) + "proxy_protocol v2")
	conn := send(t, f.address, "one")
	for _, text := range []string{"one", "two", "three"} {
		if got, want := receive(t, conn, patience), fmt.Sprintf("a %s true %s", conn.LocalAddr(), text); got != want {
			t.Errorf("%q; want %q", got, want)
		}
		switch text {
		case "one":
			conn.Write([]byte("two"))
		case "two":
			conn.Write([]byte("three"))
		}
	}
}
