package main

import (
	"context"

	"github.com/caddy-balance/caddy-balance/internal/process"
)

// connectionPrograms are the proxies of layer 4 by the name that the command line uses.
var connectionPrograms = map[string]*program{
	"pool": {
		title: "Caddy", variant: ", pool", binary: "pool", config: connectionPoolConfig, args: caddyArgs,
		version: []string{"version"}, build: buildCaddyWithLayer4,
	},
	"caddy": {
		title: "Caddy", variant: ", `proxy`", binary: "caddy", config: connectionProxyConfig, args: caddyArgs,
		version: []string{"version"}, build: buildCaddyWithLayer4,
	},
	"bare": {
		title: "Go", variant: ", a bare loop", binary: "bare", config: bareConfig,
		args: func(config string) []string { return []string{config} },
		build: func(ctx context.Context, folder string) (string, error) {
			return process.Build(ctx, folder, "internal/lab/bare")
		},
	},
	"haproxy": {
		title: "HAProxy", binary: "haproxy", config: haproxyConnectionConfig, args: haproxyArgs,
		version: []string{"-v"},
	},
}

func buildCaddyWithLayer4(ctx context.Context, folder string) (path string, err error) {
	return process.BuildNested(ctx, folder, "layer4", "internal/caddy")
}
