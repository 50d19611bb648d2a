package layer4

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"

	l4 "github.com/mholt/caddy-l4/layer4"
	"github.com/mholt/caddy-l4/modules/l4proxyprotocol"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Handle implements layer4.NextHandler: it passes the connection on until it has ended. It is the
// last handler of its route.
func (p *Pool) Handle(cx *l4.Connection, _ l4.Handler) (err error) {
	// Caddy's app for layer 4 does not recover, so that a panic would end all sites.
	defer func() {
		if reason := recover(); reason != nil {
			err = panicked(reason)
		}
	}()
	// Whatever happens here, the end of the context gives reserved places back.
	ctx, cancel := context.WithCancel(cx.Context)
	defer cancel()
	if err := p.AwaitFirstList(ctx); err != nil {
		p.CountUnserved(admit)
		return err
	}
	search := p.search(ctx, cx)
	if isPacket(cx) {
		return p.handlePackets(cx, search)
	}
	conn, stream, err := search.connect()
	if err != nil {
		return err
	}
	defer stream.End()
	defer conn.Close()
	p.relay(cx, conn, stream).run()
	return nil
}

// panicked returns an error for what was recovered from.
func panicked(reason any) error { return fmt.Errorf("panic: %v\n%s", reason, debug.Stack()) }

// clientIP is the placeholder for the address of the client without its port.
const clientIP = "l4.pool.client_ip"

// requestOf returns a request that stands for the connection, because policies pick for requests.
// It has the variables and placeholders of the connection, which the context of the connection has
// under the same keys as that of a request.
func requestOf(ctx context.Context, cx *l4.Connection) *http.Request {
	client := l4proxyprotocol.GetConn(cx).RemoteAddr()
	address, host := textsOf(client)
	cx.Replacer().Set(clientIP, host)
	r := &http.Request{Method: client.Network(), URL: new(url.URL), Header: make(http.Header), RemoteAddr: address}
	return r.WithContext(ctx)
}

// textsOf returns an address as a text, with and without its port.
func textsOf(a net.Addr) (address, host string) {
	if a, ok := a.(interface{ AddrPort() netip.AddrPort }); ok {
		ip, port := a.AddrPort().Addr().Unmap(), a.AddrPort().Port()
		return netip.AddrPortFrom(ip, port).String(), ip.String()
	}
	return a.String(), a.String() // a Unix socket
}

// search looks for an endpoint that can be connected to.
type search struct {
	pool     *Pool
	cx       *l4.Connection
	r        *http.Request
	attempts *attempt.RequestAttempts
	tried    []*endpoint.Endpoint
	failed   error // why those that were tried could not be connected to
}

func (p *Pool) search(ctx context.Context, cx *l4.Connection) *search {
	r := requestOf(ctx, cx)
	return &search{pool: p, cx: cx, r: r, attempts: p.transport.Attempts(r)}
}

// connect connects to the endpoint that the policy picks, or else to another one. It may be called
// again, and then leaves out those that were tried.
func (s *search) connect() (net.Conn, *attempt.Stream, error) {
	p := s.pool
	for len(s.tried) <= p.Retries {
		e := p.pick(s.r, s.attempts)
		if e == nil {
			break
		}
		if slices.Contains(s.tried, e) {
			s.attempts.Abandon()
			break
		}
		s.tried = append(s.tried, e)
		stream := s.attempts.BeginStream()
		conn, dialed, err := p.dial(s.r.Context(), s.cx, e.Address())
		if err == nil {
			stream.Connect()
			p.CountServed()
			return conn, stream, nil
		}
		stream.Fail(err, !dialed)
		s.fail(e, err)
	}
	if s.tried == nil {
		p.CountUnserved(admit)
		return nil, nil, fmt.Errorf("pool %q: no endpoint can take the connection", p.Name)
	}
	return nil, nil, fmt.Errorf("pool %q: no endpoint could be connected to: %w", p.Name, s.failed)
}

// fail records why an endpoint could not be connected to.
func (s *search) fail(e *endpoint.Endpoint, err error) {
	s.failed = errors.Join(s.failed, fmt.Errorf("%s: %w", e.Address(), err))
}

// pick returns the endpoint that a policy picks, with a place reserved there for the request; nil
// if none is usable.
func (p *Pool) pick(r *http.Request, attempts *attempt.RequestAttempts) *endpoint.Endpoint {
	e, listed := p.picker.Pick(r)
	if listed && p.fallback != nil {
		e, _ = p.fallback.Pick(r)
	}
	if e != nil && attempts.Picked() != e { // a policy that reserves nothing
		e.Reserve(0)
		attempts.Begin(e)
	}
	return e
}
