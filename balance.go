// Package balance adds load balancing to Caddy's reverse proxy: selection policies,
// and an upstream source backed by service discovery. Importing it registers all modules.
//
// The map of the code: discovery says who could serve. healthprobe says who can serve now. lbpolicy
// says who serves this request. They never import one another. They meet in internal/endpoint, which outlives
// any one config. caddyfile turns text into their settings. internal/attempt tells what
// became of a request at an endpoint.
package balance

import (
	_ "github.com/caddy-balance/caddy-balance/discovery/dns"
	_ "github.com/caddy-balance/caddy-balance/discovery/file"
	_ "github.com/caddy-balance/caddy-balance/discovery/http"
	_ "github.com/caddy-balance/caddy-balance/discovery/pool"
	_ "github.com/caddy-balance/caddy-balance/discovery/registry"
	_ "github.com/caddy-balance/caddy-balance/discovery/static"
	_ "github.com/caddy-balance/caddy-balance/discovery/upstreams"
	_ "github.com/caddy-balance/caddy-balance/healthprobe"
	_ "github.com/caddy-balance/caddy-balance/healthprobe/outlier"
	_ "github.com/caddy-balance/caddy-balance/internal/status"
	_ "github.com/caddy-balance/caddy-balance/lbpolicy"
)
