package layer4

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/role"
)

// openConnections are the connections of the process that close when their endpoint loses its role.
var openConnections role.All[*relay]

// watchRoles closes connections to endpoints of a roster that lose their role and do not get it
// back within the grace. An endpoint that is not in the list has none.
func watchRoles(r *endpoint.Roster, grace time.Duration) *role.Watch[*relay] {
	return role.NewWatch(&openConnections, r, grace, role.AbsentLoses)
}

// Endpoint implements role.Running.
func (r *relay) Endpoint() *endpoint.Endpoint { return r.stream.Endpoint() }

// Abort implements role.Running.
func (r *relay) Abort() { r.abort() }
