// Caddy is a Caddy with the balance modules and the app for layer 4, for the lab.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-balance/caddy-balance/layer4"
)

func main() { caddycmd.Main() }
