// What proves discovery against real registries. A module of its own keeps the clients of all
// registries out of everybody's builds.
module github.com/caddy-balance/caddy-balance/internal/e2e

go 1.26.0

require github.com/miekg/dns v1.1.73

require (
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

replace github.com/caddy-balance/caddy-balance => ../..
