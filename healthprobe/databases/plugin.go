package databases

// A Caddy that is built with this module alone has the rest of the plugin, too: policies, sources
// and the admin API.
import _ "github.com/caddy-balance/caddy-balance"
