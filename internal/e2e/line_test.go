package e2e

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

// line lies between Caddy and a registry. It can become slow, or lose its connections the way a router does
// that forgets them: nobody is told, and nothing comes through any more. It can also break.
type line struct {
	address string
	target  string

	mu       sync.Mutex
	delay    time.Duration
	silent   bool
	broken   bool
	wires    map[*wire]struct{}
	accepted int
}

// wire is one connection.
type wire struct {
	near, far net.Conn
	lost      atomic.Bool
}

// startLine leads to the address of a server.
func startLine(t *testing.T, target string) *line {
	t.Helper()
	l := &line{address: servers.FreeAddress(t), target: target, wires: make(map[*wire]struct{})}
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
		l.cut()
	})
	return l
}

// lose makes all connections silent, and new ones too until it is healed.
func (l *line) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = true
	for w := range l.wires {
		w.lost.Store(true)
	}
}

// cut ends all connections, and new ones too until it is healed.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	for w := range l.wires {
		w.close()
	}
}

// heal lets new connections through at once. Those that were lost stay so.
func (l *line) heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent, l.broken, l.delay = false, false, 0
}

// slow delays everything.
func (l *line) slow(delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = delay
}

// open is how many connections there are, and accepted how many there have been.
func (l *line) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.wires)
}

func (l *line) everAccepted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted
}

func (l *line) lag() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delay
}

func (l *line) acceptAll(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		go l.carry(near)
	}
}

func (l *line) carry(near net.Conn) {
	far, err := net.Dial("tcp", l.target)
	if err != nil {
		near.Close() // which is what a server that is down looks like through a proxy
		return
	}
	w := &wire{near: near, far: far}
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

// add refuses a wire while the line is broken.
func (l *line) add(w *wire) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return false
	}
	w.lost.Store(l.silent)
	l.wires[w] = struct{}{}
	l.accepted++
	return true
}

func (l *line) remove(w *wire) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.wires, w)
}

func (w *wire) close() {
	w.near.Close()
	w.far.Close()
}

// copy ends with either side, but the near one does not learn of the far one's end through a lost wire.
func (l *line) copy(w *wire, from, to net.Conn) {
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

func (l *line) answerAll(packets net.PacketConn) {
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

// answer is what comes back for one packet, which is all that a DNS question needs.
func (l *line) answer(packet []byte) []byte {
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
