package pool

import "github.com/caddy-balance/caddy-balance/internal/endpoint"

// Roster returns the roster, from which a benchmark learns that its change is published.
func (p *Pool) Roster() *endpoint.Roster { return p.claim.Roster }
