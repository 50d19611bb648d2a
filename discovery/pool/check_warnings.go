package pool

import "go.uber.org/zap"

// lacksProxyHeader is a monitor that may connect to endpoints without the header of the PROXY
// protocol.
type lacksProxyHeader interface{ LacksProxyHeader() bool }

// compareProxyHeaders warns once if requests begin with the header of the PROXY protocol and checks
// of the same port do not. Servers that take the header demand it, so all checks would fail.
func (p *Pool) compareProxyHeaders() {
	if !p.transport.ProxyProtocolEnabled() {
		return
	}
	for _, m := range p.monitors {
		if l, ok := m.(lacksProxyHeader); ok && l.LacksProxyHeader() && p.claim.Roster.FirstTime("PROXY header") {
			p.logger.Warn("health probe sends no PROXY header, but the transport does", zap.String("pool", p.Name),
				zap.String("expected", "proxy_protocol in the block of the probe"))
		}
	}
}

// compareActiveChecks warns once if Caddy's own active checks are on and check no endpoint: Caddy
// checks static upstreams only. It does not refuse them, because they do no harm.
func (p *Pool) compareActiveChecks() {
	checks := p.handler.HealthChecks
	if checks == nil || checks.Active == nil || !checks.Active.IsEnabled() || len(p.handler.Upstreams) > 0 {
		return
	}
	if p.claim.Roster.FirstTime("active checks") {
		p.logger.Warn("Caddy's active health checks do not check the endpoints of a pool", zap.String("pool", p.Name),
			zap.String("expected", "a health block in the pool, with a probe, instead of health_uri and the like"))
	}
}
