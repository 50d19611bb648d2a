package layer4

import (
	// The app and the handlers and matchers that configs consist of.
	_ "github.com/mholt/caddy-l4"

	// A Caddy that is built with this module alone has the rest of the plugin, too: policies,
	// probes and the admin API.
	_ "github.com/caddy-balance/caddy-balance"
)
