package attempt

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/egress"
)

// A pool judges the addresses that its sources report. Connections are judged once more. What a
// host name stands for is known only then, and may change between two connections. So may the
// addresses of this machine, on which Caddy listens.

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// guardConnections makes the transport judge what it connects to. Caddy's own transport has a
// function that connects; any other is judged by what its look-ups tell the context of a request.
func (t *Transport) guardConnections() {
	h, ok := t.RoundTripper.(*reverseproxy.HTTPTransport)
	if !ok || h.Transport == nil || speaksHTTP3(h) {
		t.guard = &requestGuard{t}
		return
	}
	if dial := h.Transport.DialContext; dial != nil {
		h.Transport.DialContext = t.guarded(dial)
	}
	if dial := h.Transport.DialTLSContext; dial != nil {
		h.Transport.DialTLSContext = t.guarded(dial)
	}
}

// next is what attempts send their requests with.
func (t *Transport) next() http.RoundTripper {
	if t.guard != nil {
		return t.guard
	}
	return t.RoundTripper
}

// egressFor returns the rules for connections to an address, nil if all are permitted.
func (t *Transport) egressFor(dial string) *egress.Rules {
	for _, r := range t.rosters {
		if rules, known := r.EgressFor(dial); known {
			return rules
		}
	}
	return nil
}

func speaksHTTP3(h *reverseproxy.HTTPTransport) bool {
	return len(h.Versions) == 1 && h.Versions[0] == "3"
}

// guarded returns dial for a transport whose connections are judged.
func (t *Transport) guarded(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		info, ok := reverseproxy.GetDialInfo(ctx)
		if !ok || info.Upstream == nil {
			return dial(ctx, network, address)
		}
		rules := t.egressFor(info.Upstream.Dial)
		if err := rules.Check(info.Upstream.Dial); err != nil {
			return nil, reverseproxy.NewDialError(err)
		}
		if rules == nil || !isName(info) || caddyhttp.GetVar(ctx, proxyVar) != nil {
			return dial(ctx, network, address) // a forward proxy looks names up itself
		}
		return dialName(ctx, rules, info, func(ctx context.Context) (net.Conn, error) {
			return dial(ctx, network, address)
		})
	}
}

// Caddy does not export these names. Tests fail if an upgrade changes them.
const (
	proxyVar    = "reverse_proxy.proxy"
	dialInfoKey = caddy.CtxKey("reverse_proxy.dial_info")
)

// isName reports whether an upstream has a host name, which has to be looked up.
func isName(info reverseproxy.DialInfo) bool {
	if strings.HasPrefix(info.Network, "unix") {
		return false
	}
	_, err := netip.ParseAddr(info.Host)
	return err != nil
}

// dialName connects to a host name. If some of its addresses are refused, it connects to the first
// of the others that answers.
func dialName(
	ctx context.Context, rules *egress.Rules, info reverseproxy.DialInfo, dial func(context.Context) (net.Conn, error),
) (net.Conn, error) {
	found := judgedLookup{rules: rules, info: info}
	watched, cancel := found.watch(ctx)
	defer cancel()
	conn, err := dial(watched)
	permitted, refusal := found.result()
	if err == nil && refusal == nil {
		refusal = found.judge(conn.RemoteAddr()) // in case the look-up was not seen
	}
	if refusal == nil {
		return conn, err
	}
	if err == nil {
		conn.Close()
	}
	err = refusal
	for _, ip := range permitted {
		one := info
		one.Host, one.Address = ip.String(), net.JoinHostPort(ip.String(), info.Port)
		if conn, err = dial(context.WithValue(ctx, dialInfoKey, one)); err == nil {
			return conn, nil
		}
	}
	return nil, reverseproxy.NewDialError(err)
}

// judgedLookup is the look-up of a host name and what the rules say of its addresses.
type judgedLookup struct {
	rules *egress.Rules
	info  reverseproxy.DialInfo

	mu        sync.Mutex
	refusal   error
	permitted []netip.Addr
}

// watch returns a context that ends when the look-up finds a refused address, before any connection
// is made.
func (l *judgedLookup) watch(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{DNSDone: func(done httptrace.DNSDoneInfo) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, a := range done.Addrs {
			if err := l.judge(&net.TCPAddr{IP: a.IP, Zone: a.Zone}); err != nil {
				l.refusal = err
				cancel()
			} else if ip, ok := netip.AddrFromSlice(a.IP); ok {
				l.permitted = append(l.permitted, ip.Unmap().WithZone(a.Zone))
			}
		}
	}}), cancel
}

// judge returns an error if an address of the name is refused.
func (l *judgedLookup) judge(a net.Addr) error {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return nil
	}
	port, err := net.LookupPort("tcp", l.info.Port)
	if err == nil {
		err = l.rules.CheckSocket(netip.AddrPortFrom(tcp.AddrPort().Addr(), uint16(port)))
	}
	if err != nil {
		return fmt.Errorf("%s resolves to a refused address: %w", l.info.Host, err)
	}
	return nil
}

func (l *judgedLookup) result() (permitted []netip.Addr, refusal error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.permitted, l.refusal
}

// requestGuard sends requests with a transport whose connections it cannot reach.
type requestGuard struct{ t *Transport }

// RoundTrip implements http.RoundTripper.
func (g *requestGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	next := g.t.RoundTripper
	info, ok := reverseproxy.GetDialInfo(req.Context())
	if !ok || info.Upstream == nil {
		return next.RoundTrip(req)
	}
	rules := g.t.egressFor(info.Upstream.Dial)
	if err := rules.Check(info.Upstream.Dial); err != nil {
		return nil, reverseproxy.NewDialError(err)
	}
	if rules == nil || !isName(info) {
		return next.RoundTrip(req)
	}
	if h, ok := next.(*reverseproxy.HTTPTransport); ok && speaksHTTP3(h) {
		return nil, reverseproxy.NewDialError(fmt.Errorf(
			"%s is a host name, whose addresses cannot be judged over HTTP/3; expected an IP address", info.Host))
	}
	found := judgedLookup{rules: rules, info: info}
	ctx, cancel := found.watch(req.Context())
	res, err := next.RoundTrip(req.WithContext(ctx))
	if _, refusal := found.result(); refusal != nil && err != nil {
		err = reverseproxy.NewDialError(refusal)
	}
	if err != nil {
		cancel() // otherwise the context ends with the request, after its response
	}
	return res, err
}
