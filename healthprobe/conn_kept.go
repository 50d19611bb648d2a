package healthprobe

import (
	"context"
	"math/rand/v2"
	"time"
)

// A connection serves from leastUses to mostUses checks. It is renewed because only a new one tells whether the endpoint
// still accepts any; that costs a tenth of what it would at each check. It is a number of checks and not a time, so that this share is the
// same at each interval, and a random one, so that connections which began together, at the start of a pool, do not
// all end in one interval.
const (
	leastUses = 5
	mostUses  = 15
)

func randomUses() int { return leastUses + rand.IntN(mostUses-leastUses+1) }

// keepConn leaves a connection to the next check. It reports whether it did.
//
// The connection waits without a goroutine and without buffers, unlike those of http.Transport.
func (t *Target) keepConn(c *conn) bool {
	c.uses--
	if c.uses <= 0 || !c.unwatch() || c.plain.SetDeadline(time.Time{}) != nil {
		return false
	}
	t.Kept = c
	return true
}

// takeConn is the connection that the last check left, nil if there is none that can be used.
func (t *Target) takeConn(ctx context.Context, to address) *conn {
	c, ok := t.Kept.(*conn)
	if !ok {
		return nil
	}
	t.Kept = nil
	if c.to != to || !isQuiet(c.plain) {
		c.Close()
		return nil
	}
	c.watch(ctx)
	return c
}
