package http

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
)

func init() { caddy.RegisterModule(new(Source)) }

// HTTPSource asks a URL for the list of endpoints, again and again. Choose it when a program of yours
// knows the endpoints and can serve them, or when something offers them to Prometheus by
// [http_sd](https://prometheus.io/docs/prometheus/latest/http_sd/).
//
// The body is a list in JSON as the source `file` takes it: addresses, endpoints with their fields, or groups of targets as
// Prometheus has them. An entry with a mistake is left out, and the others are taken. YAML is not taken, because reading it
// takes 40 times its size in memory and the list is somebody else's. An empty list is written as `[]`.
//
// An ETag or Last-Modified of the answer is sent back with the next request, and 304 (Not Modified) leaves the list as it
// is. Any status but 200 and 304 is an error, as is a redirect unless `follow_redirects` is on. After an error the pool keeps its
// list and asks again with growing pauses. A server that is busy (429 or 503) and says Retry-After is asked again
// when it wants to be, but within five minutes. Proxies are taken from the environment (HTTPS_PROXY and so on).
type Source struct {
	// Where the list is, with http or https. Placeholders such as {env.LIST_URL} are replaced when the config is loaded. Errors name
	// the URL without user and query, since those are often secrets.
	URL string `json:"url"`

	// The time between two requests. Default: 10s.
	Interval caddy.Duration `json:"interval,omitempty"`

	// How long a request may take, with its body. Default: 5s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// Fields to send with each request. Placeholders in values are replaced when the config is loaded. They are not sent
	// to another host that a redirect leads to.
	Headers map[string]string `json:"headers,omitempty"`

	// The token to send as `Authorization: Bearer`, best a placeholder such as {env.TOKEN} or {file./run/secrets/token}, which is
	// replaced when the config is loaded.
	BearerToken string `json:"bearer_token,omitempty"`

	// The most bytes that the list may have, decompressed; up to 16 MiB. Default: 4 MiB, which
	// is some 40,000 endpoints.
	MaxSize int64 `json:"max_size,omitempty"`

	// Whether to follow redirects, up to ten, but never from https to http. Default: false.
	FollowRedirects bool `json:"follow_redirects,omitempty"`

	// How to speak TLS to a URL with https, if not with the system's certificate authorities.
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
		caddyfile.Block(append([]caddyfile.Param{
			caddyfile.Duration("interval", &s.Interval),
			caddyfile.Duration("timeout", &s.Timeout),
			caddyfile.Pairs("header", &s.Headers),
			caddyfile.String("bearer_token", &s.BearerToken),
			caddyfile.Func("max_size", "a size up to 16MiB, such as 512KiB or 4MiB", s.setMaxSize),
			caddyfile.Flag("follow_redirects", &s.FollowRedirects),
		}, caddyfile.TLS(&s.TLS)...)...),
	)
}

// Provision implements caddy.Provisioner. It asks nobody.
func (s *Source) Provision(ctx caddy.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := cmp.Or(s.parseURL(), s.makeHeaders()); err != nil {
		return err
	}
	return s.makeTLS(ctx)
}

// Run implements Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	client, closeIdle := s.client()
	defer closeIdle()
	return s.follow(ctx, client, report)
}

// follow also waits for a server that is busy, where the pool would only know that something is wrong.
func (s *Source) follow(ctx context.Context, client *http.Client, report discovery.Report) error {
	list := httpList{source: s, client: client}
	for {
		err := discovery.Poll(ctx, time.Duration(s.Interval), report, list.get)
		var busy *busyError
		if !errors.As(err, &busy) {
			return err
		}
		report(discovery.Answer{Err: err})
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(max(busy.pause, time.Duration(s.Interval)), longestRetryAfter)):
		}
	}
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Source      = (*Source)(nil)
)
