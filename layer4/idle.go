package layer4

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// idleWatch ends a connection on which nothing passes. Where the system tells when bytes have
// passed at a socket, it asks only when the time is over, so that nothing stands in the way of the
// bytes.
type idleWatch struct {
	timeout time.Duration
	end     func()
	socket  *net.TCPConn // nil if the relay says when bytes have passed
	touched atomic.Pointer[time.Time]

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

func newIdleWatch(client net.Conn, timeout time.Duration, end func()) *idleWatch {
	w := &idleWatch{timeout: timeout, end: end}
	if socket := socketOf(client); socket != nil {
		if _, ok := idleFor(socket); ok {
			w.socket = socket
		}
	}
	w.touch()
	return w
}

// needsTouch reports whether the relay has to call touch.
func (w *idleWatch) needsTouch() bool { return w != nil && w.socket == nil }

// touch records that bytes have passed.
func (w *idleWatch) touch() {
	if w.needsTouch() {
		now := time.Now()
		w.touched.Store(&now)
	}
}

func (w *idleWatch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(w.timeout, w.look)
}

func (w *idleWatch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}

// look ends the connection if it has been idle for long enough, or else comes back when it may be.
func (w *idleWatch) look() {
	idle := w.idle()
	if idle >= w.timeout {
		w.end()
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.timer.Reset(w.timeout - idle)
	}
}

func (w *idleWatch) idle() time.Duration {
	if w.socket == nil {
		return time.Since(*w.touched.Load())
	}
	idle, ok := idleFor(w.socket)
	if !ok {
		return 0 // it is closed, and its relay about to end
	}
	return idle
}
