package simulation

import (
	"math"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func init() { caddy.RegisterModule(oracle{}) }

// oracle is a selection policy that knows everything: the work of this request, the queue and the
// speed of each backend, and which requests its fault affects. It picks the backend that answers
// this request soonest. It also sees what other proxies have sent. No real policy can do this; it
// shows how much there is to gain.
type oracle struct {
	Fleet string `json:"fleet"`

	fleet *fleet
}

func (oracle) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.oracle",
		New: func() caddy.Module { return new(oracle) },
	}
}

func (o *oracle) Provision(caddy.Context) (err error) {
	o.fleet, err = runningFleet(o.Fleet)
	return err
}

func (o *oracle) Select(
	pool reverseproxy.UpstreamPool, r *http.Request, _ http.ResponseWriter,
) (best *reverseproxy.Upstream) {
	a := arrivalOf(r.Context())
	var least prospect
	for _, u := range pool {
		if p := o.fleet.prospect(o.fleet.addresses[u.Dial], a); best == nil || p.better(least) {
			best, least = u, p
		}
	}
	return best
}

// prospect is what a request can expect of a backend.
type prospect struct {
	due    time.Duration
	ahead  int // requests of the same sort, parked or working
	behind int // the others
}

// better compares by what comes first, and then leaves free the backend that has more to do.
func (p prospect) better(than prospect) bool {
	if d := p.due - than.due; d.Abs() > time.Microsecond {
		return d < 0
	}
	if p.ahead != than.ahead {
		return p.ahead < than.ahead
	}
	return p.behind < than.behind
}

func (f *fleet) prospect(i int, a *arrival) (p prospect) {
	b := f.backends[i]
	p.due = b.foresee(a.drawn)
	if b.fault.Load().affects(a) {
		p.due = math.MaxInt64
	}
	parked, others := f.busy(b)
	if a.kind.parked() {
		p.ahead, p.behind = parked, others
	} else {
		p.ahead = others
	}
	return p
}
