package attempt

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/role"
)

// DefaultDecay is for handlers whose policy does not set it.
const DefaultDecay = 10 * time.Second

// Transport wraps the transport of one handler and observes the attempts that pass through it.
type Transport struct {
	http.RoundTripper

	// Decay is how long an observation counts in an endpoint's load.
	Decay time.Duration

	// Route returns the key of the route of a request. Nil is the route by method and path.
	Route func(*http.Request) load.Key

	key     string
	handler *reverseproxy.Handler
	policy  func() string // the name of the handler's policy

	// retriesRefused is whether Caddy repeats a request only if its connection was refused.
	retriesRefused bool

	// prefersAnswers is whether errors of writing are held back until answers are read.
	prefersAnswers bool

	retries retryRules
	refuses bool        // whether requests may be refused
	gate    *limit.Gate // where requests hold places; nil if the pool lets all in
	gateKey string

	retryAfter *RetryAfter // nil if endpoints may not ask for a pause

	guard *requestGuard // judges requests if the connections cannot be judged; else nil

	fresh    func() http.RoundTripper // makes a connection for each request; nil, or returns nil, if there is none
	rosters  []*endpoint.Roster
	hedgings []Hedging
	roles    []*role.Watch[*Attempt]
	ages     []connectionAge
	watchers []func(*endpoint.Endpoint, *http.Response) // see WatchAnswers
	routes   *load.Routes                               // of the static upstreams
}

// Install wraps the transport of the reverse proxy that is being provisioned, or finds the
// Transport that wraps it already. Both results are nil if no reverse proxy is being provisioned.
// For a module that passes on connections, the result is its own transport and no reverse proxy.
//
// It relies on four properties of Caddy: a module sees the modules around it in ctx.Modules, the
// handler loads its transport before its selection policy, the policy before its upstream source,
// and it keeps a transport that is set by then. A test fails if an upgrade of Caddy changes that.
func Install(ctx caddy.Context) (*Transport, *reverseproxy.Handler, error) {
	handler, stream := enclosing(ctx)
	if handler == nil {
		return stream, nil, nil
	}
	if t, ok := handler.Transport.(*Transport); ok {
		return t, handler, nil
	}
	if handler.Transport == nil {
		// Caddy's own default transport is no loaded module, so Caddy would not clean it up.
		module, err := ctx.LoadModuleByID("http.reverse_proxy.transport.http", nil)
		if err != nil {
			return nil, nil, fmt.Errorf("making the default transport: %w", err)
		}
		handler.Transport = module.(http.RoundTripper)
	}
	t := &Transport{RoundTripper: handler.Transport, Decay: DefaultDecay}
	t.key = keyFor(t)
	t.routes = new(load.Routes)
	t.handler, t.policy = handler, policyOf(handler)
	t.prefersAnswers = t.preferAnswers()
	t.guardConnections()
	t.fresh = sync.OnceValue(func() http.RoundTripper { return freshConnections(t.RoundTripper) })
	handler.Transport = t
	t.retryRefused()
	t.endHandledAnswers()
	return t, handler, t.guardRetries(ctx)
}

// AcquireRoutes makes the transport use what earlier configs know of the routes of the handler's
// static upstreams, until release is called. It may only be called while the handler is
// provisioned.
func (t *Transport) AcquireRoutes() (release func()) {
	t.routes, release = endpoint.AcquireRoutes(listOf(t.handler))
	return release
}

// listOf returns a text of what lists the upstreams of a handler, apart from pools.
func listOf(h *reverseproxy.Handler) string {
	var list strings.Builder
	if h == nil {
		return ""
	}
	for _, u := range h.Upstreams {
		list.WriteString(u.Dial)
		list.WriteByte('\n')
	}
	list.Write(h.DynamicUpstreamsRaw)
	return list.String()
}

// enclosing returns the innermost reverse proxy among the modules being provisioned, or the
// transport of a module that passes on connections, whichever is closer.
func enclosing(ctx caddy.Context) (*reverseproxy.Handler, *Transport) {
	modules := ctx.Modules()
	for i := len(modules) - 1; i >= 0; i-- {
		switch m := modules[i].(type) {
		case *reverseproxy.Handler:
			return m, nil
		case streamed:
			return nil, m.StreamTransport()
		}
	}
	return nil, nil
}

// keyFor returns the key of the attempts in the variables of a request.
func keyFor(t *Transport) string { return fmt.Sprintf("balance.attempts.%p", t) }

// Observe makes attempts at the endpoints of a roster observed even if a policy picked them that
// tracks nothing, such as Caddy's own. It may only be called while the handler is provisioned.
func (t *Transport) Observe(r *endpoint.Roster) { t.rosters = append(t.rosters, r) }

// Rosters returns the rosters of the handler's pools.
func (t *Transport) Rosters() []*endpoint.Roster { return t.rosters }

func (t *Transport) find(dial string) *endpoint.Endpoint {
	for _, r := range t.rosters {
		if m := r.Snapshot().Find(dial); m != nil {
			return m.Endpoint
		}
	}
	return nil
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.refusalOf(req) != nil {
		return refused(req)
	}
	a := t.attempt(req)
	if a == nil {
		res, err := t.next().RoundTrip(req)
		return res, t.final(err)
	}
	began := load.Now()
	answered, res, err := t.send(a, req, began)
	if err != nil {
		a.revert(req)
		return nil, t.afterError(req, a.endpoint, began, err)
	}
	if answered.others != nil {
		answered.others.leaveOutRefused(answered.endpoint)
	}
	for _, see := range t.watchers {
		see(answered.endpoint, res)
	}
	a.commit()
	return res, nil
}

// send makes the round trip of an attempt, with a second one beside it if it is to be hedged. It
// returns the attempt whose answer it is.
func (t *Transport) send(
	a *Attempt, req *http.Request, began load.Instant,
) (answered *Attempt, _ *http.Response, _ error) {
	h := t.hedge(a, req)
	if h == nil {
		res, err := a.roundTrip(req, t.next(), began)
		return a, res, err
	}
	res, err := h.roundTrip(req, t.next(), began)
	return h.answered(), res, err
}

// attempt returns the attempt that a round trip belongs to, nil if it is not to be observed.
// Caddy's own health checks pass through the transport too; they have no variables.
func (t *Transport) attempt(req *http.Request) *Attempt {
	info, ok := reverseproxy.GetDialInfo(req.Context())
	if !ok || info.Upstream == nil {
		return nil
	}
	vars, ok := req.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	if !ok {
		return nil
	}
	attempts, _ := vars[t.key].(*RequestAttempts)
	if attempts != nil {
		if a := attempts.takePick(info.Upstream.Dial); a != nil {
			a.endpoint.SetCounts(info.Upstream.Host)
			return a
		}
	}
	e := t.find(info.Upstream.Dial)
	if e == nil {
		return nil
	}
	if attempts == nil {
		attempts = t.Attempts(req)
	}
	e.Reserve(0)
	e.SetCounts(info.Upstream.Host)
	attempts.Begin(e)
	return attempts.takePick(info.Upstream.Dial)
}
