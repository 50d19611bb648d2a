package upstreams

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	return discovery.Poll(ctx, time.Duration(s.Interval), report, s.lookUp)
}

// lookUp asks the module of the config in force, which may be a later config than that of s. If
// that config ends during the call, it asks the module of the next one.
func (s *Source) lookUp(ctx context.Context) (discovery.Answer, error) {
	for {
		host := provisioned.find(s.definition)
		if host == nil { // the last config is ending, and ctx with it
			<-ctx.Done()
			return discovery.Answer{}, nil
		}
		answer, err := host.ask(ctx)
		if err == nil || host.config.Err() == nil || ctx.Err() != nil {
			return answer, err
		}
	}
}

// ask calls the module in a goroutine of its own, because some modules ignore the context. A call
// that does not return keeps one goroutine and no more: later look-ups wait for the same call.
func (s *Source) ask(ctx context.Context) (discovery.Answer, error) {
	timer := time.NewTimer(time.Duration(s.Timeout))
	defer timer.Stop()
	select {
	case result := <-s.calls.DoChan("", s.call):
		if result.Err != nil {
			return discovery.Answer{}, result.Err
		}
		return endpoints(result.Val.([]*reverseproxy.Upstream)), nil
	case <-timer.C:
		return discovery.Answer{}, fmt.Errorf("the module has not answered within %s", time.Duration(s.Timeout))
	case <-ctx.Done():
		return discovery.Answer{}, ctx.Err()
	}
}

// call calls the module. Its context ends with the config of the module, not with the look-up that
// began the call, because other look-ups may wait for the same call.
func (s *Source) call() (result any, err error) {
	defer recovered.Into(&err, "the module")
	ctx, cancel := context.WithTimeout(s.config, time.Duration(s.Timeout))
	defer cancel()
	return s.upstreams.GetUpstreams(syntheticRequest(ctx))
}

// syntheticRequest returns a request with what modules expect of each: a replacer and variables.
func syntheticRequest(ctx context.Context) *http.Request {
	ctx = context.WithValue(ctx, caddy.ReplacerCtxKey, caddy.NewReplacer())
	ctx = context.WithValue(ctx, caddyhttp.VarsCtxKey, make(map[string]any))
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/", nil)
	return r
}
