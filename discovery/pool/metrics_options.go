package pool

import "github.com/caddy-balance/caddy-balance/caddyfile"

// MetricsOptions say what Caddy's metrics tell of a pool.
type MetricsOptions struct {
	// Whether there are metrics of each endpoint, besides those of the pool as a whole. Each
	// endpoint has about 40 series. Default: true for up to 1,000 endpoints, and false beyond that.
	PerEndpoint *bool `json:"per_endpoint,omitempty"`
}

// metricsOption is the option of the pool's block that concerns metrics.
func (d *Definition) metricsOption() caddyfile.Param {
	var given MetricsOptions
	return caddyfile.Section("metrics", caddyfile.Func("per_endpoint", "on or off", func(text string) bool {
		on := text == "on"
		given.PerEndpoint, d.Metrics = &on, &given
		return on || text == "off"
	}))
}

// metricsPerEndpoint returns the setting, nil if it is automatic.
func (d *Definition) metricsPerEndpoint() *bool {
	if d.Metrics == nil {
		return nil
	}
	return d.Metrics.PerEndpoint
}
