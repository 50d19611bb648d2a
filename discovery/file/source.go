// Package file is the source of pools that reads endpoints from files and follows their changes.
//
// source.go has the settings and settings.go their checks. follow.go looks for changes when
// watch.go says so, set.go and glob.go know the files, and list.go reads one of them.
package file

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(Source)) }

// Source reads endpoints from files and follows their changes within a second. Choose it when
// something else already knows the endpoints and can write a file: a template, a deploy script, a
// Kubernetes ConfigMap, or a tool that writes target lists for Prometheus.
//
// A file is a list in JSON or YAML. An entry is an address, or an endpoint with any of these
// fields:
//
//	[
//	  "10.0.0.6:8080",
//	  {"address": "10.0.0.7:8080", "weight": 3, "id": "web-7", "zone": "eu-1a", "priority": 0,
//	   "max_requests": 200, "draining": false, "metadata": {"version": "v2"}}
//	]
//
// or a group of targets in the format of Prometheus' file_sd, `{"targets": ["10.0.0.8:8080"],
// "labels": {...}}`. The labels `weight` and `zone` set these fields and all other labels become
// metadata. A target in two groups belongs to the first, and the status names the second. A file
// has at most 16 MiB. An empty list is written as `[]`.
//
// A file with a mistake keeps its last endpoints, and one error names the line and the entry. The
// other files are not affected. An empty file is a mistake too, because a half-written file looks
// like that. A file that disappears keeps its endpoints as well, because many tools delete before
// they write. To remove the endpoints, write `[]`. With a glob, removing a file removes its
// endpoints. (They stay if the folder itself disappears.) A file that does not exist at the start
// is waited for.
//
// To replace a list in one step, write a new file and rename it over the old one.
type Source struct {
	// The files, by path or glob such as /etc/caddy/pools/*.json. At least one is required. `*`
	// does not match a leading dot, so the temporary files of editors are left out. Placeholders
	// such as {env.LISTS} are replaced when the config is loaded. On a duplicate address the first
	// path wins, and inside of a glob the first file by name.
	Paths []string `json:"paths"`

	absolute []string
}

// CaddyModule returns the Caddy module information.
func (*Source) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.file",
		New: func() caddy.Module { return new(Source) },
	}
}

// UnmarshalJSON makes errors name the option.
func (s *Source) UnmarshalJSON(data []byte) error {
	type fields Source
	return options.Decode(data, (*fields)(s))
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source file <paths or globs...>
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Strings("path", &s.Paths))
}

// Local implements discovery.Local: the files themselves keep the list.
func (*Source) Local() {}

// Trusted implements discovery.Trusted: the files are part of the machine, as the config is.
func (*Source) Trusted() {}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Local       = (*Source)(nil)
	_ discovery.Trusted     = (*Source)(nil)
)
