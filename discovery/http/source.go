// Package http is the source of pools that polls a URL for a list.
//
// source.go has the settings and settings.go their checks. follow.go polls, client.go is the
// connection, and list.go requests and decodes the list.
package http

import (
	"crypto/tls"
	"net/http"
	"net/url"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source polls a URL for the list of endpoints. Choose it when a program of yours knows the
// endpoints and can serve them, or when something offers them to Prometheus by
// [http_sd](https://prometheus.io/docs/prometheus/latest/http_sd/).
//
// The body is a JSON list as the source `file` reads it: addresses, endpoints with their fields, or
// groups of targets in Prometheus' format. An entry with a mistake is dropped alone. YAML is
// refused, because reading it takes 40 times its size in memory and the list comes from another
// machine. An empty list is written as `[]`.
//
// The source sends the ETag or Last-Modified of the last answer with the next request, and 304 (Not
// Modified) leaves the list as it is. Any status but 200 and 304 is an error, as is a redirect
// unless `follow_redirects` is on. After an error the pool keeps its list and asks again after
// growing pauses. A busy server (429 or 503) that sends Retry-After is asked again after that time,
// or after five minutes if that is less. Proxies are taken from the environment (HTTPS_PROXY and so
// on).
type Source struct {
	// The URL of the list, with http or https. Required. Placeholders such as {env.LIST_URL} are
	// replaced when the config is loaded. Errors name the URL without user and query, because those
	// often hold secrets.
	URL string `json:"url"`

	// The time between two requests, at least 100ms. Default: 10s.
	Interval caddy.Duration `json:"interval,omitempty"`

	// The maximum time of a request, including its body. A request that takes longer is an error.
	// Default: 5s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// Header fields to send with each request. Placeholders in values are replaced when the config
	// is loaded. A redirect to another host does not get them. Default: none.
	Headers map[string]string `json:"headers,omitempty" balance:"secret"`

	// The token to send as `Authorization: Bearer`, preferably a placeholder such as {env.TOKEN} or
	// {file./run/secrets/token}, which is replaced when the config is loaded. Default: none.
	BearerToken string `json:"bearer_token,omitempty" balance:"secret"`

	// The maximum size of the list in bytes, after decompression, from 1 to 16 MiB. A larger list
	// is an error. Default: 4 MiB, which is some 40,000 endpoints.
	MaxSize int64 `json:"max_size,omitempty"`

	// Whether to follow redirects, up to ten, but never from https to http. Default: false.
	FollowRedirects bool `json:"follow_redirects,omitempty"`

	// The TLS settings for a URL with https. Default: certificates are verified with the system's
	// authorities.
	TLS *reverseproxy.TLSConfig `json:"tls,omitempty"`

	url     *url.URL
	headers http.Header
	tls     *tls.Config
}

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.http",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalJSON refuses zeros that would become defaults.
func (s *Source) UnmarshalJSON(data []byte) error {
	type fields Source
	return options.Decode(data, (*fields)(s), "interval", "timeout", "max_size")
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source http <url> {
//	    interval     <duration>
//	    timeout      <duration>
//	    header       <field> <value>
//	    bearer_token <token>
//	    max_size     <size>
//	    follow_redirects
//	    tls
//	    tls_server_name <name>
//	    tls_trust_pool  <module> ...
//	    tls_client_auth <certificate_file> <key_file>
//	    tls_insecure_skip_verify
//	}
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d,
		caddyfile.String("url", &s.URL),
		caddyfile.Block(
			caddyfile.DurationFrom("interval", &s.Interval, discovery.MinInterval),
			caddyfile.DurationFrom("timeout", &s.Timeout, discovery.MinDuration),
			caddyfile.Pairs("header", &s.Headers),
			caddyfile.String("bearer_token", &s.BearerToken),
			caddyfile.Func("max_size", "a size up to 16MiB, such as 512KiB or 4MiB", s.setMaxSize),
			caddyfile.Flag("follow_redirects", &s.FollowRedirects),
			caddyfile.TLS(&s.TLS),
		),
	)
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Source      = (*Source)(nil)
)
