// Caddy is a Caddy with the balance modules, whose storage fails on demand, and whose admin API
// says what is in flight.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-balance/caddy-balance"
)

func main() { caddycmd.Main() }
