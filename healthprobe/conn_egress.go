package healthprobe

import (
	"context"
	"net/netip"
	"strings"
	"syscall"

	"github.com/caddy-balance/caddy-balance/internal/egress"
)

// A probe must not connect where requests may not go: it would do what the pool refuses to do, and
// what it finds there is in logs.

type egressKey struct{}

// withEgress returns a context whose connections are judged by the rules.
func withEgress(ctx context.Context, rules *egress.Rules) context.Context {
	return context.WithValue(ctx, egressKey{}, rules)
}

// egressContext returns the context to connect in. An upstream that the config itself names is not
// judged.
func (c *Connection) egressContext(ctx context.Context) context.Context {
	if c.fixedAddress != nil {
		return withEgress(ctx, nil)
	}
	return ctx
}

// checkEgress returns an error if the rules refuse a socket. The dialer calls it before it connects
// to one of the addresses of a name.
func checkEgress(ctx context.Context, network, address string, _ syscall.RawConn) error {
	rules, _ := ctx.Value(egressKey{}).(*egress.Rules)
	if rules == nil {
		return nil
	}
	if strings.HasPrefix(network, "unix") {
		return rules.CheckUnix(address)
	}
	socket, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return rules.CheckSocket(socket)
}
