package layer4

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	l4 "github.com/mholt/caddy-l4/layer4"
	"github.com/mholt/caddy-l4/modules/l4proxyprotocol"
	"github.com/pires/go-proxyproto"

	"github.com/caddy-balance/caddy-balance/internal/egress"
)

// dial connects to an endpoint, up to the moment when bytes of the client can be sent. dialed says
// that an error came after there was a connection.
func (p *Pool) dial(ctx context.Context, cx *l4.Connection, address string) (conn net.Conn, dialed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.ConnectTimeout))
	defer cancel()
	network, target, host, err := targetOf(cx, address)
	if err != nil {
		return nil, false, err
	}
	rules, _ := p.Roster().EgressFor(address)
	if err := rules.Check(address); err != nil {
		return nil, false, err
	}
	conn, err = dialerBy(rules).DialContext(ctx, network, target)
	if err != nil {
		return nil, false, err
	}
	ready, err := p.prepare(ctx, cx, conn, host)
	if err != nil {
		conn.Close()
		return nil, true, err
	}
	return ready, true, nil
}

// keepAliveAfter is how long a connection to an endpoint is open before the system asks for signs
// of life. Most connections end before, and are spared the system calls.
const keepAliveAfter = 15 * time.Second

// keepAlive makes the system ask an endpoint for signs of life from the time on when it would do so
// first, until stop is called.
func keepAlive(conn net.Conn) (stop func() bool) {
	socket := socketOf(conn)
	if socket == nil {
		return func() bool { return false }
	}
	return time.AfterFunc(keepAliveAfter, func() {
		_ = socket.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true}) // it may be closed
	}).Stop
}

// targetOf returns what to dial for the address of an endpoint. Its default network is that of the
// client.
func targetOf(cx *l4.Connection, address string) (network, target, host string, err error) {
	network = "tcp"
	if isPacket(cx) {
		network = "udp"
	}
	parsed, err := caddy.ParseNetworkAddressWithDefaults(address, network, 0)
	if err != nil {
		return "", "", "", err
	}
	return parsed.Network, parsed.JoinHostPort(0), parsed.Host, nil
}

func isPacket(cx *l4.Connection) bool {
	_, udp := cx.RemoteAddr().(*net.UDPAddr)
	return udp
}

// dialerBy returns a dialer that connects only to sockets that the rules permit. What a host name
// stands for is known only then.
func dialerBy(rules *egress.Rules) *net.Dialer {
	if rules == nil {
		return &net.Dialer{KeepAlive: -1} // see keepAlive
	}
	return &net.Dialer{KeepAlive: -1, Control: func(_, address string, _ syscall.RawConn) error {
		socket, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil // a Unix socket
		}
		return rules.CheckSocket(netip.AddrPortFrom(socket.Addr().Unmap(), socket.Port()))
	}}
}

// prepare sends the header of the PROXY protocol and begins TLS, as far as they are wanted.
func (p *Pool) prepare(
	ctx context.Context, cx *l4.Connection, conn net.Conn, host string,
) (ready net.Conn, err error) {
	if p.ProxyProtocol == "" && p.tls == nil {
		return conn, nil
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // a closed connection fails below
	defer func() { err = cmp.Or(err, conn.SetDeadline(time.Time{})) }()
	if version := proxyVersions[p.ProxyProtocol]; version != 0 && !isPacket(cx) {
		if _, err := proxyHeader(cx, version).WriteTo(conn); err != nil {
			return nil, err
		}
	}
	if p.tls == nil {
		return conn, nil
	}
	config := p.tls
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = host
	}
	secured := tls.Client(conn, config)
	return secured, secured.HandshakeContext(ctx)
}

// proxyHeader returns the header of the PROXY protocol that has the address of the client.
func proxyHeader(cx *l4.Connection, version byte) *proxyproto.Header {
	client := l4proxyprotocol.GetConn(cx)
	return proxyproto.HeaderProxyFromAddrs(version, client.RemoteAddr(), client.LocalAddr())
}
