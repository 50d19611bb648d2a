package e2e

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// link forwards TCP and UDP between Caddy and a registry. A test can make it slow, break its
// connections, or turn them into black holes, as a router does that has lost its state: nothing
// passes any more, and neither side gets an error.
type link struct {
	address string
	target  string

	mu          sync.Mutex
	delay       time.Duration
	silent      bool // new connections are black holes
	broken      bool // new connections are refused
	onlyPackets bool // TCP connections are refused
	connections map[*connection]struct{}
	accepted    int // in total
}

// connection is a TCP connection through a link. The near side is Caddy.
type connection struct {
	near, far net.Conn
	lost      atomic.Bool
}

// startLink listens at a free address and forwards to the target until the test ends.
func startLink(t *testing.T, target string) *link {
	t.Helper()
	l := &link{address: caddytest.FreeAddress(t), target: target, connections: make(map[*connection]struct{})}
	listener, err := net.Listen("tcp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp", l.address)
	if err != nil {
		t.Fatal(err)
	}
	go l.acceptAll(listener)
	go l.answerAll(packets)
	t.Cleanup(func() {
		listener.Close()
		packets.Close()
		l.disconnect()
	})
	return l
}

// blackhole makes all connections black holes, and new ones too until restore.
func (l *link) blackhole() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = true
	for w := range l.connections {
		w.lost.Store(true)
	}
}

// disconnect closes all connections, and new ones too until restore.
func (l *link) disconnect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	for w := range l.connections {
		w.close()
	}
}

// refuseTCP closes all connections, and new ones too until restore. Packets pass.
func (l *link) refuseTCP() {
	l.disconnect()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken, l.onlyPackets = false, true
}

// restore makes new connections work again, without delay. Those that are black holes stay so.
func (l *link) restore() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent, l.broken, l.onlyPackets, l.delay = false, false, false, 0
}

// slow delays everything that is forwarded.
func (l *link) slow(delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = delay
}

// open returns the number of connections that are open.
func (l *link) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.connections)
}

// totalAccepted returns the number of connections so far.
func (l *link) totalAccepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted
}

func (l *link) lag() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delay
}

func (l *link) acceptAll(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		go l.carry(near)
	}
}

func (l *link) carry(near net.Conn) {
	far, err := net.Dial("tcp", l.target)
	if err != nil {
		near.Close() // through a proxy, a server that is down looks like this
		return
	}
	w := &connection{near: near, far: far}
	defer w.close()
	if !l.add(w) {
		return
	}
	defer l.remove(w)
	var both sync.WaitGroup
	both.Go(func() { l.copy(w, near, far) })
	both.Go(func() { l.copy(w, far, near) })
	both.Wait()
}

// add records a connection. It refuses it while the link is broken.
func (l *link) add(w *connection) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken || l.onlyPackets {
		return false
	}
	w.lost.Store(l.silent)
	l.connections[w] = struct{}{}
	l.accepted++
	return true
}

func (l *link) remove(w *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.connections, w)
}

func (w *connection) close() {
	w.near.Close()
	w.far.Close()
}

// copy forwards in one direction until either side ends. On a black hole the near side does not
// notice the end of the far side.
func (l *link) copy(w *connection, from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			if from == w.near || !w.lost.Load() {
				w.close()
			}
			return
		}
		time.Sleep(l.lag())
		if w.lost.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			w.close()
			return
		}
	}
}

func (l *link) answerAll(packets net.PacketConn) {
	for {
		buffer := make([]byte, 64<<10)
		n, from, err := packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		go func() {
			if answer := l.answer(buffer[:n]); answer != nil {
				_, _ = packets.WriteTo(answer, from)
			}
		}()
	}
}

// answer forwards a packet and returns the one that comes back. DNS needs no more.
func (l *link) answer(packet []byte) []byte {
	l.mu.Lock()
	down, delay := l.silent || l.broken, l.delay
	l.mu.Unlock()
	far, err := net.Dial("udp", l.target)
	if err != nil || down {
		return nil
	}
	defer far.Close()
	time.Sleep(delay)
	_ = far.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := far.Write(packet); err != nil {
		return nil
	}
	buffer := make([]byte, 64<<10)
	n, err := far.Read(buffer)
	if err != nil {
		return nil
	}
	return buffer[:n]
}
