package attempt

import (
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Defaults of the latency estimate, for handlers whose policy does not set them.
const (
	DefaultDecay        = 10 * time.Second
	DefaultErrorPenalty = 5 * time.Second
)

// Transport observes the attempts of one handler on their way through its transport.
type Transport struct {
	http.RoundTripper

	// Decay and ErrorPenalty are how observations are written into endpoints.
	Decay, ErrorPenalty time.Duration

	key     string
	rosters []*endpoint.Roster
}

// Install puts a Transport around the transport of the reverse proxy that is being
// provisioned, or finds the one that is there already. Both results are nil if no
// reverse proxy is.
//
// This relies on Caddy: a guest sees its host in ctx.Modules; the host loads its
// transport before its selection policy and that before its upstream source; and a
// transport that is set by then is kept. A test fails if that ceases to hold.
func Install(ctx caddy.Context) (*Transport, *reverseproxy.Handler, error) {
	handler := hostOf(ctx)
	if handler == nil {
		return nil, nil, nil
	}
	if t, ok := handler.Transport.(*Transport); ok {
		return t, handler, nil
	}
	if handler.Transport == nil {
		// Loaded as a module, unlike Caddy's own default, so that it is cleaned up.
		module, err := ctx.LoadModuleByID("http.reverse_proxy.transport.http", nil)
		if err != nil {
			return nil, nil, fmt.Errorf("making the default transport: %v", err)
		}
		handler.Transport = module.(http.RoundTripper)
	}
	t := &Transport{RoundTripper: handler.Transport, Decay: DefaultDecay, ErrorPenalty: DefaultErrorPenalty}
	t.key = fmt.Sprintf("balance.tries.%p", t)
	handler.Transport = t
	return t, handler, nil
}

// hostOf is the innermost reverse proxy among the modules being provisioned.
func hostOf(ctx caddy.Context) *reverseproxy.Handler {
	modules := ctx.Modules()
	for i := len(modules) - 1; i >= 0; i-- {
		if h, ok := modules[i].(*reverseproxy.Handler); ok {
			return h
		}
	}
	return nil
}

// Attend makes attempts at the endpoints of a roster observed even if their pick was
// made by a policy that knows nothing of them. Call it while provisioning.
func (t *Transport) Observe(r *endpoint.Roster) { t.rosters = append(t.rosters, r) }

// Attended are the rosters that the handler's pools have.
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
	if a := t.attempt(req); a != nil {
		return a.roundTrip(req, t.RoundTripper)
	}
	return t.RoundTripper.RoundTrip(req)
}

// attempt is the one that the request makes, nil if it is none of ours: Caddy's own
// health checks come this way too, and are known by having no variables.
func (t *Transport) attempt(req *http.Request) *Attempt {
	info, ok := reverseproxy.GetDialInfo(req.Context())
	if !ok || info.Upstream == nil {
		return nil
	}
	vars, ok := req.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	if !ok {
		return nil
	}
	tries, _ := vars[t.key].(*RequestAttempts)
	if tries != nil {
		if a := tries.claim(info.Upstream.Dial); a != nil {
			a.endpoint.SetCounts(info.Upstream.Host)
			return a
		}
	}
	e := t.find(info.Upstream.Dial)
	if e == nil {
		return nil
	}
	if tries == nil {
		tries = t.Tries(req)
	}
	e.Reserve(0)
	e.SetCounts(info.Upstream.Host)
	tries.Begin(e)
	return tries.claim(info.Upstream.Dial)
}
