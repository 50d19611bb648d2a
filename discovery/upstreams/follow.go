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
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// lookup asks the module of whatever config is in force.
func (s *Source) lookup(ctx context.Context) (discovery.Answer, error) {
	for {
		host := hosted.find(s.definition)
		if host == nil { // the last config is about to end, and ctx with it
			<-ctx.Done()
			return discovery.Answer{}, nil
		}
		answer, err := host.ask(ctx)
		if err == nil || host.config.Err() == nil || ctx.Err() != nil {
			return answer, err
		}
	}
}

// ask calls the module in a goroutine of its own, since not all of them heed the context. One that does
// not come back keeps that goroutine, and no more than that: whoever asks next waits for the same call.
func (s *Source) ask(ctx context.Context) (discovery.Answer, error) {
	timer := time.NewTimer(time.Duration(s.Timeout))
	defer timer.Stop()
	select {
	case result := <-s.calls.DoChan("", s.call):
		if result.Err != nil {
			return discovery.Answer{}, result.Err
		}
		return gather(result.Val.([]*reverseproxy.Upstream)), nil
	case <-timer.C:
		return discovery.Answer{}, fmt.Errorf("the module has not answered within %s", time.Duration(s.Timeout))
	case <-ctx.Done():
		return discovery.Answer{}, ctx.Err()
	}
}

// call lets the module have its time as long as its config lasts, whoever waits for it.
func (s *Source) call() (result any, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("the module panicked: %v", value)
		}
	}()
	ctx, cancel := context.WithTimeout(s.config, time.Duration(s.Timeout))
	defer cancel()
	return s.upstreams.GetUpstreams(syntheticRequest(ctx))
}

// requestOfNobody has what modules expect of every request: a replacer and variables.
func syntheticRequest(ctx context.Context) *http.Request {
	ctx = context.WithValue(ctx, caddy.ReplacerCtxKey, caddy.NewReplacer())
	ctx = context.WithValue(ctx, caddyhttp.VarsCtxKey, make(map[string]any))
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/", nil)
	return r
}

func gather(upstreams []*reverseproxy.Upstream) discovery.Answer {
	var g discovery.AnswerBuilder
	for i, u := range upstreams {
		if key := fmt.Sprintf("upstream %d", i+1); u == nil {
			g.Drop(key, fmt.Errorf("is nil"))
		} else {
			g.Add(key, listing.Info{Address: u.Dial, Weight: 1, MaxRequests: u.MaxRequests})
		}
	}
	return g.Answer()
}
