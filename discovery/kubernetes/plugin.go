package kubernetes

// The import adds the rest of the plugin to a Caddy that is built with this module alone: policies,
// probes and the admin API.
import _ "github.com/caddy-balance/caddy-balance"
