package attempt

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// net/http keeps connections as long as they are used, and has no limit of their age. It closes one
// after a request that asks for that, which a request may do as soon as it has got its connection.
// With HTTP/1.1 the connection is closed after that request. With HTTP/2 it takes no further ones,
// and is closed when its last request is over. Tests with real connections fail if an upgrade
// changes that.

// ageJitter is the part by which ages differ up and down, so that connections which were made
// together do not end together (gRPC's MAX_CONNECTION_AGE has as much).
const ageJitter = .1

// connectionAge is the maximum age of connections to the endpoints of a roster.
type connectionAge struct {
	roster *endpoint.Roster
	most   time.Duration
}

// LimitAge limits the age of connections to the endpoints of a roster. It may only be called while
// the handler is provisioned.
func (t *Transport) LimitAge(r *endpoint.Roster, most time.Duration) error {
	if h, ok := t.RoundTripper.(*reverseproxy.HTTPTransport); !ok || !t.prefersAnswers || speaksHTTP3(h) {
		return errors.New("needs the transport http, over HTTP/1.1 or HTTP/2, " +
			"without the PROXY protocol over TLS and without a placeholder in tls_server_name")
	}
	t.ages = append(t.ages, connectionAge{r, most})
	return nil
}

// expiry returns when a connection expires that is made now, zero if it does not.
func (t *Transport) expiry(ctx context.Context) load.Instant {
	if len(t.ages) == 0 {
		return 0
	}
	info, ok := reverseproxy.GetDialInfo(ctx)
	if !ok || info.Upstream == nil {
		return 0
	}
	for _, age := range t.ages {
		if age.roster.Snapshot().Find(info.Upstream.Dial) != nil {
			factor := 1 + ageJitter*(2*rand.Float64()-1)
			return load.Now() + load.Instant(float64(age.most)*factor)
		}
	}
	return 0
}

// closable returns a request that can ask for the end of its connection once it has got one. It is
// a copy, because a transport must not change the request of its caller.
func (a *Attempt) closable(req *http.Request, used *connection) *http.Request {
	if len(a.transport.ages) == 0 || used == nil || req.Header["Upgrade"] != nil {
		return req
	}
	own := *req
	own.Header = maps.Clone(req.Header)
	used.request = &own
	return &own
}

// expire makes the request the last one on its connection if that has expired. net/http copies
// requests with a body, but not their header.
func (c *connection) expire(conn net.Conn) {
	if c.request == nil || !isExpired(conn) {
		return
	}
	c.request.Close = true
	c.request.Header["Connection"] = []string{"close"}
}

func isExpired(conn net.Conn) bool {
	if secured, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secured.NetConn()
	}
	c, ok := conn.(*answeringConn)
	return ok && c.expires != 0 && load.Now() >= c.expires
}
