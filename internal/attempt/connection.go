package attempt

import (
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// breaksWithin is how soon after its use a kept connection breaks that had died while it was idle.
// The endpoint's system or a firewall answers the first packet with a reset; a second covers the
// longest round trip with one packet lost. An endpoint that takes longer has taken the request.
const breaksWithin = time.Second

// connection is what a round trip used to send its request. net/http tells it through the trace of
// the request. Connections are pooled together with the function that it calls, because a function
// value for each attempt would be one more allocation.
type connection struct {
	got      func(httptrace.GotConnInfo)
	trace    *httptrace.ClientTrace
	outer    func(httptrace.GotConnInfo) // what the trace had before
	conn     net.Conn                    // nil unless it is kept
	kept     atomic.Bool                 // another request used it before
	since    atomic.Int64                // the Instant at which the request got it
	request  *http.Request               // may ask for the end of the connection; nil without max_age
	replaced atomic.Uint32               // kept connections that net/http gave up for the next one
}

var connections = sync.Pool{New: func() any {
	c := new(connection)
	c.got = c.observe
	return c
}}

// watchConnection returns the connection of the round trip that follows, nil if it cannot be known.
// Caddy makes a trace for each attempt, so that the function in it belongs to this one.
func watchConnection(req *http.Request) *connection {
	trace := httptrace.ContextClientTrace(req.Context())
	if trace == nil {
		return nil
	}
	c := connections.Get().(*connection)
	c.trace, c.outer = trace, trace.GotConn
	c.kept.Store(false)
	c.replaced.Store(0)
	c.since.Store(0)
	trace.GotConn = c.got
	return c
}

// release ends the watch. net/http calls GotConn only while the round trip is under way.
func (c *connection) release() {
	if c != nil {
		c.trace.GotConn = c.outer
		c.trace, c.outer, c.conn, c.request = nil, nil, nil, nil
		connections.Put(c)
	}
}

func (c *connection) observe(info httptrace.GotConnInfo) {
	if c.kept.Load() {
		c.replaced.Add(1)
	}
	c.kept.Store(info.Reused)
	if c.conn = nil; info.Reused {
		c.conn = info.Conn
	}
	c.since.Store(int64(load.Now()))
	c.expire(info.Conn)
	if c.outer != nil {
		c.outer(info)
	}
}

// at returns when the request got its connection, zero if it got none.
func (c *connection) at() load.Instant {
	if c == nil {
		return 0
	}
	return load.Instant(c.since.Load())
}

// brokeAsUsed reports whether the round trip failed because a kept connection broke before the
// first byte of its response.
func (c *connection) brokeAsUsed(err error) bool {
	return c != nil && c.kept.Load() && isBreak(err) &&
		load.Now().Sub(load.Instant(c.since.Load())) < breaksWithin
}
