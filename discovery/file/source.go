package file

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/fsnotify/fsnotify"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func init() { caddy.RegisterModule(new(Source)) }

// FileSource reads endpoints from files and follows their changes within a second. Choose it when
// something else already knows the endpoints and can write a file: a template, a deploy script, a
// Kubernetes ConfigMap, or a tool that writes Prometheus target lists.
//
// A file is a list in JSON or YAML. An entry is an address, or an endpoint with any of these fields:
//
//	[
//	  "10.0.0.6:8080",
//	  {"address": "10.0.0.7:8080", "weight": 3, "id": "web-7", "zone": "eu-1a", "priority": 0,
//	   "max_requests": 200, "draining": false, "metadata": {"version": "v2"}}
//	]
//
// or a group of targets as Prometheus' file_sd has it, `{"targets": ["10.0.0.8:8080"], "labels": {...}}`,
// where the labels `weight` and `zone` set these fields and all other labels are metadata. A file has
// at most 16 MiB. An empty list is written as `[]`.
//
// A file with a mistake keeps the endpoints it had, and one error names its line and entry; the other files
// are not affected. An empty file is a mistake too, since it is what a half-written one looks like. A file
// that vanishes keeps its endpoints as well, because many tools delete before they write; to take the
// endpoints away write `[]`. With a glob, taking a file away is meant: its endpoints go. (They stay
// if it is the folder that vanishes.) A file that is not there at the start is waited for.
//
// Writers best write a new file and rename it over the old one, so that no half of it is ever seen.
type Source struct {
	// The files, by path or glob such as /etc/caddy/pools/*.json; at least one. `*` does not match a leading dot,
	// so that editors' own files are left alone. Placeholders such as {env.LISTS} are replaced when
	// the config is loaded. On a duplicate address the first path wins, and inside of a glob
	// the first file by name.
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

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	source file <paths or globs...>
func (s *Source) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Strings("path", &s.Paths))
}

// Provision implements caddy.Provisioner. It opens no list: a missing one is no error.
func (s *Source) Provision(caddy.Context) error {
	if len(s.Paths) == 0 {
		return errors.New("paths: is empty; expected at least one path or glob")
	}
	replacer := caddy.NewReplacer()
	s.absolute = make([]string, len(s.Paths))
	for i, given := range s.Paths {
		path, err := replacer.ReplaceOrErr(given, true, true)
		switch {
		case err != nil:
			return fmt.Errorf("paths: %q: %w", given, err)
		case path == "":
			return fmt.Errorf("paths: path %d is empty", i+1)
		}
		if _, err := filepath.Match(path, ""); err != nil {
			return fmt.Errorf("paths: %q is not a glob: %w", given, err)
		}
		if s.absolute[i], err = filepath.Abs(path); err != nil {
			return fmt.Errorf("paths: %q: %w", given, err)
		}
	}
	return nil
}

// Run implements Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	s.run(ctx, report, &fileWatch{newWatcher: fsnotify.NewWatcher, interval: fileInterval})
	return nil
}

func (s *Source) run(ctx context.Context, report discovery.Report, watch *fileWatch) {
	files := newFileSet(s.absolute)
	say := func(list []listing.Info, err error) {
		if list != nil || err != nil {
			report(discovery.Answer{Endpoints: list, Err: err, Authoritative: true})
		}
	}
	defer watch.close()
	say(nil, watch.start())
	for again := true; again; again = watch.wait(ctx) {
		// Watching before looking misses nothing that happens in between.
		say(nil, watch.follow(files.folders()))
		say(files.look(time.Now()))
	}
}

// Local implements Local: the files have the list.
func (*Source) Local() {}

// Interface guards
var (
	_ caddy.Provisioner     = (*Source)(nil)
	_ caddyfile.Unmarshaler = (*Source)(nil)
	_ discovery.Local       = (*Source)(nil)
)
