package layer4

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	l4 "github.com/mholt/caddy-l4/layer4"
	"github.com/mholt/caddy-l4/modules/l4proxyprotocol"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Handle implements layer4.NextHandler: it passes the connection on until it has ended. It is the
// last handler of its route.
func (p *Pool) Handle(cx *l4.Connection, _ l4.Handler) error {
	// Whatever happens here, the end of the context gives reserved places back.
	ctx, cancel := context.WithCancel(cx.Context)
	defer cancel()
	if err := p.AwaitFirstList(ctx); err != nil {
		p.CountUnserved(admit)
		return err
	}
	conn, stream, err := p.connect(requestOf(ctx, cx), cx)
	if err != nil {
		return err
	}
	defer stream.End()
	defer conn.Close()
	p.relay(cx, conn, stream).run()
	return nil
}

// clientIP is the placeholder for the address of the client without its port.
const clientIP = "l4.pool.client_ip"

// requestOf returns a request that stands for the connection, because policies pick for requests.
// It has the placeholders of the connection.
func requestOf(ctx context.Context, cx *l4.Connection) *http.Request {
	client := l4proxyprotocol.GetConn(cx).RemoteAddr()
	host := client.String()
	if ip, _, err := net.SplitHostPort(host); err == nil {
		host = ip
	}
	cx.Replacer().Set(clientIP, host)
	r := &http.Request{
		Method: client.Network(), URL: new(url.URL), Header: make(http.Header), RemoteAddr: client.String(),
	}
	ctx = context.WithValue(ctx, caddyhttp.VarsCtxKey, make(map[string]any))
	return r.WithContext(context.WithValue(ctx, caddy.ReplacerCtxKey, cx.Replacer()))
}

// connect connects to the endpoint that the policy picks, or else to another one.
func (p *Pool) connect(r *http.Request, cx *l4.Connection) (net.Conn, *attempt.Stream, error) {
	attempts := p.transport.Attempts(r)
	var tried []*endpoint.Endpoint
	var failed error
	for len(tried) <= p.Retries {
		e := p.pick(r, attempts)
		if e == nil {
			break
		}
		if slices.Contains(tried, e) {
			attempts.Abandon()
			break
		}
		tried = append(tried, e)
		stream := attempts.BeginStream()
		conn, dialed, err := p.dial(r.Context(), cx, e.Address())
		if err == nil {
			stream.Connect()
			p.CountServed()
			return conn, stream, nil
		}
		stream.Fail(err, !dialed)
		failed = errors.Join(failed, fmt.Errorf("%s: %w", e.Address(), err))
	}
	if tried == nil {
		p.CountUnserved(admit)
		return nil, nil, fmt.Errorf("pool %q: no endpoint can take the connection", p.Name)
	}
	return nil, nil, fmt.Errorf("pool %q: no endpoint could be connected to: %w", p.Name, failed)
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
