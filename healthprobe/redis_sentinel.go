package healthprobe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

func (p *RedisProbe) provisionSentinels(ctx caddy.Context) error {
	switch {
	case len(p.Sentinels) == 0 && cmp.Or(p.SentinelName, p.SentinelPassword) != "":
		return errors.New("sentinels: is missing; an option of Sentinels is set")
	case len(p.Sentinels) > maxSentinels:
		return fmt.Errorf("sentinels: there are %d; expected %d or fewer", len(p.Sentinels), maxSentinels)
	case len(p.Sentinels) > 0 && p.Role == "":
		return errors.New("role: is missing; sentinels is set")
	}
	p.sentinels = nil
	for _, address := range p.Sentinels {
		c := &Connection{Upstream: address, TLS: p.TLS, ProxyProtocol: p.ProxyProtocol}
		if err := c.ProvisionConnection(ctx); err != nil {
			return fmt.Errorf("sentinels: %s: %w", address, err)
		}
		p.sentinels = append(p.sentinels, c)
	}
	return nil
}

// sentinelAnswer is what a Sentinel says.
type sentinelAnswer struct {
	primary string // its host and port; empty if the Sentinel knows none
	refused string // an error that the Sentinel answers
}

// checkSentinels returns an error if a majority of the Sentinels names a primary that is at odds
// with the role of the endpoint. socket is the address at which the endpoint was reached.
func (p *RedisProbe) checkSentinels(ctx context.Context, e *Endpoint, socket string) error {
	answer, ok := p.majority(ctx, e)
	switch {
	case !ok:
		return fmt.Errorf("no majority of the Sentinels answers alike: %w", ErrInconclusive)
	case answer.refused != "":
		return fmt.Errorf("sentinels: %s", answer.refused)
	case answer.primary == "":
		return fmt.Errorf("the Sentinels know no primary %q", p.sentinelName.expand(e))
	}
	isPrimary := answer.primary == e.Address || isSameSocket(answer.primary, socket)
	if isPrimary != (p.Role == rolePrimary) {
		return fmt.Errorf("the Sentinels name %.60q as the primary", answer.primary)
	}
	return nil
}

// majority asks all Sentinels and returns the answer that more than half of them give, as soon as
// there is one.
func (p *RedisProbe) majority(ctx context.Context, e *Endpoint) (sentinelAnswer, bool) {
	if deadline, ok := ctx.Deadline(); ok { // a Sentinel that hangs must not make the check fail
		limited, cancel := context.WithTimeout(ctx, time.Until(deadline)*3/4)
		defer cancel()
		ctx = limited
	}
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan *sentinelAnswer)
	for _, c := range p.sentinels {
		go func() {
			var answer *sentinelAnswer // none after a panic
			_ = recovered.Do("the probe", func() { answer = p.askSentinel(ctx, c, e) })
			answers <- answer
		}()
	}
	count := make(map[sentinelAnswer]int)
	var found sentinelAnswer
	ok := false
	for range p.sentinels {
		answer := <-answers // each ends soon after the context
		if answer == nil {
			continue
		}
		if count[*answer]++; count[*answer] > len(p.sentinels)/2 {
			found, ok = *answer, true
			cancel()
		}
	}
	cancel()
	return found, ok
}

// askSentinel returns nil if the Sentinel gives no answer.
func (p *RedisProbe) askSentinel(ctx context.Context, c *Connection, e *Endpoint) *sentinelAnswer {
	connected, err := c.Connect(ctx, e)
	if err != nil {
		return nil
	}
	defer connected.Close()
	session := newRedisSession(connected)
	err = session.login(ctx, "", p.sentinelPassword.expand(e))
	var answer []string
	if err == nil {
		answer, err = session.command(ctx, "SENTINEL", "get-master-addr-by-name", p.sentinelName.expand(e))
	}
	var refused redisError
	switch {
	case errors.As(err, &refused):
		return &sentinelAnswer{refused: err.Error()}
	case err != nil:
		return nil
	case len(answer) < 2:
		return &sentinelAnswer{}
	}
	return &sentinelAnswer{primary: net.JoinHostPort(answer[0], answer[1])}
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// isSameSocket compares two addresses with IPs.
func isSameSocket(a, b string) bool {
	first, err := netip.ParseAddrPort(a)
	second, otherErr := netip.ParseAddrPort(b)
	return err == nil && otherErr == nil && unmapped(first) == unmapped(second)
}
