package pool

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// RequestOptions say what becomes of the requests of one reverse proxy at the endpoints of a pool.
// They may differ where the same pool stands in several places.
type RequestOptions struct {
	// Second attempts at other endpoints for requests whose first one takes longer than usual. They
	// are for GET, HEAD and OPTIONS without a body, and not for upgrades, streams and long polls.
	// The first good answer is the client's, and the other attempt is ended, which says nothing bad
	// of its endpoint. Choose it if single requests stall, as by the garbage collection of an
	// endpoint or a lost packet, and a second request does no harm. It needs a selection policy of
	// this plugin other than sticky. Source: Dean and Barroso, The Tail at Scale, 2013. Default:
	// none.
	Hedge *HedgeOptions `json:"hedge,omitempty"`

	// The time after which requests and upgraded connections at an endpoint are ended once it does
	// not pass its checks any more, or an operator has declared it down. 0s ends them at once. An
	// answer breaks off, and a request that waits for one fails or is retried as the reverse proxy
	// says. It needs another transport than fastcgi. Choose it for checks of a role, such as that
	// of a database's primary, and for endpoints that hang: clients come again, and reach an
	// endpoint that works. They stay as long as the pool ignores health (see `fail_open`). Default:
	// requests and connections stay.
	CloseOnUnhealthy *caddy.Duration `json:"close_on_unhealthy,omitempty"`

	// The maximum age of connections to endpoints. A connection beyond it, give or take a tenth,
	// takes one more request, and is closed when that is over; one that carries several requests at
	// a time, as HTTP/2 does, is closed when they are over. The minimum is 1s. Choose it for
	// addresses behind which there are several servers, such as a Kubernetes Service or a name with
	// several addresses: connections that are kept for hours never reach those that were added.
	// Default: 0, which keeps connections as long as they are used.
	MaxAge caddy.Duration `json:"max_age,omitempty"`
}

// options are the options of the pool's block that concern requests.
func (o *RequestOptions) options() []caddyfile.Param {
	return []caddyfile.Param{
		o.hedgeOption(),
		caddyfile.Pointer(caddyfile.Duration, "close_on_unhealthy", &o.CloseOnUnhealthy),
		caddyfile.Duration("max_age", &o.MaxAge),
	}
}

// provisionRequests makes the transport do what the options ask for.
func (p *Pool) provisionRequests(ctx caddy.Context) error {
	err := p.provisionHedge(ctx.Logger())
	if err == nil {
		err = cmp.Or(p.provisionAge(), p.provisionRoles())
	}
	if err != nil {
		return fmt.Errorf("pool %q: %w", p.Name, err)
	}
	return nil
}

// provisionRoles makes the transport end what runs at endpoints that lose their role.
func (p *Pool) provisionRoles() error {
	if p.CloseOnUnhealthy == nil {
		return nil
	}
	if err := options.AtLeastOrZero("close_on_unhealthy", *p.CloseOnUnhealthy, options.MinDuration); err != nil {
		return err
	}
	if p.transport.IsFastCGI() {
		return errors.New("close_on_unhealthy: needs another transport than fastcgi, " +
			"which cannot end a request that it has sent")
	}
	p.stopRoles = p.transport.EndOnUnhealthy(p.claim.Roster, time.Duration(*p.CloseOnUnhealthy))
	return nil
}

// minConnectionAge keeps most requests on connections that exist.
const minConnectionAge = time.Second

// provisionAge makes the transport limit the age of its connections.
func (p *Pool) provisionAge() error {
	if p.MaxAge == 0 {
		return nil
	}
	if err := options.AtLeast("max_age", p.MaxAge, minConnectionAge); err != nil {
		return err
	}
	if err := p.transport.LimitAge(p.claim.Roster, time.Duration(p.MaxAge)); err != nil {
		return fmt.Errorf("max_age: %w", err)
	}
	return nil
}
