package healthprobe

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// keptHTTP is what an HTTP probe keeps for an endpoint. Without the request, each check would make the same one again, which costs
// about as much as to write it to the connection.
type probeState struct {
	of      *listing.Info // that the request is made for
	to      address
	request *http.Request
	encoded []byte // asked as HTTP/1.1 has it, nil if it has a body
	idle    *conn  // that the next check may use; it waits without a goroutine and buffers, unlike those of http.Transport
}

// Close implements io.Closer.
func (k *probeState) Close() error {
	if k.idle == nil {
		return nil
	}
	return k.idle.Close()
}

// keptFor makes what is not there yet, or is for what was known of the endpoint earlier.
func (p *HTTPProbe) stateFor(t *Target) (*probeState, error) {
	old, ok := t.Kept.(*probeState)
	if ok && old.of == t.Info {
		return old, nil
	}
	to, err := p.address(t.Info)
	if err != nil {
		return nil, err
	}
	asked, err := p.request.of(t.Info, to, p.scheme(to))
	if err != nil {
		return nil, err
	}
	asked.Close = p.FreshConnections
	made := &probeState{of: t.Info, to: to, request: asked}
	var wire bytes.Buffer
	if asked.Body == nil && asked.Write(&wire) == nil {
		made.encoded = wire.Bytes()
	}
	switch {
	case ok && old.to == to:
		made.idle = old.idle
	case ok:
		old.Close()
	}
	t.Kept = made
	return made, nil
}

// A connection serves from leastUses to mostUses checks, for a minute on average at the default interval. It is renewed because only a new one
// tells whether the endpoint still accepts any. It is a number of checks and not a time, so that what this costs is the
// same share at each interval, and a random one, so that connections which began together, at the start of a pool, do
// not all end in one interval.
const (
	leastUses = 8
	mostUses  = 16
)

func randomUses() int { return leastUses + rand.IntN(mostUses-leastUses+1) }

// leave keeps a connection for the next request. It reports whether it did.
func (k *probeState) leave(c *conn) bool {
	c.uses--
	if c.uses <= 0 || !c.unwatch() || c.plain.SetDeadline(time.Time{}) != nil {
		return false
	}
	k.idle = c
	return true
}

// take is the connection that the last request left, nil if there is none that can be used.
func (k *probeState) take(ctx context.Context) *conn {
	c := k.idle
	if c == nil {
		return nil
	}
	k.idle = nil
	if !isIdle(c.plain) {
		c.Close()
		return nil
	}
	c.watch(ctx)
	return c
}
