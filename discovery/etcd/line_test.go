package etcd

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// line is a proxy between the source and etcd that a test can silence or cut.
type line struct {
	address, to string

	mu     sync.Mutex
	silent bool       // nothing is forwarded, in either direction
	down   bool       // connections are closed at once
	change *sync.Cond // signals a change of silent or down
	open   map[net.Conn]bool
}

func startLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{address: listener.Addr().String(), to: to, open: make(map[net.Conn]bool)}
	l.change = sync.NewCond(&l.mu)
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			served.Go(func() { l.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.cut()
		served.Wait()
	})
	return l
}

func (l *line) serve(near net.Conn) {
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		_ = near.Close()
		return
	}
	l.mu.Lock()
	l.open[near], l.open[far] = true, true
	if l.down {
		_ = near.Close()
		_ = far.Close()
	}
	l.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { l.pump(near, far) })
	both.Go(func() { l.pump(far, near) })
	both.Wait()
}

// pump forwards bytes in one direction.
func (l *line) pump(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		for l.silent && !l.down {
			l.change.Wait()
		}
		l.mu.Unlock()
		if err != nil {
			return
		}
		if _, err = to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (l *line) set(silent, down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent, l.down = silent, down
	l.change.Broadcast()
	if down {
		for conn := range l.open {
			_ = conn.Close()
		}
		clear(l.open)
	}
}

func (l *line) freeze() { l.set(true, false) }
func (l *line) cut()    { l.set(false, true) }
func (l *line) mend()   { l.set(false, false) }

// fill puts n endpoints as fast as etcd allows.
func (s *server) fill(n int) {
	s.t.Helper()
	s.must(func(ctx context.Context) error {
		for i := 0; i < n; i += 100 {
			var puts []clientv3.Op
			for j := i; j < i+100; j++ {
				puts = append(puts, clientv3.OpPut(fmt.Sprintf("web/%05d", j), fmt.Sprintf("10.0.%d.%d:80", j/256, j%256)))
			}
			if _, err := s.client.Txn(ctx).Then(puts...).Commit(); err != nil {
				return err
			}
		}
		return nil
	})
}

// compact deletes all history up to now.
func (s *server) compact() {
	s.t.Helper()
	s.must(func(ctx context.Context) error {
		now, err := s.client.Get(ctx, "web/", clientv3.WithCountOnly())
		if err == nil {
			_, err = s.client.Compact(ctx, now.Header.Revision, clientv3.WithCompactPhysical())
		}
		return err
	})
}
