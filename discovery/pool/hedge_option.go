package pool

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// HedgeOptions say when a request goes to a second endpoint because the first takes long.
type HedgeOptions struct {
	// The percentile of the times to first byte of a route after which a second attempt is made,
	// from 50 to 99.9. A higher one makes fewer attempts, and later. Default: 95.
	Percentile float64 `json:"percentile,omitempty"`

	// The maximum number of second attempts, in percent of all requests of the pool. Beyond it none
	// is made; a request that still waits after twice the time is considered again. Default: 5.
	Max float64 `json:"max,omitempty"`
}

const (
	defaultPercentile, minPercentile, maxPercentile = 95, 50, 99.9

	defaultMaxHedges = 5
)

// UnmarshalJSON refuses zeros that would become defaults.
func (h *HedgeOptions) UnmarshalJSON(data []byte) error {
	type fields HedgeOptions
	return options.Decode(data, (*fields)(h), "percentile", "max")
}

// hedgeOption is the option of the pool's block.
func (o *RequestOptions) hedgeOption() caddyfile.Param {
	var given HedgeOptions
	return caddyfile.Line("hedge",
		caddyfile.Func("percentile", "a percentile from p50 to p99.9, such as p95", func(text string) bool {
			o.Hedge = &given
			number, named := strings.CutPrefix(text, "p")
			value, err := strconv.ParseFloat(number, 64)
			given.Percentile = value
			return named && err == nil && value >= minPercentile && value <= maxPercentile
		}),
		caddyfile.Optional(caddyfile.Named(given.maxParam())),
	)
}

func (h *HedgeOptions) maxParam() caddyfile.Param {
	return caddyfile.Func("max", "a percentage above 0%, up to 100%", func(text string) bool {
		number, signed := strings.CutSuffix(text, "%")
		value, err := strconv.ParseFloat(number, 64)
		h.Max = value
		return signed && err == nil && value > 0 && value <= 100
	})
}

// check checks the settings and sets defaults.
func (h *HedgeOptions) check() error {
	if h.Percentile == 0 {
		h.Percentile = defaultPercentile
	}
	if h.Max == 0 {
		h.Max = defaultMaxHedges
	}
	if !(h.Percentile >= minPercentile && h.Percentile <= maxPercentile) {
		return fmt.Errorf("percentile: %v is not between %v and %v", h.Percentile, minPercentile, maxPercentile)
	}
	if !(h.Max > 0 && h.Max <= 100) {
		return fmt.Errorf("max: %v is not a percentage above 0, up to 100", h.Max)
	}
	return nil
}

// provisionHedge makes the transport hedge requests.
func (p *Pool) provisionHedge(log *zap.Logger) error {
	if p.Hedge == nil {
		return nil
	}
	if err := p.Hedge.check(); err != nil {
		return fmt.Errorf("hedge: %w", err)
	}
	if p.picker == nil {
		return errors.New("hedge: needs a selection policy of this plugin, which picks for the pool")
	}
	policy := p.handler.LoadBalancing.SelectionPolicy
	if holder, ok := policy.(endpoint.SessionHolder); ok && holder.HoldsSessions() {
		return fmt.Errorf("hedge: the policy %s sends a session to one endpoint only", attempt.PolicyName(policy))
	}
	if text := headersAboutUpstream(p.handler); text != "" {
		return fmt.Errorf("hedge: a header has %s, and a hedged request goes to two upstreams", text)
	}
	if p.transport.IsFastCGI() {
		log.Warn("requests are not hedged over FastCGI", zap.String("pool", p.Name))
		return nil
	}
	p.warnOfLists(policy, log)
	p.transport.Hedge(attempt.Hedging{
		Roster: p.claim.Roster, Share: p.Hedge.Percentile / 100, Most: p.Hedge.Max / 100, Pick: p.picker.Pick,
		Log: log,
	})
	return nil
}

// warnOfLists says in the log if a part of the requests is never hedged: a second attempt is picked
// by this plugin, and not by a policy of Caddy's that a group or a fallback of the policy is.
func (p *Pool) warnOfLists(policy any, log *zap.Logger) {
	lister, ok := policy.(interface{ Fallback() any })
	if !ok || lister.Fallback() == nil {
		return
	}
	log.Warn("requests are not hedged for which a policy needs a list", zap.String("pool", p.Name),
		zap.String("policy", attempt.PolicyName(policy)),
		zap.String("needs_list", attempt.PolicyName(lister.Fallback())))
}

// headersAboutUpstream returns a placeholder about the upstream that the handler puts into a
// header. The field Host may have the address, as it does for TLS, and is set for each upstream.
func headersAboutUpstream(h *reverseproxy.Handler) string {
	if h.Headers == nil || h.Headers.Request == nil {
		return ""
	}
	ops := h.Headers.Request
	var texts []string
	for _, fields := range []map[string][]string{ops.Add, ops.Set} {
		for name, values := range fields {
			if !strings.EqualFold(name, "Host") || len(values) != 1 || values[0] != upstreamHostport {
				texts = append(texts, values...)
			}
		}
	}
	for _, replacements := range ops.Replace {
		for _, r := range replacements {
			texts = append(texts, r.Replace)
		}
	}
	for _, text := range texts {
		if _, after, found := strings.Cut(text, "{http.reverse_proxy.upstream."); found {
			name, _, _ := strings.Cut(after, "}")
			return "{http.reverse_proxy.upstream." + name + "}"
		}
	}
	return ""
}

const upstreamHostport = "{http.reverse_proxy.upstream.hostport}"
