package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// connectionClient makes one connection for each request, and waits for the first byte.
type connectionClient struct{}

func (connectionClient) exchange(ctx context.Context, address string, _ *request) error {
	conn, err := askFor(ctx, address, wantAnswer)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err
}

func (connectionClient) rest() {}

// askFor connects and says what it wants. The connection ends with the deadline of the context.
func askFor(ctx context.Context, address string, want byte) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline) // a closed connection fails below
	if _, err := conn.Write([]byte{want}); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// closedLoop makes connections one after the other, in this many goroutines, and returns how many
// had an answer.
func closedLoop(ctx context.Context, address string, clients int, d time.Duration) (answered, failed int64) {
	var good, bad atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(d)
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil && time.Now().Before(end) {
				limited, cancel := context.WithTimeout(ctx, deadline)
				if err := (connectionClient{}).exchange(limited, address, nil); err != nil {
					bad.Add(1)
				} else {
					good.Add(1)
				}
				cancel()
			}
		})
	}
	all.Wait()
	return good.Load(), bad.Load()
}

// stream moves bytes over one connection for a time, and returns how many.
func stream(ctx context.Context, address string, want byte, d time.Duration) (int64, error) {
	begin := time.Now()
	limited, cancel := context.WithTimeout(ctx, d+deadline)
	defer cancel()
	conn, err := askFor(limited, address, want)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	step := conn.Read
	if want == wantNothing {
		step = conn.Write
	}
	end := time.AfterFunc(d, func() { conn.SetDeadline(time.Now()) })
	defer end.Stop()
	sum := move(step)
	if time.Since(begin) < d {
		return 0, errors.New("the stream broke")
	}
	if want == wantNothing {
		return sum, nil
	}
	conn.(*net.TCPConn).CloseWrite()
	conn.SetDeadline(time.Now().Add(deadline))
	_, err = io.Copy(io.Discard, conn)
	return sum, err
}
