package pool

import "github.com/caddy-balance/caddy-balance/internal/endpoint"

// Roster is what a benchmark follows to see its change published.
func (p *Pool) Roster() *endpoint.Roster { return p.claim.Roster }
