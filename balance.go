// Package balance adds load balancing to Caddy's reverse proxy: upstream pools that follow service
// discovery, health checks, outlier ejection, and selection policies. Importing it registers all of
// its modules.
//
// The map of the code, by the question that each package answers:
//
//   - discovery: which endpoints exist? Each source is a folder; discovery/pool merges them.
//   - healthprobe: which endpoints work now? healthprobe/outlier judges by real requests.
//   - lbpolicy: which endpoint gets this request?
//
// These three never import one another. They meet in internal/endpoint, which keeps what is known
// of each endpoint beyond a reload. Around it, internal/attempt observes each request at an
// endpoint, internal/load estimates from that how fast the endpoint is, and internal/listing reads
// lists. Package caddyfile turns text into settings.
//
// The imports below are the table of contents. Sources with a client library of their own, such as
// discovery/consul, are separate Go modules and register themselves when they are added to a build.
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
	_ "github.com/caddy-balance/caddy-balance/internal/command"
	_ "github.com/caddy-balance/caddy-balance/internal/status"
	_ "github.com/caddy-balance/caddy-balance/lbpolicy"
)
